/**
 * A number that is not known well: where it is likely, and between which two it is.
 */
import * as Schema from "effect/Schema"

/** `low` ≤ `expected` ≤ `high`. */
export const Range = Schema.Struct({ low: Schema.Finite, expected: Schema.Finite, high: Schema.Finite })

export type Range = typeof Range.Type

export const exactly = (value: number): Range => ({ low: value, expected: value, high: value })

/** Each of the three by itself. Keeps the order where `f` never falls. */
export const map = (range: Range, f: (value: number) => number): Range => ({
  low: f(range.low),
  expected: f(range.expected),
  high: f(range.high)
})

/** Each of the three with its like. Keeps the order where `f` never falls in either. */
export const zip = (a: Range, b: Range, f: (a: number, b: number) => number): Range => ({
  low: f(a.low, b.low),
  expected: f(a.expected, b.expected),
  high: f(a.high, b.high)
})

/** As much wider on both sides, as a factor of 1 or more. */
export const widen = ({ expected, high, low }: Range, factor: number): Range => ({
  low: low / factor,
  expected,
  high: high * factor
})

/** What holds both, and expects what lies between them. */
export const hull = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  expected: (a.expected + b.expected) / 2,
  high: Math.max(a.high, b.high)
})
