import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Effect, Fiber, type Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { management, send, text } from "./fixture/text.ts"
import { at, call, manage, memory, type Services, spec } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory({ boot: "1 minute" }))))

const running = (change: Partial<EndpointSpec.Input> = {}) =>
  Effect.gen(function* () {
    const { create, get } = yield* Endpoints.Endpoints
    yield* create("a", EndpointSpec.make({ ...spec, ...change }))
    yield* TestClock.adjust("1 minute")
    return (yield* get("a")).url ?? (yield* Effect.die("no url yet"))
  })

const items = (json: Schema.Json): ReadonlyArray<Schema.Json> => (Array.isArray(json) ? json : [])

const records = (query: string) =>
  Effect.flatMap(management(`/v3/endpoint/emulator/a/logs${query}`), (url) =>
    Effect.map(call("GET", url), ({ body }) => items(body))
  )

const lines = (found: ReadonlyArray<Schema.Json>) => found.map((line) => String(at(line, "line")))

describe("replicas", () => {
  test(
    "come up one by one stage, and are gone with a pause",
    Effect.gen(function* () {
      const { create, pause } = yield* Endpoints.Endpoints
      const look = Effect.map(manage("GET", "emulator/a/replica"), ({ body }) =>
        items(Object(at(body, "items"))).map((one) => [at(one, "status", "stage"), at(one, "status", "live")])
      )
      yield* create("a", EndpointSpec.make({ ...spec, minReplica: 2, maxReplica: 2 }))
      const stage = (name: string, live: boolean) => [
        [name, live],
        [name, live]
      ]
      assert.deepStrictEqual(yield* look, stage("pending", false))
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(yield* look, stage("initializing", false))
      yield* TestClock.adjust("45 seconds")
      assert.deepStrictEqual(yield* look, stage("running", true))
      yield* pause("a")
      assert.deepStrictEqual(yield* look, [])
    })
  )

  test(
    "have short names that differ",
    Effect.gen(function* () {
      yield* running({ minReplica: 3, maxReplica: 3 })
      const { body } = yield* manage("GET", "emulator/a/replica")
      const ids = items(Object(at(body, "items"))).map((one) => String(at(one, "id")))
      assert.strictEqual(new Set(ids).size, 3)
      for (const id of ids) assert.match(id, /^[0-9a-z]{5}$/)
    })
  )
})

describe("logs", () => {
  test(
    "tell how the container came up, and each request in one line",
    Effect.gen(function* () {
      const url = yield* running()
      yield* call("POST", url, { body: { inputs: "a dog" } })
      const { status, text: log, type } = yield* text("/v2/endpoint/emulator/a/logs")
      assert.strictEqual(status, 200)
      assert.match(String(type), /^text\/plain/)
      assert.match(log, /Loading sentence-transformers\/all-MiniLM-L6-v2.*\n.*listening on 0\.0\.0\.0:80\n/)
      assert.match(log, /\nPOST \/ 200 \d+ms\n$/)
    })
  )

  test(
    "of a request that the proxy refused say nothing",
    Effect.gen(function* () {
      const url = yield* running()
      const before = yield* text("/v2/endpoint/emulator/a/logs")
      yield* call("POST", url, { body: { inputs: "a dog" }, token: null })
      assert.strictEqual((yield* text("/v2/endpoint/emulator/a/logs")).text, before.text)
    })
  )

  test(
    "take a tail, a width and a replica",
    Effect.gen(function* () {
      yield* running()
      const all = (yield* text("/v2/endpoint/emulator/a/logs")).text.trimEnd().split("\n")
      const tail = yield* text("/v2/endpoint/emulator/a/logs?tail=1&line_max_length=11")
      assert.strictEqual(tail.text, `${all.at(-1)?.slice(0, 11)}\n`)
      assert.strictEqual((yield* text("/v2/endpoint/emulator/a/logs?replica=other")).text, "")
    })
  )

  test(
    "of a container that does not start end with the reason",
    Effect.gen(function* () {
      const { create, get } = yield* Endpoints.Endpoints
      yield* create("a", EndpointSpec.make({ ...spec, repository: "emulator/fail-to-start" }))
      yield* TestClock.adjust("1 minute")
      const failed = yield* get("a")
      assert.include(failed.status.errorMessage ?? "", "never starts")
      const tail = yield* records("?tail=2")
      assert.deepStrictEqual(lines(tail), [
        "RuntimeError: emulator/fail-to-start never starts, on purpose",
        "Container exited with code 1"
      ])
      assert.deepStrictEqual(
        tail.map((line) => [at(line, "level"), at(line, "stream")]),
        [
          ["error", "stderr"],
          ["error", "stderr"]
        ]
      )
    })
  )

  test(
    "are kept through a pause, and lost with the endpoint",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* running()
      yield* endpoints.pause("a")
      assert.isAbove((yield* records("")).length, 0)
      yield* endpoints.delete("a")
      assert.strictEqual((yield* text("/v2/endpoint/emulator/a/logs")).status, 404)
    })
  )
})

describe("structured logs", () => {
  const filled = Effect.gen(function* () {
    const url = yield* running()
    for (const path of ["/One", "/two", "/three"]) {
      yield* TestClock.adjust("1 second")
      yield* call("GET", new URL(path, url))
    }
  })
  const paths = (found: ReadonlyArray<Schema.Json>) => lines(found).map((line) => line.split(" ")[1])

  test(
    "have the time to the nanosecond, the replica and the level of each line",
    Effect.gen(function* () {
      yield* filled
      const [first] = yield* records("?tail=1")
      assert.isDefined(first)
      assert.deepInclude(first, { timestamp: "1970-01-01T00:01:03Z", stream: "stdout" })
      assert.match(String(at(first ?? null, "replica_id")), /^[0-9a-z]{5}$/)
    })
  )

  test(
    "are searched without regard to case",
    Effect.gen(function* () {
      yield* filled
      assert.deepStrictEqual(paths(yield* records("?search=gET%20/oNE")), ["/One"])
    })
  )

  test(
    "are cut out by time, both ends included",
    Effect.gen(function* () {
      yield* filled
      const window = "?since=1970-01-01T00:01:02Z&until=1970-01-01T01:01:03.000000000%2B01:00"
      assert.deepStrictEqual(paths(yield* records(window)), ["/two", "/three"])
    })
  )

  test(
    "are limited, from either end",
    Effect.gen(function* () {
      yield* filled
      assert.deepStrictEqual(paths(yield* records("?order=desc&limit=2")), ["/three", "/two"])
      assert.deepStrictEqual(paths(yield* records("?tail=2&limit=1")), ["/two"])
      assert.deepStrictEqual(paths(yield* records("?level=ERROR")), [])
    })
  )

  test(
    "refuse a time that is none, by the name of its field",
    Effect.gen(function* () {
      yield* filled
      const { body, status } = yield* call(
        "GET",
        yield* management("/v3/endpoint/emulator/a/logs?since=yesterday")
      )
      assert.strictEqual(status, 400)
      assert.include(String(at(body, "error")), "since: ")
    })
  )
})

describe("followed logs", () => {
  const events = (path: string, count: number) =>
    Effect.gen(function* () {
      const response = yield* send("GET", yield* management(path))
      assert.strictEqual(response.headers["content-type"], "text/event-stream")
      return yield* response.stream.pipe(Stream.decodeText, Stream.take(count), Stream.runCollect)
    })

  test(
    "come as events: some that are there, then each as it is written",
    Effect.gen(function* () {
      const url = yield* running()
      const reading = yield* Effect.forkChild(events("/v2/endpoint/emulator/a/logs/sse?tail=1", 2), {
        startImmediately: true
      })
      yield* call("GET", new URL("/health", url))
      const [first, second] = yield* Fiber.join(reading)
      assert.match(first ?? "", /^data: Application startup complete.*\n\n$/)
      assert.match(second ?? "", /^data: GET \/health 200 0ms\n\n$/)
    })
  )

  test(
    "come as records, of one kind where asked",
    Effect.gen(function* () {
      const url = yield* running()
      const reading = yield* Effect.forkChild(
        events("/v3/endpoint/emulator/a/logs/sse?tail=0&search=nonsense", 1),
        { startImmediately: true }
      )
      yield* call("GET", new URL("/health", url))
      yield* call("GET", new URL("/nonsense", url))
      const [first] = yield* Fiber.join(reading)
      assert.match(first ?? "", /^data: \{.*"line":"GET \/nonsense .*\}\n\n$/)
    })
  )

  test(
    "come as plain text with follow=true, and end with the endpoint",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* running()
      const url = yield* management("/v2/endpoint/emulator/a/logs?follow=true&tail=1")
      const reading = yield* Effect.forkChild(
        Effect.flatMap(send("GET", url), (response) => response.text),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      assert.isUndefined(reading.pollUnsafe())
      yield* endpoints.delete("a")
      assert.match(yield* Fiber.join(reading), /^Application startup complete.*\n$/)
    })
  )
})
