/**
 * What one worker has seen of its answers, in sums: a few numbers a second stand for all of them.
 */
import * as Schema from "effect/Schema"
import type { Limit } from "@stint/batch"

/** Since the worker began; whoever reads takes the difference. */
export const Counts = Schema.Struct({
  good: Schema.Finite,
  goodMillis: Schema.Finite,
  /** Of good answers, those while others waited for a place. */
  saturated: Schema.Finite,
  tokens: Schema.Finite,
  /** Good answers whose tokens are known. */
  counted: Schema.Finite,
  busy: Schema.Finite,
  busyMillis: Schema.Finite
})

/** Since the worker began. */
export type Counts = typeof Counts.Type

/** Nothing yet. */
export const none: Counts = {
  good: 0,
  goodMillis: 0,
  saturated: 0,
  tokens: 0,
  counted: 0,
  busy: 0,
  busyMillis: 0
}

/** The same after one more answer. Faults other than `busy` are no sign of too much. */
export const after = (counts: Counts, sample: Limit.Sample): Counts => {
  if (sample.reason === "busy") {
    return { ...counts, busy: counts.busy + 1, busyMillis: counts.busyMillis + sample.durationMillis }
  }
  if (sample.reason !== undefined) return counts
  return {
    ...counts,
    good: counts.good + 1,
    goodMillis: counts.goodMillis + sample.durationMillis,
    saturated: counts.saturated + (sample.isSaturated ? 1 : 0),
    tokens: counts.tokens + (sample.outputTokens ?? 0),
    counted: counts.counted + (sample.outputTokens === undefined ? 0 : 1)
  }
}

/** What was seen between two readings; all of it where the worker began anew. */
export const difference = (now: Counts, before: Counts): Counts =>
  now.good < before.good || now.busy < before.busy
    ? now
    : {
        good: now.good - before.good,
        goodMillis: now.goodMillis - before.goodMillis,
        saturated: now.saturated - before.saturated,
        tokens: now.tokens - before.tokens,
        counted: now.counted - before.counted,
        busy: now.busy - before.busy,
        busyMillis: now.busyMillis - before.busyMillis
      }

/**
 * Answers that come to those sums, spread over a stretch of time: what a limit is told in the place of the real ones. The
 * refused ones come last, when what was in flight with them has been counted.
 */
export const samples = (
  seen: Counts,
  span: { readonly from: number; readonly to: number; readonly inFlight: number }
): ReadonlyArray<Limit.Sample> => {
  const { from, inFlight, to } = span
  const tokens = seen.counted === 0 ? undefined : seen.tokens / seen.counted
  const good = Array.from({ length: seen.good }, (_, index): Limit.Sample => ({
    reason: undefined,
    at: from + ((to - from) * (index + 1)) / seen.good,
    durationMillis: seen.goodMillis / seen.good,
    inFlight,
    outputTokens: tokens,
    isSaturated: index < seen.saturated
  }))
  const busy = Array.from({ length: seen.busy }, (): Limit.Sample => ({
    reason: "busy",
    at: to,
    durationMillis: seen.busyMillis / seen.busy,
    inFlight,
    outputTokens: undefined,
    isSaturated: true
  }))
  return [...good, ...busy]
}
