/**
 * What a lease costs, for a metrics exporter: counted once for all who hold it in this process.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Metrics from "../../Metrics.ts"
import * as Meter from "./meter.ts"

/** What is known of a lease at a look. */
export interface Look {
  readonly namespace: string
  readonly name: string
  /** From when on it is ours, and now, in milliseconds of the clock. */
  readonly since: number
  readonly at: number
  readonly pricePerHour: number | undefined
}

interface Series {
  readonly since: number
  minutes: number
  /** What was told last; looks are many, and changes few. */
  replicas: number | undefined
  price: number | undefined
  readonly ofReplicas: Metric.Metric<number, Metric.GaugeState<number>>
  readonly ofMinutes: Metric.Metric<number, Metric.CounterState<number>>
  readonly ofCost: Metric.Metric<number, Metric.GaugeState<number>>
}

const seriesOf = ({ name, namespace, since }: Look): Series => {
  const labels = { namespace, endpoint: name }
  return {
    since,
    minutes: 0,
    replicas: undefined,
    price: undefined,
    ofReplicas: Metric.withAttributes(Metrics.billedReplicas, labels),
    ofMinutes: Metric.withAttributes(Metrics.billedMinutes, labels),
    ofCost: Metric.withAttributes(Metrics.cost, labels)
  }
}

/** The meter is of all who hold it, and so is what was told of it. */
const told = new WeakMap<Meter.Meter, Series>()

/** Tells what has come since the last time. */
export const tell = (meter: Meter.Meter, look: Look): Effect.Effect<void> =>
  Effect.suspend(() => {
    const series = told.get(meter) ?? seriesOf(look)
    told.set(meter, series)
    const minutes = Math.max(series.minutes, Meter.minutes(meter.stretches(series.since, look.at)))
    const more = minutes - series.minutes
    const replicas = meter.replicas()
    const price = look.pricePerHour
    if (more === 0 && replicas === series.replicas && price === series.price) return Effect.void
    series.minutes = minutes
    series.replicas = replicas
    series.price = price
    const all = Effect.andThen(
      Metric.update(series.ofReplicas, replicas),
      Metric.update(series.ofMinutes, more)
    )
    return price === undefined
      ? all
      : Effect.andThen(all, Metric.update(series.ofCost, (minutes * price) / 60))
  })
