/** The client of core against the emulator: two halves of one contract, on virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Fiber, Layer, Redacted, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  tags: ["stint"]
})

type Services = Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () =>
    body.pipe(
      Effect.provide(
        Emulator.layerEndpoints.pipe(
          Layer.provideMerge(Emulator.layerMemory({ boot: "84 seconds", ...options }))
        )
      )
    )
  )

/** Starts waiting, lets time pass, and says how it ended. */
const awaitReady = (during: Effect.Effect<unknown, unknown, Services> = Effect.void) =>
  Effect.gen(function* () {
    const endpoints = yield* Endpoints.Endpoints
    const waiting = yield* Effect.forkChild(endpoints.awaitReady("e"), { startImmediately: true })
    yield* TestClock.adjust("30 seconds")
    yield* Effect.orDie(during)
    yield* TestClock.adjust("5 minutes")
    return yield* Fiber.join(waiting)
  })

describe("create, wait, use, pause", () => {
  test(
    "a whole stint, and its bill",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      const created = yield* endpoints.create("e", spec)
      assert.strictEqual(created.state, "pending")
      assert.isUndefined(created.url)
      const ready = yield* awaitReady()
      assert.strictEqual(ready.readyReplica, 1)
      const client = endpoints.clientFor(ready)
      const response = yield* client.execute(
        HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/"), { inputs: ["a dog", "a cat"] })
      )
      assert.strictEqual(response.status, 200)
      const paused = yield* endpoints.pause("e")
      assert.strictEqual(paused.state, "paused")
      assert.strictEqual(paused.url?.href, ready.url?.href)
      yield* TestClock.adjust("1 day")
      // Pending is free: 5 minutes 30 of waiting, less the 21 seconds before the container began to start.
      assert.deepStrictEqual(yield* emulator.bill("e"), {
        billedMinutes: 6,
        dollars: (6 / 60) * 0.8,
        pricePerHour: 0.8
      })
    })
  )

  test(
    "an existing endpoint is resumed, and a running one is taken as it is",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("e", spec)
      yield* awaitReady()
      yield* endpoints.pause("e")
      assert.strictEqual((yield* endpoints.resume("e")).state, "pending")
      yield* awaitReady()
      assert.strictEqual((yield* endpoints.resume("e")).state, "running")
    })
  )

  test(
    "a sleeping endpoint is woken by waiting for it",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("e", spec)
      yield* awaitReady()
      yield* endpoints.scaleToZero("e")
      assert.strictEqual((yield* awaitReady()).state, "running")
    })
  )

  test(
    "a watcher sees each state once",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("e", spec)
      const states = yield* endpoints.changes("e").pipe(
        Stream.map(({ state }) => state),
        Stream.takeUntil((state) => state === "paused"),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* awaitReady()
      yield* endpoints.update("e", { env: { A: "1" } })
      yield* TestClock.adjust("2 minutes")
      yield* endpoints.pause("e")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(states), [
        "pending",
        "initializing",
        "running",
        "updating",
        "running",
        "paused"
      ])
    })
  )
})

describe("ways not to become ready", () => {
  const fails = (
    during?: Effect.Effect<unknown, unknown, Services>,
    change: Partial<EndpointSpec.Input> = {}
  ) =>
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* Effect.orDie(endpoints.create("e", EndpointSpec.make({ ...spec, ...change })))
      return yield* Effect.flip(awaitReady(during))
    })

  const put = (state: string) => Effect.flatMap(Emulator.Emulator, ({ setState }) => setState("e", state))

  test(
    "the container fails",
    Effect.gen(function* () {
      const error = yield* fails(undefined, { repository: "emulator/fail-to-start" })
      assert.strictEqual(error._tag, "EndpointFailed")
      assert.include(error.message, "Container exited with code 1")
    })
  )

  test(
    "somebody pauses it",
    Effect.gen(function* () {
      const error = yield* fails(put("paused"))
      assert.strictEqual(error._tag, "PausedByOther")
      assert.include(error.message, "somebody-else")
    })
  )

  test(
    "somebody deletes it",
    Effect.gen(function* () {
      const error = yield* fails(Endpoints.Endpoints.use((endpoints) => endpoints.delete("e")))
      assert.strictEqual(error._tag, "NotFound")
    })
  )

  test(
    "the token may manage but not call",
    Effect.gen(function* () {
      const { namespace, urls } = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.make({
        token: Redacted.make("hf_manage"),
        namespace,
        apiUrl: urls.management
      })
      yield* endpoints.create("e", spec)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Effect.flip(endpoints.awaitReady("e")))._tag, "CallForbidden")
    }),
    { tokens: [{ token: "hf_manage", permissions: ["inference.endpoints.write"] }] }
  )

  test(
    "it stays pending until the deadline",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("e", spec)
      yield* put("pending")
      const waiting = yield* Effect.forkChild(Effect.flip(endpoints.awaitReady("e", { timeout: "1 hour" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Timeout")
    })
  )
})

describe("what is refused", () => {
  test(
    "names its reason",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      assert.strictEqual((yield* Effect.flip(endpoints.get("e")))._tag, "NotFound")
      yield* endpoints.create("e", spec)
      assert.strictEqual((yield* Effect.flip(endpoints.create("e", spec)))._tag, "Conflict")
      const invalid = yield* Effect.flip(endpoints.create("f", { ...spec, instanceType: "g5.xlarge" }))
      assert.include(invalid.message, "unknown instance `g5.xlarge`")
      assert.isTrue(invalid._tag === "ApiError" && invalid.reason._tag === "InvalidRequest")
    })
  )

  test(
    "a wrong token and a foreign namespace are Unauthorized, a weak token is Forbidden",
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const reasonOf = Effect.fnUntraced(function* (token: string, namespace: string) {
        const endpoints = yield* Endpoints.make({
          token: Redacted.make(token),
          namespace,
          apiUrl: urls.management
        })
        const error = yield* Effect.flip(Stream.runDrain(endpoints.list()))
        return error.reason._tag
      })
      assert.strictEqual(yield* reasonOf("hf_other", "emulator"), "Unauthorized")
      assert.strictEqual(yield* reasonOf("hf_emulator", "stranger"), "Unauthorized")
      assert.strictEqual(yield* reasonOf("hf_call", "emulator"), "Forbidden")
    }),
    { tokens: [{ token: "hf_call", permissions: ["inference.endpoints.infer.write"] }] }
  )
})

test(
  "a list holds all endpoints, however many pages they are, and finds them by tag",
  Effect.gen(function* () {
    const endpoints = yield* Endpoints.Endpoints
    for (let index = 0; index < 45; index++)
      yield* endpoints.create(`e-${index}`, {
        ...spec,
        tags: index % 9 === 0 ? ["stint", "nine"] : ["stint"]
      })
    const count = (options: Endpoints.ListOptions) => Stream.runCount(endpoints.list(options))
    assert.strictEqual(yield* count({ pageSize: 20 }), 45)
    assert.strictEqual(yield* count({ tags: ["stint", "nine"] }), 5)
    assert.strictEqual(yield* count({ search: "e-4" }), 6)
  })
)

test(
  "the namespace is asked from the hub once",
  Effect.gen(function* () {
    const emulator = yield* Emulator.Emulator
    const endpoints = yield* Endpoints.make({
      token: emulator.token,
      apiUrl: emulator.urls.management,
      hubUrl: emulator.urls.hub
    })
    yield* endpoints.create("e", spec)
    yield* endpoints.get("e")
    assert.strictEqual(yield* endpoints.namespace, "alice")
    assert.strictEqual((yield* emulator.counts).byStatus["hub 200"], 1)
  }),
  { namespace: "alice" }
)
