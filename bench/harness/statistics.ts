/** What a few rounds allow to be said: the middle, how sure it is, and whether a goal is met. */

/** At least so much, or at most. */
export type Bound = { readonly most: number } | { readonly least: number }

/** The middle of some figures, and an interval that holds the true one. */
export interface Estimate {
  readonly median: number
  readonly low: number
  readonly high: number
  /** How surely, 0 to 1: how often an interval that is made so holds the true median. One figure alone has none. */
  readonly confidence: number
}

const CONFIDENCE = 0.95

/** The middle one, or the mean of the two in the middle; `NaN` of nothing. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const high = sorted[middle] ?? Number.NaN
  if (sorted.length % 2 === 1) return high
  const low = sorted[middle - 1] ?? Number.NaN
  // The sum may be too large, and the half of the smallest numbers is not exact.
  return Math.min(high, Math.max(low, low / 2 + high / 2))
}

/** The chance that at most `k` of `n` fair coins show heads. */
const tail = (n: number, k: number) => {
  let term = 2 ** -n
  let sum = term
  for (let i = 1; i <= k; i++) {
    term *= (n - i + 1) / i
    sum += term
  }
  return sum
}

/**
 * The median and its interval by the sign test, which asks nothing of how figures are spread: the narrowest pair of figures,
 * counted from both ends, that is 95 % sure; the lowest and the highest where there are too few for that.
 */
export const estimate = (values: ReadonlyArray<number>): Estimate => {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  let cut = 0
  while (2 * (cut + 1) < n && 1 - 2 * tail(n, cut + 1) >= CONFIDENCE) cut++
  return {
    median: median(values),
    low: sorted[cut] ?? Number.NaN,
    high: sorted[n - 1 - cut] ?? Number.NaN,
    confidence: n < 2 ? 0 : 1 - 2 * tail(n, cut)
  }
}

/** `short` only when the whole interval is past the goal: noise neither passes nor fails it. */
export const judge = (bound: Bound, { high, low }: Pick<Estimate, "low" | "high">): "met" | "short" => {
  if (Number.isNaN(low) || Number.isNaN(high)) return "short"
  return "most" in bound ? (low > bound.most ? "short" : "met") : high < bound.least ? "short" : "met"
}

/** A generator of numbers from 0 to 1 that a seed decides. */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The same things in an order that the next numbers decide. */
export const shuffled = <A>(things: ReadonlyArray<A>, next: () => number): ReadonlyArray<A> =>
  things
    .map((thing) => ({ thing, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ thing }) => thing)
