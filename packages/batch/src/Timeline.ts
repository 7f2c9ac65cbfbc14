/**
 * How a run went over time. Its counters are looked at once a second; a run of any length is so many points at most.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Histogram from "./Histogram.ts"
import type { Cells } from "./Progress.ts"

/** What happened between two moments, in milliseconds since the timeline was made. */
export interface Point {
  readonly fromMillis: number
  readonly toMillis: number
  readonly succeeded: number
  readonly failed: number
  /** Charged requests that were begun. */
  readonly attempts: number
  /** Attempts that failed, of an endpoint that was away as well. */
  readonly faults: number
  /** Requests without an answer, on average of the looks. */
  readonly inFlight: number
  /** How many there could be, likewise. */
  readonly limit: number
  /** For how long requests were held back, because the endpoint was away. */
  readonly heldMillis: number
  /** How long items took that were written down in this time: half of them at most so long, and 95 of 100. */
  readonly p50?: number | undefined
  readonly p95?: number | undefined
}

/** Records one run. */
export interface Timeline {
  /** Counts an item that took so long. One increment: for whoever sees the items go by. */
  readonly took: (millis: number) => void
  /** Looks once. */
  readonly look: Effect.Effect<void>
  /** Looks at every interval until it is interrupted. */
  readonly follow: Effect.Effect<never>
  /** All that was recorded; looks once more for it. */
  readonly points: Effect.Effect<ReadonlyArray<Point>>
}

/** A point that may grow still. */
interface Open {
  readonly from: number
  to: number
  succeeded: number
  failed: number
  attempts: number
  faults: number
  held: number
  looks: number
  inFlight: number
  limit: number
  times: Histogram.Histogram | undefined
}

const opened = (from: number): Open => ({
  from,
  to: from,
  succeeded: 0,
  failed: 0,
  attempts: 0,
  faults: 0,
  held: 0,
  looks: 0,
  inFlight: 0,
  limit: 0,
  times: undefined
})

/** Two points that follow one another as one. */
const joined = (first: Open, second: Open): Open => {
  const times = first.times ?? second.times
  if (first.times !== undefined && second.times !== undefined) Histogram.merge(first.times, second.times)
  return {
    from: first.from,
    to: second.to,
    succeeded: first.succeeded + second.succeeded,
    failed: first.failed + second.failed,
    attempts: first.attempts + second.attempts,
    faults: first.faults + second.faults,
    held: first.held + second.held,
    looks: first.looks + second.looks,
    inFlight: first.inFlight + second.inFlight,
    limit: first.limit + second.limit,
    times
  }
}

const closed = (point: Open): Point => ({
  fromMillis: point.from,
  toMillis: point.to,
  succeeded: point.succeeded,
  failed: point.failed,
  attempts: point.attempts,
  faults: point.faults,
  inFlight: point.looks === 0 ? 0 : point.inFlight / point.looks,
  limit: point.looks === 0 ? 0 : point.limit / point.looks,
  heldMillis: point.held,
  ...(point.times === undefined
    ? {}
    : {
        p50: Histogram.quantile(point.times, 0.5),
        p95: Histogram.quantile(point.times, 0.95)
      })
})

/**
 * Makes a timeline of a run's counters; its time begins now.
 *
 * `interval` is that between two looks (default: a second). Where there would be more than `most` points (default: 240, at
 * least 2), each two become one.
 *
 * **Example** (A timeline beside a run)
 *
 * ```ts
 * import { Progress, Timeline } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const progress = Progress.make()
 *     const timeline = yield* Timeline.make(progress.cells)
 *     yield* Effect.forkScoped(timeline.follow)
 *     // … Batch.run(items, job, { progress })
 *     return yield* timeline.points
 *   })
 * )
 * ```
 */
export const make = Effect.fnUntraced(function* (
  cells: Cells,
  options: { readonly interval?: Duration.Input | undefined; readonly most?: number | undefined } = {}
): Effect.fn.Return<Timeline> {
  const startedAt = yield* Clock.currentTimeMillis
  const interval = Duration.toMillis(options.interval ?? "1 second")
  const most = Math.max(2, options.most ?? 240)
  let span = interval
  let past: Array<Open> = []
  let now = opened(0)
  let times: Histogram.Histogram | undefined
  const last = { succeeded: 0, failed: 0, attempts: 0, faults: 0, held: 0 }

  const halve = () => {
    const fewer: Array<Open> = []
    for (let at = 0; at < past.length; at += 2) {
      const [first, second] = [past[at], past[at + 1]]
      if (first !== undefined) fewer.push(second === undefined ? first : joined(first, second))
    }
    past = fewer
    span *= 2
  }

  const more = (name: keyof typeof last, value: number) => {
    const difference = value - last[name]
    last[name] = value
    return difference
  }

  const look = Effect.map(Clock.currentTimeMillis, (clock) => {
    const { inFlight } = cells
    const limit = cells.limit()
    let faults = 0
    for (const count of cells.faults.values()) faults += count
    const to = Math.max(now.to, clock - startedAt)
    // A second look at the same moment would count it twice.
    const looks = to > now.to ? 1 : 0
    const seen: Open = {
      from: now.to,
      to,
      succeeded: more("succeeded", cells.succeeded),
      failed: more("failed", cells.failed),
      attempts: more("attempts", cells.attempts),
      faults: more("faults", faults),
      held: more("held", cells.heldMillis()),
      looks,
      inFlight: looks * inFlight,
      limit: looks * (Number.isFinite(limit) ? limit : inFlight),
      times
    }
    times = undefined
    now = joined(now, seen)
    if (now.to - now.from < span) return
    past.push(now)
    now = opened(now.to)
    if (past.length >= most) halve()
  })

  return {
    took: (millis) => Histogram.add((times ??= Histogram.make()), millis),
    look,
    follow: Effect.forever(Effect.andThen(Effect.sleep(interval), look)),
    points: Effect.map(look, () => {
      const before = past.at(-1)
      if (now.to > now.from) return [...past, now].map(closed)
      // What happened in no time belongs to the time before.
      if (before !== undefined) past[past.length - 1] = joined(before, now)
      now = opened(now.to)
      return past.map(closed)
    })
  }
})
