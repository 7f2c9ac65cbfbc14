/**
 * How long answers will be, before there are any.
 */
import type { Range } from "./range.ts"
import * as Ranges from "./range.ts"

/** Tokens of an answer, on average, and where that is from. */
export interface Assumed {
  readonly outputTokens: Range
  /** The most tokens that one answer may have. */
  readonly longest?: number | undefined
  readonly because: string
}

/** What chat models write when nobody says how much, and how far off that is. */
const USUAL: Range = { low: 50, expected: 250, high: 1000 }

const count = (n: number) => Math.round(n).toLocaleString("en-US")

/**
 * `answers` is what earlier answers had; `allowed` is what requests allow, on average and at most. Without either it is an
 * assumption, 50 to 1,000 tokens. An answer is never longer than what is allowed.
 *
 * **Example** (Requests that allow 100 tokens)
 *
 * ```ts
 * import { Forecast } from "@stint/batch"
 *
 * const { outputTokens } = Forecast.assume({ writes: true, allowed: { mean: 100, most: 100 } })
 * console.log(outputTokens.high) // => 100
 * ```
 */
export const assume = (known: {
  /** Whether the job writes at all: embeddings and classes have no tokens. */
  readonly writes: boolean
  readonly answers?: { readonly mean: number; readonly count: number } | undefined
  readonly allowed?: { readonly mean: number; readonly most: number } | undefined
}): Assumed => {
  if (!known.writes) return { outputTokens: Ranges.exactly(0), because: "none" }
  const { allowed, answers } = known
  const longest = allowed?.most
  if (answers !== undefined && answers.count > 0) {
    const range = Ranges.widen(Ranges.exactly(answers.mean), 1.1 + 2 / Math.sqrt(answers.count))
    return {
      outputTokens: Ranges.map(range, (tokens) =>
        Math.min(tokens, Math.max(answers.mean, longest ?? tokens))
      ),
      longest,
      because: `the mean of ${count(answers.count)} earlier answers`
    }
  }
  if (allowed !== undefined) {
    const { mean } = allowed
    return {
      outputTokens: { low: mean / 10, expected: mean / 2, high: mean },
      longest,
      because: `assumed: half of the ${count(mean)} that the requests allow`
    }
  }
  return { outputTokens: USUAL, because: "assumed: nothing bounds them" }
}
