/** A run against the emulator on real sockets, and a collector that takes what it sends. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { UndiciClient } from "@stint/batch/node"
import { Emulator, Scenario } from "@stint/emulator"
import { Deferred, Effect, FileSystem, Layer, Logger, Schema } from "effect"
import * as http from "node:http"
import { gunzipSync } from "node:zlib"
import * as Canary from "../../../test/canary.ts"
import { cli } from "../src/Cli.ts"
import { Screen } from "../src/ui/Screen.ts"
import * as CommandHere from "./commandHere.ts"

/** What a collector does with a request: takes it, refuses it, never answers, or never ends its answer. */
export type Manner = "takes" | "silent" | "endless" | number

export interface Received {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

const listening = (server: http.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.sync(() => (server.closeAllConnections(), server.close()))
  )

/** A collector on a real socket. */
export const collector = Effect.fnUntraced(function* (manner: Manner = "takes") {
  const received: Array<Received> = []
  const server = http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const raw = Buffer.concat(chunks)
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw
      received.push({ path: request.url ?? "", headers: request.headers, body })
      if (manner === "silent") return
      response.writeHead(manner === "takes" || manner === "endless" ? 200 : manner)
      if (manner === "endless") response.write("{")
      else response.end("{}")
    })
  })
  const port = yield* listening(server)
  return { url: `http://127.0.0.1:${port}`, received }
})

const Value = Schema.Struct({
  stringValue: Schema.optionalKey(Schema.String),
  intValue: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  doubleValue: Schema.optionalKey(Schema.Finite),
  boolValue: Schema.optionalKey(Schema.Boolean)
})
const Attributes = Schema.Array(Schema.Struct({ key: Schema.String, value: Value }))
const Resource = Schema.Struct({ attributes: Attributes })
const Point = Schema.Struct({
  attributes: Attributes,
  asDouble: Schema.optionalKey(Schema.Finite),
  asInt: Schema.optionalKey(Schema.Finite),
  count: Schema.optionalKey(Schema.Finite),
  sum: Schema.optionalKey(Schema.Finite)
})
const Points = Schema.Struct({ dataPoints: Schema.Array(Point) })
const Span = Schema.Struct({
  traceId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  spanId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)),
  parentSpanId: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: Schema.Int,
  startTimeUnixNano: Schema.String,
  endTimeUnixNano: Schema.String,
  attributes: Attributes,
  events: Schema.Array(Schema.Struct({ name: Schema.String, attributes: Attributes })),
  status: Schema.Struct({ code: Schema.Int, message: Schema.optionalKey(Schema.String) })
})
const MetricData = Schema.Struct({
  name: Schema.String,
  unit: Schema.String,
  sum: Schema.optionalKey(Points),
  gauge: Schema.optionalKey(Points),
  histogram: Schema.optionalKey(Points)
})
const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) }))
    })
  )
})
const MetricsSent = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeMetrics: Schema.Array(Schema.Struct({ metrics: Schema.Array(MetricData) }))
    })
  )
})
const decodeTraces = Schema.decodeUnknownEffect(Schema.fromJsonString(Traces))
const decodeMetrics = Schema.decodeUnknownEffect(Schema.fromJsonString(MetricsSent))

/** Attributes by their keys. */
export const record = (attributes: typeof Attributes.Type): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue
    ])
  )

export interface SpanSeen {
  readonly id: string
  readonly trace: string
  readonly parent: string | undefined
  readonly name: string
  readonly kind: number
  readonly status: number
  readonly attributes: Record<string, unknown>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: Record<string, unknown> }>
}

/** The spans that a collector got, and the resources that they are of. */
export const spansOf = Effect.fnUntraced(function* (received: ReadonlyArray<Received>) {
  const all = yield* Effect.forEach(
    received.filter(({ path }) => path === "/v1/traces"),
    ({ body }) => decodeTraces(body.toString())
  )
  const groups = all.flatMap(({ resourceSpans }) => resourceSpans)
  return {
    resources: groups.map(({ resource }) => record(resource.attributes)),
    spans: groups
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
      .map((span): SpanSeen => ({
        id: span.spanId,
        trace: span.traceId,
        parent: span.parentSpanId,
        name: span.name,
        kind: span.kind,
        status: span.status.code,
        attributes: record(span.attributes),
        events: span.events.map((event) => ({ name: event.name, attributes: record(event.attributes) }))
      }))
  }
})

/** The last value of each series that a collector got, by name and labels; units by name. */
export const metricsOf = Effect.fnUntraced(function* (received: ReadonlyArray<Received>) {
  const all = yield* Effect.forEach(
    received.filter(({ path }) => path === "/v1/metrics"),
    ({ body }) => decodeMetrics(body.toString())
  )
  const metrics = all.flatMap(({ resourceMetrics }) =>
    resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  )
  const values = new Map<string, number>()
  for (const { gauge, histogram, name, sum } of metrics) {
    for (const point of (sum ?? gauge ?? histogram)?.dataPoints ?? []) {
      const labels = Object.entries(record(point.attributes)).map(
        ([key, value]) => `${key}="${String(value)}"`
      )
      const series = labels.length === 0 ? name : `${name}{${labels.toSorted().join(",")}}`
      values.set(series, point.asDouble ?? point.asInt ?? point.count ?? NaN)
    }
  }
  return { values, units: new Map(metrics.map(({ name, unit }) => [name, unit])) }
})

/** The emulator on sockets; `rules` are what goes wrong. */
export const world = (rules: Scenario.Input["rules"] = []) =>
  Layer.mergeAll(
    Emulator.layerServer({
      boot: "100 millis",
      token: Canary.canary,
      namespace: "tester",
      scenario: Scenario.make({ rules })
    }),
    NodeServices.layer,
    UndiciClient.layer(),
    Logger.layer([])
  )

/** A folder with rows, and the command on them. */
export const make = Effect.fnUntraced(function* (rows = 40) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* CommandHere.folder(rows)

  /** Runs with these variables and flags; `said` is what stands on stderr so far. */
  const run = Effect.fnUntraced(function* (
    variables: Readonly<Record<string, string>>,
    ...flags: ReadonlyArray<string>
  ) {
    const said: Array<string> = []
    const waiting = new Map<RegExp, Deferred.Deferred<string>>()
    const says = (pattern: RegExp) =>
      Effect.suspend(() => {
        const found = pattern.exec(said.join("\n"))
        if (found !== null) return Effect.succeed(found[1] ?? found[0])
        const deferred = Deferred.makeUnsafe<string>()
        waiting.set(pattern, deferred)
        return Deferred.await(deferred)
      })
    const hear = (text: string) => {
      said.push(text)
      for (const [pattern, deferred] of waiting) {
        const found = pattern.exec(said.join("\n"))
        if (found !== null) Deferred.doneUnsafe(deferred, Effect.succeed(found[1] ?? found[0]))
      }
    }
    const args = ["run", folder.rows, ...folder.flags, "--out", folder.out, "--no-guardian", ...flags]
    const env = { ...folder.env, ...variables }
    const { ended, signals } = yield* CommandHere.make(cli, args, { env, hear })
    const onScreen = Effect.provideService(ended, Screen, {
      write: (text) => Effect.sync(() => hear(text)),
      canRedraw: false,
      columns: 80
    })
    return { ended: onScreen, says, said: () => said.join("\n"), signals }
  })

  return { home: folder.home, run, fs }
})

/** The state of the endpoint as the emulator has it. */
export const state = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => all.find(({ name }) => name === "batch")?.state)
)
