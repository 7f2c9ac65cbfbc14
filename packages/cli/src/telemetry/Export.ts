/**
 * Traces and metrics on their way to a collector, for as long as a scope is open.
 *
 * The scope is closed after the endpoint was released: the last of it is sent then, within {@link FLUSH}.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Credentials from "@stint/core/Credentials"
import * as Secret from "@stint/core/Secret"
import * as Collector from "./Collector.ts"
import * as ErrorNames from "./ErrorNames.ts"
import type { Settings, Target } from "./OtelSettings.ts"
import * as Sampler from "./Sampler.ts"
import * as Wire from "./Wire.ts"

/** How long the last of it may take in the end. */
export const FLUSH = Duration.seconds(3)

/** Takes the token, and what the collector is told in its headers, out of a text. */
const concealing = Effect.fnUntraced(function* (secrets: ReadonlyArray<string>) {
  const token = yield* Effect.option(Credentials.token)
  const all = [
    ...Option.match(token, { onNone: () => [], onSome: (given) => [Redacted.value(given)] }),
    ...secrets
  ].map((secret) => Secret.conceal(secret))
  return (text: string) => all.reduce((left, conceal) => conceal(left), text)
})

/** The span of whoever started the command. */
const parentOf = (traceparent: string | undefined): Option.Option<Tracer.ExternalSpan> =>
  traceparent === undefined ? Option.none() : HttpTraceContext.w3c(Headers.fromInput({ traceparent }))

/** Begins to export, and gives what a run is to be run with. `say` is told once when nothing arrives. */
export const start = Effect.fnUntraced(function* (
  settings: Settings,
  say: (line: string) => Effect.Effect<void>
) {
  const { metrics, sampler, traces } = settings
  const conceal = yield* concealing(settings.secrets)
  const resource = {
    serviceName: settings.serviceName,
    serviceVersion: settings.serviceVersion,
    attributes: { ...settings.attributes }
  }
  let isSaid = false
  const warn =
    (what: string, { url }: Target) =>
    (trouble: string) =>
      Effect.suspend(() => {
        if (isSaid) return Effect.void
        isSaid = true
        return say(
          `Telemetry does not arrive: the collector at ${url.origin} ${trouble} (${what}). The run does not depend on it.`
        )
      })

  /** Runs in a scope of its own; all are closed at the same time, each in the time that it has. */
  const opened: Array<{ readonly scope: Scope.Closeable; readonly last: Effect.Effect<void> }> = []
  const exporting = Effect.fnUntraced(function* <A, R>(
    what: string,
    target: Target,
    make: Effect.Effect<A, never, R>
  ) {
    const onTrouble = warn(what, target)
    const collector = yield* Collector.make({ timeoutMillis: target.timeoutMillis, onTrouble })
    const scope = yield* Scope.make()
    opened.push({
      scope,
      last: Effect.suspend(() => {
        const trouble = collector.trouble()
        return trouble === undefined ? Effect.void : onTrouble(trouble)
      })
    })
    return yield* make.pipe(
      Effect.provide(Wire.layer({ isJson: target.isJson, conceal })),
      Effect.provideService(HttpClient.HttpClient, collector.client),
      // Everything is given already; what the variables say amiss was said.
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({})),
      Effect.provideService(Scope.Scope, scope)
    )
  })
  yield* Effect.addFinalizer(() =>
    Effect.forEach(opened, ({ last, scope }) => Effect.andThen(Scope.close(scope, Exit.void), last), {
      concurrency: "unbounded",
      discard: true
    })
  )

  if (metrics !== undefined) {
    yield* exporting(
      "metrics",
      metrics,
      Layer.build(
        OtlpMetrics.layer({
          url: metrics.url.href,
          resource,
          headers: metrics.headers,
          compression: metrics.compression,
          exportInterval: Duration.millis(metrics.everyMillis),
          temporality: metrics.temporality,
          shutdownTimeout: FLUSH
        })
      )
    )
  }
  if (traces === undefined) return { tracer: undefined, parent: Option.none<Tracer.ExternalSpan>() }
  const built = yield* exporting(
    "traces",
    traces,
    Layer.build(
      OtlpTracer.layer({
        url: traces.url.href,
        resource,
        headers: traces.headers,
        compression: traces.compression,
        exportInterval: Duration.millis(traces.everyMillis),
        maxBatchSize: traces.batch,
        shutdownTimeout: FLUSH
      })
    )
  )
  const tracer = Sampler.sampled(ErrorNames.byTag(Context.get(built, Tracer.Tracer)), sampler)
  return { tracer, parent: parentOf(settings.traceparent) }
})
