import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator, Scenario } from "@stint/emulator"
import { Effect, Fiber, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { send } from "./fixture/text.ts"
import { at, call, createBody, manage, type Services, spec } from "./harness.ts"

const test = (
  name: string,
  rules: Scenario.Input["rules"],
  body: Effect.Effect<unknown, unknown, Services>,
  options?: Emulator.Options
) =>
  it.effect(name, () =>
    body.pipe(Effect.provide(Emulator.layerTest(Scenario.make({ rules }), { boot: "1 minute", ...options })))
  )

const running = Effect.gen(function* () {
  const { create, get } = yield* Endpoints.Endpoints
  yield* create("a", spec)
  yield* TestClock.adjust("1 minute")
  return (yield* get("a")).url ?? (yield* Effect.die("no url yet"))
})

const health = (url: URL) => Effect.map(call("GET", new URL("/health", url)), ({ status }) => status)

const state = Effect.flatMap(Endpoints.Endpoints, ({ get }) =>
  Effect.map(get("a"), (endpoint) => endpoint.state)
)

const list = manage("GET", "emulator")

/** How a call fails, as its client sees it. */
const failure = <E extends { readonly _tag: string }>(effect: Effect.Effect<unknown, E, Services>) =>
  Effect.map(Effect.flip(effect), (error) => error._tag)

describe("which requests a rule strikes", () => {
  test(
    "those from the nth to the nth of its kind",
    [{ on: { route: "list", from: 2, to: 3 }, do: { status: 503 } }],
    Effect.gen(function* () {
      yield* manage("GET", "emulator/a")
      const statuses = yield* Effect.forEach([1, 2, 3, 4], () => list)
      assert.deepStrictEqual(
        statuses.map(({ status }) => status),
        [200, 503, 503, 200]
      )
    })
  )

  test(
    "those in a stretch of time",
    [{ on: { after: "1 minute", before: "2 minutes" }, do: { status: 500 } }],
    Effect.gen(function* () {
      const status = Effect.map(list, ({ status }) => status)
      assert.strictEqual(yield* status, 200)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* status, 500)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* status, 200)
    })
  )

  test(
    "those of a plane, a method, a path or an endpoint",
    [
      { on: { plane: "hub" }, do: { status: 520 } },
      { on: { method: "put" }, do: { status: 521 } },
      { on: { path: "/v2/provider*" }, do: { status: 522 } },
      { on: { plane: "management", endpoint: "b*" }, do: { status: 523 } }
    ],
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const status = (path: string, method: "GET" | "PUT" = "GET") =>
        Effect.map(call(method, new URL(path, urls.hub)), ({ status }) => status)
      assert.strictEqual(yield* status("/api/whoami-v2"), 520)
      assert.strictEqual(yield* status("/v2/endpoint/emulator/a", "PUT"), 521)
      assert.strictEqual(yield* status("/v2/provider/emulator"), 522)
      assert.strictEqual(yield* status("/v2/endpoint/emulator/batch"), 523)
      assert.strictEqual(yield* status("/v2/endpoint/emulator/a"), 404)
    })
  )

  test(
    "of several rules all count, and the first that answers wins",
    [
      { on: { to: 1 }, do: { status: 500 } },
      { on: { to: 2 }, do: { status: 502 } }
    ],
    Effect.gen(function* () {
      const statuses = yield* Effect.forEach([1, 2, 3], () => list)
      assert.deepStrictEqual(
        statuses.map(({ status }) => status),
        [500, 502, 200]
      )
    })
  )
})

describe("what befalls a request", () => {
  test(
    "an answer of the rule's own: status, body and headers",
    [
      { on: { to: 1 }, do: { status: 429, headers: { "retry-after": "7" } } },
      { on: { from: 2 }, do: { status: 500, body: "<h1>Bad</h1>", headers: { "content-type": "text/html" } } }
    ],
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const first = yield* send("GET", urls.management)
      assert.strictEqual(first.headers["retry-after"], "7")
      assert.deepStrictEqual(yield* first.json, { error: "429 Too Many Requests", code: "TOO_MANY_REQUESTS" })
      const second = yield* send("GET", urls.management)
      assert.strictEqual(yield* second.text, "<h1>Bad</h1>")
      assert.strictEqual(second.headers["content-type"], "text/html")
    })
  )

  test(
    "a delay, and then its answer",
    [{ on: { route: "list" }, do: { delay: "20 seconds" } }],
    Effect.gen(function* () {
      const answer = yield* Effect.forkChild(list, { startImmediately: true })
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(answer)).status, 200)
    })
  )

  test(
    "a connection that is cut before or after it has worked",
    [
      { on: { route: "create", to: 1 }, do: { reset: "before" } },
      { on: { route: "create", from: 2 }, do: { reset: "after" } }
    ],
    Effect.gen(function* () {
      const create = manage("POST", "emulator", { body: createBody("a") })
      const exists = Effect.map(manage("GET", "emulator/a"), ({ status }) => status)
      assert.strictEqual(yield* failure(create), "HttpClientError")
      assert.strictEqual(yield* exists, 404)
      assert.strictEqual(yield* failure(create), "HttpClientError")
      assert.strictEqual(yield* exists, 200)
      const { byStatus } = yield* (yield* Emulator.Emulator).counts
      assert.strictEqual(byStatus["management 444"], 2)
    })
  )

  test(
    "silence, before or after it has worked",
    [
      { on: { route: "create", to: 1 }, do: { hang: "before" } },
      { on: { route: "create", from: 2 }, do: { hang: "after" } }
    ],
    Effect.gen(function* () {
      const create = manage("POST", "emulator", { body: createBody("a") })
      for (const after of [404, 200]) {
        const answer = yield* Effect.forkChild(create, { startImmediately: true })
        yield* TestClock.adjust("1 day")
        assert.isUndefined(answer.pollUnsafe())
        assert.strictEqual((yield* manage("GET", "emulator/a")).status, after)
        yield* Fiber.interrupt(answer)
      }
    })
  )

  test(
    "a body that breaks off",
    [{ on: { plane: "data" }, do: { cutBody: 3 } }],
    Effect.gen(function* () {
      const url = yield* running
      const response = yield* send("POST", url, { body: { inputs: "a dog" } })
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* failure(response.text), "HttpClientError")
    })
  )

  test(
    "a body that takes its time",
    [{ on: { plane: "data" }, do: { slowBody: { bytes: 10, every: "1 second" } } }],
    Effect.gen(function* () {
      const url = yield* running
      const answer = yield* Effect.forkChild(
        Effect.flatMap(send("GET", url), (response) => response.text),
        { startImmediately: true }
      )
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(answer), "x".repeat(100))
    }),
    {
      engines: () => ({
        name: "long",
        healthRoute: "/health",
        handle: () => Effect.succeed(HttpServerResponse.text("x".repeat(100)))
      })
    }
  )

  test(
    "a page where JSON was asked for",
    [{ on: { route: "get" }, do: { garbage: true } }],
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const response = yield* send("GET", `${urls.management.href}/endpoint/emulator/a`)
      assert.strictEqual(response.status, 200)
      assert.match(yield* response.text, /^<!DOCTYPE html>/)
      const { get } = yield* Endpoints.Endpoints
      assert.strictEqual(yield* failure(get("a")), "ApiError")
    })
  )

  test(
    "a state that somebody else has put the endpoint into",
    [{ on: { plane: "data", from: 2, to: 2 }, do: { state: "paused" } }],
    Effect.gen(function* () {
      const { get } = yield* Endpoints.Endpoints
      const url = yield* running
      assert.strictEqual(yield* health(url), 200)
      assert.strictEqual(yield* health(url), 400)
      const { status } = yield* get("a")
      assert.deepStrictEqual([status.state, status.updatedBy?.name], ["paused", "somebody-else"])
    })
  )
})

describe("what befalls a pause", () => {
  test(
    "it fails a few times, and then works",
    [{ do: { pauseFails: 2 } }],
    Effect.gen(function* () {
      yield* running
      const pause = Effect.map(manage("POST", "emulator/a/pause"), ({ status }) => status)
      assert.deepStrictEqual([yield* pause, yield* pause], [500, 500])
      assert.strictEqual(yield* state, "running")
      assert.strictEqual(yield* pause, 200)
      assert.strictEqual(yield* state, "paused")
    })
  )

  test(
    "it lies: the answer says paused, and the bill goes on",
    [{ on: { to: 1 }, do: { pauseLies: true } }],
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      yield* running
      const { body, status } = yield* manage("POST", "emulator/a/pause")
      assert.deepStrictEqual([status, at(body, "status", "state")], [200, "paused"])
      assert.strictEqual(yield* state, "running")
      yield* TestClock.adjust("10 minutes")
      assert.isAbove((yield* emulator.bill("a")).billedMinutes, 10)
      yield* manage("POST", "emulator/a/pause")
      assert.strictEqual(yield* state, "paused")
    })
  )
})

describe("what befalls a boot", () => {
  for (const stuck of ["pending", "initializing"] as const)
    test(
      `it stays ${stuck} for ever, until it is begun anew`,
      [{ on: { to: 1 }, do: { stuck } }],
      Effect.gen(function* () {
        const endpoints = yield* Endpoints.Endpoints
        yield* endpoints.create("a", spec)
        yield* TestClock.adjust("1 day")
        assert.strictEqual(yield* state, stuck)
        yield* endpoints.pause("a")
        yield* endpoints.resume("a")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* state, "running")
      })
    )

  test(
    "an update stays on its way for ever",
    [{ on: { from: 2 }, do: { stuck: "updating" } }],
    Effect.gen(function* () {
      const url = yield* running
      yield* manage("PUT", "emulator/a", { body: { model: { env: { A: "1" } } } })
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* state, "updating")
      assert.strictEqual(yield* health(url), 503)
    })
  )

  test(
    "it takes longer, of one endpoint",
    [{ on: { endpoint: "a" }, do: { bootTakes: "12 minutes" } }],
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* endpoints.create("b", spec)
      yield* TestClock.adjust("719 seconds")
      assert.strictEqual(yield* state, "initializing")
      assert.strictEqual((yield* endpoints.get("b")).state, "running")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* state, "running")
    })
  )

  test(
    "it fails with a reason",
    [{ do: { bootFails: "CUDA out of memory" } }],
    Effect.gen(function* () {
      const { create, get } = yield* Endpoints.Endpoints
      yield* create("a", spec)
      yield* TestClock.adjust("1 minute")
      const { status } = yield* get("a")
      assert.deepStrictEqual(
        [status.state, status.errorMessage],
        ["failed", "Container exited with code 1: CUDA out of memory"]
      )
    })
  )
})

describe("what befalls a replica", () => {
  test(
    "it dies with all that it has in hand, and another one boots in its place",
    [{ on: { plane: "data", path: "/poison" }, do: { replicaDies: true } }],
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const url = yield* running
      const bystander = yield* Effect.forkChild(call("POST", url, { body: { inputs: "x" } }), {
        startImmediately: true
      })
      const poison = { status: 502, body: { error: "502 Bad Gateway", code: "BAD_GATEWAY" } }
      assert.deepStrictEqual(yield* call("GET", new URL("/poison", url)), poison)
      assert.strictEqual((yield* Fiber.join(bystander)).status, 502)
      assert.strictEqual(yield* health(url), 503)
      assert.strictEqual(at((yield* manage("GET", "emulator/a")).body, "status", "readyReplica"), 0)
      yield* TestClock.adjust("45 seconds")
      assert.strictEqual(at((yield* manage("GET", "emulator/a")).body, "status", "readyReplica"), 1)
      const after = yield* Effect.forkChild(health(url), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(after), 200)
      // The hardware was there all the while.
      assert.isAtLeast((yield* emulator.bill("a")).billedMinutes, 2)
    }),
    {
      engines: () => ({
        name: "slow",
        healthRoute: "/health",
        handle: () => Effect.delay(Effect.succeed(HttpServerResponse.text("Ok")), "10 minutes")
      })
    }
  )
})

describe("what befalls a stream", () => {
  test(
    "it breaks off with its replica",
    [{ on: { plane: "data", path: "/poison" }, do: { replicaDies: true } }],
    Effect.gen(function* () {
      const url = yield* running
      const response = yield* send("GET", new URL("/stream", url))
      assert.strictEqual(response.status, 200)
      const text = yield* Effect.forkChild(Effect.flip(response.text), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(text.pollUnsafe())
      yield* call("GET", new URL("/poison", url))
      assert.strictEqual((yield* Fiber.join(text))._tag, "HttpClientError")
    }),
    {
      engines: () => ({
        name: "endless",
        healthRoute: "/health",
        handle: () =>
          Effect.succeed(
            HttpServerResponse.stream(Stream.tick("1 second").pipe(Stream.map(() => new Uint8Array([46]))))
          )
      })
    }
  )
})

describe("a seeded schedule", () => {
  it.effect("brings the same faults in every run", () =>
    Effect.gen(function* () {
      const run = Effect.gen(function* () {
        const emulator = yield* Emulator.Emulator
        const calls = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 60 }), () => Effect.exit(list), { discard: true }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(calls)
        return (yield* emulator.log).map(({ status, time }) => [status, time])
      })
      const scenario = Scenario.seeded(5, {
        faults: 20,
        requests: 50,
        planes: ["management"],
        kinds: ["status", "resetBefore", "delay"]
      })
      const first = yield* run.pipe(Effect.provide(Emulator.layerTest(scenario)))
      assert.isAbove(new Set(first.map(([status]) => status)).size, 2)
      const start = first[0]?.[1] ?? 0
      const second = yield* run.pipe(Effect.provide(Emulator.layerTest(scenario)))
      const offset = (second[0]?.[1] ?? 0) - start
      assert.deepStrictEqual(
        second.map(([status, time]) => [status, (time ?? 0) - offset]),
        first
      )
    })
  )
})
