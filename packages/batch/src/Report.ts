/**
 * What a run came to.
 */
import * as Schema from "effect/Schema"
import { Bill } from "./Cost.ts"
import type { Progress } from "./Progress.ts"
import * as Effect from "effect/Effect"

/**
 * What a run came to.
 *
 * | field | means |
 * | --- | --- |
 * | `itemsPerSecond` | of those that were sent |
 * | `attempts` | charged requests |
 * | `faults` | failed ones by reason, those of an endpoint that was away as well, which are not charged |
 * | `invalid` | lines of the input that were left out; they are no items |
 * | `truncated` | answers that were cut at their limit and kept: see `Truncation` |
 * | `remaining` | there when the size of the input is known |
 * | `hardware`, `bill` | there when the run held an endpoint |
 */
export const Report = Schema.Struct({
  items: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  skipped: Schema.Int,
  remaining: Schema.optional(Schema.Int),
  invalid: Schema.optional(Schema.Int),
  truncated: Schema.optional(Schema.Int),
  attempts: Schema.Int,
  faults: Schema.Record(Schema.String, Schema.Int),
  durationMillis: Schema.Finite,
  itemsPerSecond: Schema.Finite,
  hardware: Schema.optional(Schema.String),
  bill: Schema.optional(Bill)
})

/** What a run came to. */
export type Report = typeof Report.Type

/** The report of a run that nothing was sent for. */
export const nothingToDo = (skipped: number): Report => ({
  items: skipped,
  succeeded: 0,
  failed: 0,
  skipped,
  remaining: 0,
  attempts: 0,
  faults: {},
  durationMillis: 0,
  itemsPerSecond: 0
})

/** The report of what the counters say now. */
export const fromProgress = (progress: Progress, bill?: Bill): Effect.Effect<Report> =>
  Effect.map(progress.snapshot, (now) => {
    const seen = now.succeeded + now.failed + now.skipped
    return {
      items: now.total ?? seen,
      succeeded: now.succeeded,
      failed: now.failed,
      skipped: now.skipped,
      remaining: now.total === undefined ? undefined : now.total - seen,
      attempts: now.attempts,
      faults: Object.fromEntries(progress.faults),
      durationMillis: now.elapsedMillis,
      itemsPerSecond: now.rate,
      hardware: progress.cells.hardware,
      bill
    }
  })

/** Dollars per 1,000 succeeded items, when there is a price and an item. */
export const dollarsPerThousand = (report: Report): number | undefined =>
  report.bill?.dollars === undefined || report.succeeded === 0
    ? undefined
    : (report.bill.dollars * 1000) / report.succeeded
