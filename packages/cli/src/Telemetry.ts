/**
 * What a run tells others while it lasts: traces and metrics to a collector, as the `OTEL_*` variables say, and `/metrics` for
 * Prometheus. Where nobody asks for any of it, nothing of it is loaded.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as HttpClient from "effect/http/HttpClient"
import * as Endpoints from "@stint/core/Endpoints"
import { Signals } from "./Signals.ts"
import * as OtelSettings from "./telemetry/OtelSettings.ts"
import { version } from "./version.ts"

/** What the flags say. */
export interface Options {
  readonly metricsPort: Option.Option<number>
  readonly metricsHost: string
  readonly metricsLinger: Duration.Duration
  readonly requestSpans: Option.Option<number>
}

type Say = (line: string) => Effect.Effect<void>

/** Calls of the management API have spans; an address elsewhere may be signed, which is a secret. */
const ofManagement = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Endpoints.Endpoints, ({ apiUrl }) =>
    effect.pipe(
      Effect.provideService(
        HttpClient.TracerDisabledWhen,
        ({ url }) => URL.parse(url)?.origin !== apiUrl.origin
      ),
      // Nobody there reads it.
      Effect.provideService(HttpClient.TracerPropagationEnabled, false)
    )
  )

const traced =
  (tracer: Tracer.Tracer, parent: Option.Option<Tracer.ExternalSpan>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const own = Effect.provideService(ofManagement(effect), Tracer.Tracer, tracer)
    return Option.isNone(parent) ? own : Effect.withParentSpan(own, parent.value)
  }

/** Waits for one more scrape where that was asked for, unless a signal came or comes. */
const linger = Effect.fnUntraced(function* (scraped: Effect.Effect<void>, duration: Duration.Duration) {
  const signals = yield* Signals
  if (Duration.isZero(duration) || signals.received() !== undefined) return
  yield* Effect.raceAllFirst([scraped, Effect.sleep(duration), Effect.asVoid(signals.first)])
}, Effect.interruptible)

/**
 * Runs with telemetry, as the variables and the flags ask for it. What is left is sent when the run is over and its endpoint is
 * released.
 */
export const around = Effect.fnUntraced(function* <A, E, R>(
  run: Effect.Effect<A, E, R>,
  options: Options,
  say: Say
) {
  const { metricsHost: host, metricsLinger, metricsPort, requestSpans } = options
  let lingering: Effect.Effect<void, never, Signals> = Effect.void
  if (Option.isSome(metricsPort)) {
    const { serve } = yield* Effect.promise(() => import("./telemetry/Scrape.ts"))
    const { scraped, url } = yield* serve({ host, port: metricsPort.value })
    yield* say(`Metrics at ${url}`)
    lingering = linger(scraped, metricsLinger)
  }
  const settings = yield* OtelSettings.read(version)
  for (const problem of settings?.problems ?? []) yield* say(`Telemetry: ${problem}.`)
  const isTraced = settings?.traces !== undefined
  if (Option.isSome(requestSpans) && !isTraced) {
    yield* say(
      "Telemetry: --request-spans has nowhere to go; name a collector with OTEL_EXPORTER_OTLP_ENDPOINT."
    )
  }
  if (settings === undefined || (!isTraced && settings.metrics === undefined)) {
    return yield* Effect.ensuring(run, lingering)
  }
  const { start } = yield* Effect.promise(() => import("./telemetry/Export.ts"))
  const { parent, tracer } = yield* start(settings, say)
  return yield* Effect.ensuring(tracer === undefined ? run : traced(tracer, parent)(run), lingering)
}, Effect.scoped)

/** Every so many-th of a share: 0.01 is each hundredth, the first among them. */
const sharing = (share: number) => {
  let sum = 1 - share
  return () => {
    sum += share
    if (sum < 1) return false
    sum -= 1
    return true
  }
}

/** What a batch is told about the spans of its requests. */
export const ofRequests = (options: Options): { readonly requestSpans: boolean } => ({
  requestSpans: Option.isSome(options.requestSpans)
})

/** Traces the share of the requests to the endpoint that was asked for. */
export const requests =
  ({ requestSpans }: Options, endpoint: { readonly url: URL }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    if (Option.isNone(requestSpans)) return effect
    const isDrawn = sharing(requestSpans.value)
    return effect.pipe(
      Effect.provideService(
        HttpClient.TracerDisabledWhen,
        ({ url }) => URL.parse(url)?.origin !== endpoint.url.origin || !isDrawn()
      ),
      Effect.provideService(HttpClient.TracerPropagationEnabled, true)
    )
  }
