/**
 * When a run has failed enough: the same cause again and again, or too large a part of what was tried. Going on would
 * pay for hours of the same answer.
 */
import * as Schema from "effect/Schema"

/**
 * How much may fail. Counted over items that were tried and have their outcome; one success begins the rows anew.
 */
export interface FailureBudget {
  /** Items of one cause in a row, where the cause is the set-up: model, route or template. Default: 10. */
  readonly misfits?: number | undefined
  /** Items of any other one cause in a row. Default: 50. */
  readonly inARow?: number | undefined
  /** The part, 0 to 1, of the last `window` items that may fail. Default: 0.5. */
  readonly rate?: number | undefined
  /** Default: 200. Fewer items than this are not judged by their rate. */
  readonly window?: number | undefined
}

/** Nothing stops the run: for an input that is known to be bad. */
export const unlimited: FailureBudget = { misfits: Infinity, inARow: Infinity, rate: 1 }

/** The run was stopped because too much of it failed. Finished work is kept; what failed is tried again by a rerun. */
export class BudgetExceeded extends Schema.TaggedError<BudgetExceeded>()("BudgetExceeded", {
  failures: Schema.Int,
  /** How many items were looked at: as many as `failures` when they came in a row. */
  of: Schema.Int,
  reason: Schema.String,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    const count =
      this.failures === this.of
        ? `${this.failures} items in a row failed for the same cause`
        : `${this.failures} of the last ${this.of} items failed`
    const said = (this.detail || "no reason given").replaceAll(/\s*\n\s*/g, " ").replace(/[.\s]+$/, "")
    return `The run was stopped, because ${count} (${this.reason}): ${said}. Finished work is kept. Mend the cause and run it again, or allow more failures.`
  }
}

/** One failed item, as the budget sees it. */
export interface Failure {
  /** Why, as {@link Fault} has it, or the tag of the job's own error. */
  readonly reason: string
  readonly status?: number | undefined
  readonly detail?: string | undefined
}

/** Two failures of one cause differ in their numbers and quotations at most. */
const causeOf = ({ detail = "", reason, status }: Failure) =>
  `${reason} ${status ?? ""} ${detail
    .slice(0, 200)
    .replaceAll(/(["'`]).*?\1|\d+/g, "#")
    .trim()}`

/** Counts the outcomes of a run. */
export interface Tracker {
  readonly succeeded: () => void
  /** Gives the error once the budget is used up. */
  readonly failed: (failure: Failure) => BudgetExceeded | undefined
}

/** Begins to count. */
export const track = (budget: FailureBudget = {}): Tracker => {
  const { inARow = 50, misfits = 10, rate = 0.5, window = 200 } = budget
  const last = new Uint8Array(Math.max(1, Math.min(window, 1_000_000)))
  let seen = 0
  let failures = 0
  let row = 0
  let cause = ""

  const settle = (isFailure: 0 | 1) => {
    const at = seen++ % last.length
    failures += isFailure - (last[at] ?? 0)
    last[at] = isFailure
  }

  return {
    succeeded: () => {
      settle(0)
      row = 0
    },
    failed: (failure) => {
      settle(1)
      const now = causeOf(failure)
      row = now === cause ? row + 1 : 1
      cause = now
      const { reason, detail } = failure
      if (row >= (reason === "config" ? misfits : inARow)) {
        return new BudgetExceeded({ failures: row, of: row, reason, detail })
      }
      return seen >= last.length && failures > rate * last.length
        ? new BudgetExceeded({ failures, of: last.length, reason, detail })
        : undefined
    }
  }
}
