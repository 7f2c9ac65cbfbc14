/**
 * What leaves for a collector: Effect's serialization, with the units of the metrics, and without secrets.
 */
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as OtlpMetrics from "effect/observability/OtlpMetrics"
import type { AnyValue, KeyValue } from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import type * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Metrics from "@stint/batch/Metrics"

type Conceal = (text: string) => string

const concealed = (value: AnyValue, conceal: Conceal): AnyValue => {
  if (typeof value.stringValue === "string") return { stringValue: conceal(value.stringValue) }
  if (value.arrayValue === undefined) return value
  return { arrayValue: { values: value.arrayValue.values.map((each) => concealed(each, conceal)) } }
}

const attributesOf = (attributes: ReadonlyArray<KeyValue>, conceal: Conceal): Array<KeyValue> =>
  attributes.map(({ key, value }) => ({ key, value: concealed(value, conceal) }))

const safeTraces = ({ resourceSpans }: OtlpTracer.TraceData, conceal: Conceal): OtlpTracer.TraceData => ({
  resourceSpans: resourceSpans.map((each) => ({
    ...each,
    resource: { ...each.resource, attributes: attributesOf(each.resource.attributes, conceal) },
    scopeSpans: each.scopeSpans.map((scope) => ({
      ...scope,
      spans: scope.spans.map((span) => ({
        ...span,
        attributes: attributesOf(span.attributes, conceal),
        events: span.events.map((event) => ({
          ...event,
          attributes: attributesOf(event.attributes, conceal)
        })),
        status:
          span.status.message === undefined
            ? span.status
            : { ...span.status, message: conceal(span.status.message) }
      }))
    }))
  }))
})

const measured = (
  { resourceMetrics }: OtlpMetrics.MetricsData,
  conceal: Conceal
): OtlpMetrics.MetricsData => ({
  resourceMetrics: resourceMetrics.map((each) => ({
    ...each,
    ...(each.resource && {
      resource: { ...each.resource, attributes: attributesOf(each.resource.attributes, conceal) }
    }),
    scopeMetrics: each.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => ({
        ...metric,
        unit: Metrics.units[metric.name] ?? metric.unit ?? "1"
      }))
    }))
  }))
})

/** The serialization for a collector. */
export const layer = (options: {
  readonly isJson: boolean
  readonly conceal: Conceal
}): Layer.Layer<OtlpSerialization.OtlpSerialization> =>
  Layer.effect(
    OtlpSerialization.OtlpSerialization,
    Effect.map(
      Layer.build(options.isJson ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf),
      (built) => {
        const inner = Context.get(built, OtlpSerialization.OtlpSerialization)
        return {
          traces: (data) => inner.traces(safeTraces(data, options.conceal)),
          metrics: (data) => inner.metrics(measured(data, options.conceal)),
          logs: inner.logs
        }
      }
    )
  )
