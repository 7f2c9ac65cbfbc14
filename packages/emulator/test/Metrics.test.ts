import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, type Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { text } from "./fixture/text.ts"
import { at, call, manage, memory, type Services, spec } from "./harness.ts"

// Answers after as many seconds as its path says.
const slow: Emulator.Options["engines"] = () => ({
  name: "slow",
  healthRoute: "/health",
  handle: (request) => {
    const seconds = Number(/\d+/.exec(request.url)?.[0] ?? 0)
    return Effect.delay(
      Effect.succeed(HttpServerResponse.empty({ status: seconds === 0 ? 424 : 200 })),
      `${seconds} seconds`
    )
  }
})

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory({ boot: "1 minute", engines: slow }))))

const window = { start: "1970-01-01T00:00:00Z", stop: "1970-01-01T01:00:00Z" }

const metrics = (body: Schema.Json = window) => manage("POST", "emulator/a/metrics", { body })

const series = (body: Schema.Json, graph: string): ReadonlyArray<Schema.Json> => {
  const found: unknown = at(body, graph, "series")
  return Array.isArray(found) ? found : []
}

const values = (one: Schema.Json | undefined): ReadonlyArray<unknown> => {
  const data: unknown = at(one ?? null, "data")
  return Array.isArray(data) ? data.map((point) => at(point, "y")) : []
}

const used = (change: Partial<EndpointSpec.Input> = {}) =>
  Effect.gen(function* () {
    const { create, get } = yield* Endpoints.Endpoints
    yield* create("a", EndpointSpec.make({ ...spec, ...change }))
    yield* TestClock.adjust("1 minute")
    const { url } = yield* get("a")
    const ask = (path: string) => Effect.orDie(call("POST", new URL(path, url), { body: { inputs: "x" } }))
    yield* Effect.all(
      [
        ...Array.from({ length: 19 }, () => ask("/1")),
        ask("/20"),
        ask("/0"),
        call("POST", `${url?.href}`, { token: null })
      ].map((each) => Effect.forkChild(each, { startImmediately: true }))
    )
    yield* TestClock.adjust("1 minute")
  })

describe("metrics", () => {
  test(
    "are 404 until there is something to tell",
    Effect.gen(function* () {
      const { create } = yield* Endpoints.Endpoints
      assert.strictEqual((yield* metrics()).status, 404)
      yield* create("a", spec)
      assert.strictEqual((yield* metrics()).status, 404)
      assert.strictEqual((yield* text("/v2/endpoint/emulator/a/open-metrics")).status, 404)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* metrics()).status, 200)
      assert.strictEqual(
        (yield* metrics({ start: "1969-01-01T00:00:00Z", stop: "1969-01-02T00:00:00Z" })).status,
        404
      )
    })
  )

  test(
    "count what the data plane answered, by status",
    Effect.gen(function* () {
      yield* used()
      const { body } = yield* metrics()
      const counts = series(body, "responseStatusCodeGrouped").map((one) => [
        at(one, "statusCode"),
        values(one).reduce((sum: number, count) => sum + Number(count), 0)
      ])
      assert.deepStrictEqual(counts, [
        ["200", 20],
        ["401", 1],
        ["424", 1]
      ])
    })
  )

  test(
    "tell how long answers took, as true percentiles",
    Effect.gen(function* () {
      yield* used()
      const { body } = yield* metrics()
      const slowest = series(body, "responseElapsed").map((one) => [
        at(one, "percentile"),
        Math.max(...values(one).map(Number))
      ])
      for (const [index, [percentile, millis]] of [
        ["p50", 1000],
        ["p90", 1000],
        ["p95", 1000],
        ["p99", 20_000]
      ].entries()) {
        assert.strictEqual(slowest[index]?.[0], percentile)
        assert.closeTo(Number(slowest[index]?.[1]), Number(millis), Number(millis) / 100)
      }
    })
  )

  test(
    "tell how many requests were pending on the average, and how many replicas there were",
    Effect.gen(function* () {
      yield* used()
      const { body } = yield* metrics()
      // 19 for a second and one for twenty, in half a minute.
      assert.closeTo(Math.max(...values(series(body, "pendingRequest")[0]).map(Number)), 39 / 30, 1e-9)
      const [running, starting] = series(body, "replicasRunning")
      assert.deepStrictEqual([at(running ?? null, "status"), values(running).at(-1)], ["running", 1])
      assert.deepStrictEqual([at(starting ?? null, "status"), values(starting)[0]], ["initializing", 1])
    })
  )

  test(
    "have the hardware of each replica and device",
    Effect.gen(function* () {
      yield* used({
        accelerator: "gpu",
        instanceType: "nvidia-l4",
        instanceSize: "x4",
        minReplica: 2,
        maxReplica: 2
      })
      const { body } = yield* metrics()
      assert.strictEqual(series(body, "hardwareCpu").length, 2)
      assert.deepStrictEqual(
        series(body, "hardwareGpu").map((one) => at(one, "deviceId")),
        ["0", "1", "2", "3", "0", "1", "2", "3"]
      )
      const one = yield* manage("POST", "emulator/a/metrics/hardware-cpu", { body: window })
      assert.deepStrictEqual(one.body, at(body, "hardwareCpu"))
      assert.strictEqual((yield* manage("POST", "emulator/a/metrics/nonsense", { body: window })).status, 404)
    })
  )

  test(
    "stay few over a long time",
    Effect.gen(function* () {
      yield* used({ minReplica: 1 })
      yield* TestClock.adjust("30 days")
      const { body } = yield* metrics({ start: "1970-01-01T00:00:00Z", stop: "1971-01-01T00:00:00Z" })
      assert.isAtMost(values(series(body, "pendingRequest")[0]).length, 501)
    })
  )

  test(
    "refuse a body that is no window",
    Effect.gen(function* () {
      yield* used()
      for (const body of [{}, { start: "now", stop: "later" }])
        assert.strictEqual((yield* metrics(body)).status, 400)
    })
  )

  test(
    "are written as OpenMetrics in the documented names",
    Effect.gen(function* () {
      yield* used()
      const { text: written, type } = yield* text("/v2/endpoint/emulator/a/open-metrics")
      assert.match(String(type), /^text\/plain/)
      assert.match(written, /^latency_distribution\{quantile="0\.5"\} \d/m)
      assert.match(written, /^latency_distribution_count 22$/m)
      assert.match(written, /^latency_distribution_sum 39000$/m)
      assert.match(written, /^http_requests\{replica_id="[0-9a-z]{5}",status_code="200"\} 20$/m)
      assert.match(written, /^http_requests\{replica_id="",status_code="401"\} 1$/m)
      assert.match(written, /^cpu_usage_percent\{replica_id="[0-9a-z]{5}"\} 0$/m)
      assert.isTrue(written.endsWith("# EOF\n"))
    })
  )
})
