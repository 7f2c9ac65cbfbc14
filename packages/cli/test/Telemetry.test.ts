/** What a run tells a collector, decoded from what arrives. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Canary from "../../../test/canary.ts"
import * as World from "./telemetryWorld.ts"

const json = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })

/** The names of the spans below each other, without those that are there more than once. */
const treeOf = (spans: ReadonlyArray<World.SpanSeen>, parent?: string): ReadonlyArray<string> => [
  ...new Set(
    spans.flatMap((span) =>
      span.parent === parent
        ? [span.name, ...treeOf(spans, span.id).map((below) => `${span.name} > ${below}`)]
        : []
    )
  )
]

const one = (spans: ReadonlyArray<World.SpanSeen>, name: string): World.SpanSeen => {
  const [found, ...others] = spans.filter((span) => span.name === name)
  assert.strictEqual(others.length, 0, `several spans ${name}`)
  if (found === undefined)
    return assert.fail(`no span ${name} among ${spans.map((span) => span.name).join()}`)
  return found
}

describe("traces and metrics over OTLP", () => {
  it.live("a run is one trace, from its input to the pause, and counts what the report counts", () =>
    Effect.gen(function* () {
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make()
      const stint = yield* run(json(url))
      const { code, why } = yield* stint.ended
      assert.strictEqual(code, 0, why)

      const { resources, spans } = yield* World.spansOf(received)
      assert.strictEqual(resources[0]?.["service.name"], "stint")
      assert.strictEqual(new Set(spans.map(({ trace }) => trace)).size, 1)
      const tree = treeOf(spans)
      for (const path of [
        "run",
        "run > Batch.prepare",
        "run > ManagedEndpoint.acquire",
        "run > ManagedEndpoint.acquire > Endpoints.get > GET",
        "run > ManagedEndpoint.acquire > Endpoints.create > POST",
        "run > ManagedEndpoint.awaitReady > Endpoints.awaitReady > Endpoints.get > GET",
        "run > Batch.run",
        "run > ManagedEndpoint.release > Endpoints.pause > POST"
      ]) {
        assert.include(tree, path)
      }
      // Requests have no spans unless they are asked for.
      assert.isFalse(tree.some((path) => path.startsWith("run > Batch.run >")))

      const batch = one(spans, "Batch.run").attributes
      assert.strictEqual(batch["stint.items.succeeded"], 40)
      assert.strictEqual(batch["gen_ai.operation.name"], "embeddings")
      assert.strictEqual(batch["gen_ai.request.model"], "acme/embedder")
      assert.strictEqual(one(spans, "ManagedEndpoint.acquire").attributes["stint.acquisition"], "created")
      assert.deepStrictEqual(
        one(spans, "Endpoints.awaitReady")
          .events.map(({ attributes }) => attributes["stint.endpoint.state"])
          .at(-1),
        "running"
      )
      assert.strictEqual(one(spans, "ManagedEndpoint.release").attributes["stint.billed_minutes"], 1)
      const post = spans.find(
        (span) => span.name === "POST" && String(span.attributes["url.path"]).endsWith("/pause")
      )
      assert.strictEqual(post?.kind, 3, "a client's span")
      assert.strictEqual(post?.attributes["http.response.status_code"], 200)
      assert.strictEqual(post?.attributes["server.address"], "127.0.0.1")

      const { units, values } = yield* World.metricsOf(received)
      const of = '{endpoint="batch",namespace="tester"}'
      const expected = {
        'stint_items_total{outcome="succeeded"}': 40,
        'stint_items_total{outcome="failed"}': 0,
        stint_attempts_total: 40,
        stint_in_flight: 0,
        stint_limit: 0,
        'stint_leases_total{acquisition="created"}': 1,
        'stint_releases_total{outcome="confirmed"}': 1,
        stint_ready_seconds: 1,
        [`stint_billed_replicas${of}`]: 0,
        [`stint_billed_minutes_total${of}`]: 1,
        [`stint_cost_dollars${of}`]: 0.00055
      }
      for (const [series, value] of Object.entries(expected)) {
        assert.strictEqual(values.get(series), value, series)
      }
      assert.strictEqual(units.get("stint_held_seconds_total"), "s")
      assert.strictEqual(units.get("stint_in_flight"), "{request}")
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live(
    "a share of the requests is traced where that is asked for, and says which model is asked for what",
    () =>
      Effect.gen(function* () {
        const { received, url } = yield* World.collector()
        const { run } = yield* World.make()
        const stint = yield* run(json(url), "--request-spans", "0.25", "--pack", "off")
        assert.strictEqual((yield* stint.ended).code, 0)
        const { spans } = yield* World.spansOf(received)
        const { id } = one(spans, "Batch.run")
        const requests = spans.filter(({ parent }) => parent === id)
        assert.strictEqual(requests.length, 10, "a quarter of 40")
        for (const { attributes, kind, name } of requests) {
          assert.strictEqual(name, "POST")
          assert.strictEqual(kind, 3)
          assert.strictEqual(attributes["gen_ai.provider.name"], "huggingface")
          assert.strictEqual(attributes["gen_ai.operation.name"], "embeddings")
          assert.strictEqual(attributes["http.response.status_code"], 200)
        }
      }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("names, headers, the parent and gzip are as the variables say", () =>
    Effect.gen(function* () {
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make(3)
      const stint = yield* run({
        ...json(url.replace("://", "://user:pass%20word@")),
        OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=acme%20inc",
        OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
        OTEL_SERVICE_NAME: "nightly",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=test",
        TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      })
      assert.strictEqual((yield* stint.ended).code, 0)
      const { resources, spans } = yield* World.spansOf(received)
      assert.strictEqual(resources[0]?.["service.name"], "nightly")
      assert.strictEqual(resources[0]?.["deployment.environment"], "test")
      assert.strictEqual(one(spans, "run").parent, "b7ad6b7169203331")
      assert.strictEqual(one(spans, "run").trace, "0af7651916cd43dd8448eb211c80319c")
      for (const { headers } of received) {
        assert.strictEqual(headers["x-tenant"], "acme inc")
        assert.strictEqual(headers.authorization, `Basic ${btoa("user:pass word")}`)
      }
      assert.isTrue(received.some(({ headers }) => headers["content-encoding"] === "gzip"))
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("protobuf is spoken unless JSON is asked for, and none turns one kind off", () =>
    Effect.gen(function* () {
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make(3)
      const stint = yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/base/`, OTEL_METRICS_EXPORTER: "none" })
      assert.strictEqual((yield* stint.ended).code, 0)
      assert.deepStrictEqual([...new Set(received.map(({ path }) => path))], ["/base/v1/traces"])
      assert.strictEqual(received[0]?.headers["content-type"], "application/x-protobuf")
      assert.include(received.map(({ body }) => body.toString("latin1")).join(), "ManagedEndpoint.release")

      const metrics = yield* World.collector()
      const again = yield* World.make(3)
      const other = yield* again.run({
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${metrics.url}/own`,
        OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json"
      })
      assert.strictEqual((yield* other.ended).code, 0)
      assert.deepStrictEqual([...new Set(metrics.received.map(({ path }) => path))], ["/own"])
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("nothing is sent where it is turned off, or the parent or the sampler says no", () =>
    Effect.gen(function* () {
      const { received, url } = yield* World.collector()
      const off = { ...json(url), OTEL_METRICS_EXPORTER: "none" }
      const tried: ReadonlyArray<Readonly<Record<string, string>>> = [
        { ...off, OTEL_SDK_DISABLED: "true" },
        { ...off, OTEL_TRACES_SAMPLER: "always_off" },
        { ...off, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
        { ...off, TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" },
        { ...off, OTEL_TRACES_EXPORTER: "none" }
      ]
      for (const variables of tried) {
        const { run } = yield* World.make(2)
        const stint = yield* run(variables)
        assert.strictEqual((yield* stint.ended).code, 0)
        assert.strictEqual(received.length, 0, JSON.stringify(variables))
        assert.notInclude(stint.said(), "elemetry")
      }
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("what cannot be used is said, and the run goes on", () =>
    Effect.gen(function* () {
      const tried = [
        [{ OTEL_EXPORTER_OTLP_ENDPOINT: "not an address" }, "is no address"],
        [{ ...json("http://127.0.0.1:1"), OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "is grpc"],
        [
          { ...json("http://127.0.0.1:1"), OTEL_TRACES_EXPORTER: "zipkin", OTEL_METRICS_EXPORTER: "none" },
          "zipkin"
        ]
      ] as const
      for (const [variables, words] of tried) {
        const { run } = yield* World.make(2)
        const stint = yield* run(variables)
        assert.strictEqual((yield* stint.ended).code, 0)
        assert.include(stint.said(), words)
      }
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make(2)
      const stint = yield* run({
        ...json(url),
        OTEL_RESOURCE_ATTRIBUTES: "a=%zz",
        OTEL_EXPORTER_OTLP_HEADERS: "x-key=%zzsecret",
        OTEL_METRIC_EXPORT_INTERVAL: "often"
      })
      assert.strictEqual((yield* stint.ended).code, 0)
      for (const words of [
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_METRIC_EXPORT_INTERVAL"
      ]) {
        assert.include(stint.said(), words)
      }
      assert.notInclude(stint.said(), "secret")
      assert.isAbove(received.length, 0)
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("a failure is in the trace by its tag, and the token in nothing that is sent", () =>
    Effect.gen(function* () {
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make()
      const stint = yield* run(
        { ...json(url), OTEL_EXPORTER_OTLP_HEADERS: "x-key=collector-secret" },
        "--request-spans",
        "1",
        "--metrics-port",
        "0"
      )
      assert.strictEqual((yield* stint.ended).code, 5)
      const { spans } = yield* World.spansOf(received)
      const release = one(spans, "ManagedEndpoint.release")
      assert.strictEqual(release.status, 2)
      assert.strictEqual(release.events[0]?.attributes["exception.type"], "ReleaseUnconfirmed")
      const { values } = yield* World.metricsOf(received)
      assert.strictEqual(values.get('stint_releases_total{outcome="unconfirmed"}'), 1)
      assert.strictEqual(values.get('stint_billed_replicas{endpoint="batch",namespace="tester"}'), 1)
      const sent = received.map(({ body }) => body.toString()).join()
      assert.include(sent, "<the token>", "the server did give it back")
      Canary.absentFrom(sent, "what was sent")
      Canary.absentFrom(stint.said(), "stderr")
      assert.notInclude(sent + stint.said(), "collector-secret")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.world([
          {
            on: { route: "pause" },
            do: {
              status: 403,
              body: { error: `no: Bearer ${Canary.forms.map(({ text }) => text).join(" ")}` }
            }
          }
        ])
      )
    )
  )
})

describe.concurrent("a collector that does not take it leaves the run alone", () => {
  const away = "http://127.0.0.1:9"
  const ends = (name: string, manner: World.Manner | "away") =>
    it.live(name, () =>
      Effect.gen(function* () {
        const url = manner === "away" ? away : (yield* World.collector(manner)).url
        const { run } = yield* World.make()
        const stint = yield* run({
          ...json(url.replace("://", "://user:pass-canary@")),
          OTEL_BSP_SCHEDULE_DELAY: "50",
          OTEL_METRIC_EXPORT_INTERVAL: "50"
        })
        const { code } = yield* stint.ended
        assert.strictEqual(code, 0)
        assert.strictEqual(yield* World.state, "paused")
        const warnings = stint
          .said()
          .split("\n")
          .filter((line) => line.startsWith("Telemetry"))
        assert.strictEqual(warnings.length, 1, stint.said())
        assert.include(warnings[0], new URL(url).origin)
        assert.notInclude(warnings[0], "pass-canary")
      }).pipe(Effect.scoped, Effect.provide(World.world()))
    )

  ends("where there is none", "away")
  ends("when it answers 500", 500)
  ends("when it answers 401", 401)
  ends("when it never answers", "silent")
  ends("when its answer never ends", "endless")

  it.live("and delays its end by three seconds at the most, after the pause", () =>
    Effect.gen(function* () {
      const { url } = yield* World.collector("silent")
      const { run } = yield* World.make(2)
      const stint = yield* run(json(url))
      let pausedAt = 0
      yield* Effect.forkChild(
        Effect.andThen(
          stint.says(/is paused, read back/),
          Effect.sync(() => {
            pausedAt = performance.now()
          })
        ),
        { startImmediately: true }
      )
      assert.strictEqual((yield* stint.ended).code, 0)
      const took = performance.now() - pausedAt
      assert.isAbove(took, 2500, "it was waited for")
      assert.isBelow(took, 5000)
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )
})
