import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Endpoints, Policy } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import { FetchHttpClient, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { call, memory, spec } from "./harness.ts"

describe("Emulator", () => {
  it.effect("a whole stint on virtual time", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      const waiting = yield* Effect.forkChild(endpoints.awaitReady("a"), { startImmediately: true })
      yield* TestClock.adjust("10 minutes")
      const ready = yield* Fiber.join(waiting)
      assert.strictEqual(ready.state, "running")
      assert.match(ready.status.url ?? "", /^http:\/\/[0-9a-z]{16}\.us-east-1\.aws\.endpoints\.emulator$/)
      assert.strictEqual((yield* endpoints.pause("a")).state, "paused")
      const { dollars, pricePerHour } = yield* emulator.bill("a")
      assert.strictEqual(pricePerHour, 0.033)
      assert.closeTo(dollars, (10 / 60) * 0.033, 1e-12)
    }).pipe(Effect.provide(memory({ boot: "84 seconds" })))
  )

  it.effect("awaitReady wakes what sleeps", () =>
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* endpoints.get("a")).state, "scaledToZero")
      const waiting = yield* Effect.forkChild(endpoints.awaitReady("a"), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(waiting)).state, "running")
    }).pipe(Effect.provide(memory()))
  )

  it.effect("logs every request: where, what, how it went, and how many inputs an engine got", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* TestClock.adjust("10 seconds")
      const { url } = yield* endpoints.get("a")
      assert.isDefined(url)
      yield* call("POST", `${url?.href}?top_k=1`, { body: { inputs: ["a", "b", "c"] } })
      yield* call("POST", `${url?.href}`, { body: { inputs: "a" } })
      yield* call("POST", `${url?.href}`, { body: { inputs: ["a", "b"] }, token: null })
      yield* call("GET", new URL("/api/whoami-v2", emulator.urls.hub))
      assert.deepStrictEqual(
        (yield* emulator.log).map((entry) => [
          entry.plane,
          entry.method,
          entry.path,
          entry.status,
          entry.endpoint,
          entry.inputs
        ]),
        [
          ["management", "POST", "/v2/endpoint/emulator", 200, undefined, 0],
          ["management", "GET", "/v2/endpoint/emulator/a", 200, "a", 0],
          ["data", "POST", "/", 200, "a", 3],
          ["data", "POST", "/", 200, "a", 1],
          ["data", "POST", "/", 401, "a", 0],
          ["hub", "GET", "/api/whoami-v2", 200, undefined, 0]
        ]
      )
      assert.deepStrictEqual(yield* emulator.counts, {
        requests: 6,
        inputs: 4,
        byStatus: { "management 200": 2, "data 200": 2, "data 401": 1, "hub 200": 1 }
      })
    }).pipe(Effect.provide(memory()))
  )

  it.effect("keeps the latest requests and counts all; tells a sink and a stream", () => {
    const told: Array<string> = []
    const onRequest = (record: Emulator.RequestRecord) => Effect.sync(() => void told.push(record.path))
    return Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const { get } = yield* Endpoints.Endpoints
      const seen = yield* emulator.requests.pipe(
        Stream.take(5),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.forEach(["a", "b", "c", "d", "e"], (name) => Effect.exit(get(name)))
      const paths = ["a", "b", "c", "d", "e"].map((name) => `/v2/endpoint/emulator/${name}`)
      assert.deepStrictEqual(
        (yield* emulator.log).map(({ path }) => path),
        paths.slice(2)
      )
      assert.strictEqual((yield* emulator.counts).requests, 5)
      assert.deepStrictEqual(told, paths)
      assert.deepStrictEqual(
        (yield* Fiber.join(seen)).map(({ path }) => path),
        paths
      )
    }).pipe(Effect.provide(memory({ logCapacity: 3, onRequest })))
  })

  it.effect("a client that hangs up is logged as such, and changes nothing it asked for", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* TestClock.adjust("10 seconds")
      const { url } = yield* endpoints.get("a")
      const slow = yield* Effect.forkChild(call("POST", `${url?.href}`, { body: { inputs: "a" } }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(slow)
      assert.deepStrictEqual((yield* emulator.counts).byStatus["data 499"], 1)
      // It no longer counts as in flight, so the endpoint can fall asleep.
      yield* TestClock.adjust("15 minutes")
      assert.strictEqual((yield* endpoints.get("a")).state, "scaledToZero")
    }).pipe(
      Effect.provide(
        memory({ engines: () => ({ name: "slow", healthRoute: "/health", handle: () => Effect.never }) })
      )
    )
  )

  it.effect("stays awake while a request is in flight", () =>
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* TestClock.adjust("10 seconds")
      const { url } = yield* endpoints.get("a")
      const slow = yield* Effect.forkChild(call("POST", `${url?.href}`, { body: { inputs: "a" } }), {
        startImmediately: true
      })
      yield* TestClock.adjust("40 minutes")
      assert.strictEqual((yield* endpoints.get("a")).state, "running")
      assert.strictEqual((yield* Fiber.join(slow)).status, 200)
    }).pipe(
      Effect.provide(
        memory({
          engines: () => ({
            name: "slow",
            healthRoute: "/health",
            handle: () => Effect.delay(Effect.succeed(HttpServerResponse.text("done")), "40 minutes")
          })
        })
      )
    )
  )

  it.effect("takes an engine of one's own, and its own where there is none", () =>
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", { ...spec, task: "text-generation" })
      yield* endpoints.create("b", { ...spec, task: "feature-extraction" })
      yield* TestClock.adjust("10 seconds")
      const ask = Effect.fnUntraced(function* (name: string) {
        const { url } = yield* endpoints.get(name)
        return yield* call("POST", `${url?.href}`, { body: { inputs: "a" } })
      })
      assert.deepStrictEqual((yield* ask("a")).body, [{ generated_text: "hello" }])
      assert.strictEqual((yield* ask("b")).status, 200)
    }).pipe(
      Effect.provide(
        memory({
          engines: ({ task }) =>
            task === "text-generation"
              ? {
                  name: "hello",
                  healthRoute: "/health",
                  handle: () => Effect.succeed(HttpServerResponse.jsonUnsafe([{ generated_text: "hello" }]))
                }
              : undefined
        })
      )
    )
  )

  it.effect("has its own token, which may be given", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      assert.strictEqual(Redacted.value(emulator.token), "hf_mine")
      assert.strictEqual(emulator.namespace, "me")
      assert.strictEqual(emulator.urls.management.href, "http://api.endpoints.emulator/v2")
      assert.strictEqual(emulator.urls.catalog.pathname, "/api/catalog")
      assert.strictEqual((yield* Effect.flip(emulator.bill("a")))._tag, "NotFound")
    }).pipe(Effect.provide(memory({ token: "hf_mine", namespace: "me" })))
  )
})

/** A request whose Host header says what it likes, as a page after DNS rebinding does. */
const statusFor = (origin: URL, host: string) =>
  Effect.callback<number>((resume) => {
    const sent = request(origin, { headers: { host } }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode ?? 0))
    })
    sent.end()
    return Effect.sync(() => sent.destroy())
  })

const sockets = Emulator.layerEndpoints.pipe(
  Layer.provideMerge(Emulator.layerServer({ boot: "40 millis" })),
  Layer.provideMerge(FetchHttpClient.layer)
)

describe("Emulator on real sockets", () => {
  it.live("gives each endpoint an origin of its own, and serves only its own names", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* endpoints.create("b", spec)
      const a = yield* endpoints.awaitReady("a")
      const b = yield* endpoints.awaitReady("b")
      const origins = [emulator.urls.management.origin, a.url?.origin, b.url?.origin]
      assert.strictEqual(new Set(origins).size, 3)
      for (const { url } of [a, b]) {
        assert.match(url?.href ?? "", /^http:\/\/127\.0\.0\.1:\d+\/$/)
        const { body, status } = yield* call("POST", `${url?.href}`, { body: { inputs: ["a dog", "a cat"] } })
        assert.strictEqual(status, 200)
        assert.isNotNull(body)
      }
      const { origin, port } = a.url ?? (yield* Effect.die("no url"))
      const hosts = [
        `127.0.0.1:${port}`,
        `localhost:${port}`,
        `[::1]:${port}`,
        "evil.example",
        `evil.example:${port}`
      ]
      assert.deepStrictEqual(
        yield* Effect.forEach(hosts, (host) => statusFor(new URL("/health", origin), host)),
        [401, 401, 401, 403, 403]
      )
      assert.strictEqual(yield* statusFor(emulator.urls.management, "evil.example"), 403)

      yield* endpoints.pause("a")
      assert.strictEqual((yield* call("POST", origin, { body: { inputs: "a" } })).status, 400)
      yield* endpoints.delete("a")
      const gone = yield* Effect.flip(call("GET", origin))
      assert.strictEqual(gone._tag === "HttpClientError" && gone.reason._tag, "TransportError")
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 1)
    }).pipe(
      Effect.provideService(Policy.CurrentPolling, Schedule.spaced("10 millis")),
      Effect.provide(sockets)
    )
  )

  it.live("fails typed when the port is taken", () =>
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(Emulator.layerServer({ port: Number(urls.management.port) })))
      )
      assert.strictEqual(error._tag, "ServeError")
    }).pipe(Effect.provide(Emulator.layerServer()))
  )
})
