/** The rows of the reference job: prompts of 981 tokens on average, answers of 238, log-normal, cut at 4,096 and 1,024. */
import { random } from "../harness/statistics.ts"

export interface Row {
  readonly id: string
  readonly promptTokens: number
  readonly outputTokens: number
}

/** A number around 0, as often as the normal law has it. */
export const normal = (next: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())

const between = (least: number, most: number, value: number) =>
  Math.min(most, Math.max(least, Math.round(value)))

/** So many rows; the seed decides which. */
export const rowsOf = (count: number, seed: number): ReadonlyArray<Row> => {
  const next = random(seed)
  return Array.from({ length: count }, (_, nth) => ({
    id: `row-${nth}`,
    promptTokens: between(4, 4096, 848 * Math.exp(0.54 * normal(next))),
    outputTokens: between(1, 1024, 180 * Math.exp(0.8 * normal(next)))
  }))
}

/** What is asked: it tells the simulated engine how long all of it is, in few bytes. */
export const promptOf = ({ id, outputTokens, promptTokens }: Row): string =>
  `${id} prompt=${promptTokens} output=${outputTokens}`

/** What {@link promptOf} told, from the body of a request. */
export const workOf = (body: string): { readonly promptTokens: number; readonly outputTokens: number } => {
  const found = /prompt=(\d+) output=(\d+)/.exec(body)
  return { promptTokens: Number(found?.[1] ?? 1), outputTokens: Number(found?.[2] ?? 1) }
}
