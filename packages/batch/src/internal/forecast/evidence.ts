/**
 * What earlier runs say of a replica's speed.
 */
import type { Range } from "./range.ts"
import * as Ranges from "./range.ts"
import type { Cost, Tokens } from "./prior.ts"

/** Earlier runs of the same job on the same hardware. */
export interface Runs {
  readonly runs: number
  /** Rows that were sent and answered: not those that share an answer. */
  readonly rows: number
  /** Seconds that it took, from the first row to the last, times the replicas. */
  readonly seconds: number
  /** Of the longest row. */
  readonly longest?: number | undefined
  /** Tokens of a row, on average. */
  readonly tokens?: Tokens | undefined
}

/** How much longer a written token takes than a read one, about, with many sequences at a time. */
const WRITTEN = 4
/** What two runs of the same rows differ by, and what some rows say of others. */
const SAME = 1.1
const SPREAD = 2
/** A ramp and a tail are not most of a run: a run of nothing else says that it might be this many times faster. */
const FASTER = 4
/** By how much a speed is off that was measured on other hardware. */
export const SCALED_FACTOR = 2

const weightOf = ({ input, output }: Tokens) => input + WRITTEN * output

/** How much more work a row is than those that were measured. */
const ratioOf = (now: Tokens, then: Tokens | undefined): Range => {
  const before = then === undefined ? 0 : weightOf(then)
  const after = weightOf(now)
  if (before <= 0 || after <= 0) return Ranges.exactly(1)
  const ratio = after / before
  const less = ratio ** 0.75
  const more = ratio ** 1.25
  return { low: Math.min(less, more), expected: ratio, high: Math.max(less, more) }
}

/**
 * Seconds of a replica for one row, by what was measured.
 *
 * A run begins and ends with less in flight than a replica bears; for how long is not known, but not for longer than its
 * longest row takes. So the true speed lies between rows by time, and rows by time without that.
 */
export const costOf = (runs: Runs, tokens: Tokens): Cost => {
  const { rows, seconds } = runs
  const longest = runs.longest ?? Math.min(30, seconds / runs.runs / 2)
  const idle = Math.min(longest * runs.runs, seconds * (1 - 1 / FASTER))
  const measured = {
    low: (seconds - idle) / rows,
    expected: (seconds - idle / 2) / rows,
    high: seconds / rows
  }
  const noise = SAME + SPREAD / Math.sqrt(rows)
  const ratio = ratioOf(tokens, runs.tokens)
  return {
    seconds: Ranges.zip(Ranges.widen(measured, noise), ratio, (a, b) => a * b),
    tail: { low: 0, expected: longest / 2, high: longest * 1.5 }
  }
}

/** The same for hardware that should be `ratio` times as slow. */
export const carried = (cost: Cost, ratio: number): Cost => ({
  seconds: Ranges.widen(
    Ranges.map(cost.seconds, (value) => value * ratio),
    SCALED_FACTOR
  ),
  tail: Ranges.widen(
    Ranges.map(cost.tail, (value) => value * ratio),
    SCALED_FACTOR
  )
})
