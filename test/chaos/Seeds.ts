/** Many seeds, one after the other, on one emulator. */
import { Effect } from "effect"
import * as Service from "./Service.ts"
import * as Trial from "./Trial.ts"

/** Tries one seed. */
export const one = (seed: number, options?: { readonly isVerbose?: boolean | undefined }) =>
  Effect.scoped(Effect.flatMap(Service.bench, (bench) => Trial.run(bench, seed, options)))

export interface Sums {
  processes: number
  killed: number
  calls: number
  virtualMillis: number
  readonly ends: Map<string, number>
  readonly violating: Array<number>
}

/** So many trials go on with one emulator, which remembers a little of each. */
const BENCH = 500

/** Tries `count` seeds and shows each result to `onResult`. */
export const many = Effect.fnUntraced(function* <E = never>(
  from: number,
  count: number,
  onResult: (result: Trial.Result, count: number) => Effect.Effect<void, E>
): Effect.fn.Return<Sums, E> {
  const sums: Sums = { processes: 0, killed: 0, calls: 0, virtualMillis: 0, ends: new Map(), violating: [] }
  const left = Array.from({ length: count }, (_, index) => from + index)
  const batch = Effect.gen(function* () {
    const bench = yield* Service.bench
    for (let tried = 0; tried < BENCH; tried++) {
      const seed = left.shift()
      if (seed === undefined) return
      const result = yield* Trial.run(bench, seed)
      sums.processes += result.processes
      sums.killed += result.killed
      sums.calls += result.calls
      sums.virtualMillis += result.virtualMillis
      for (const end of result.ends) sums.ends.set(end, (sums.ends.get(end) ?? 0) + 1)
      if (result.violations.length > 0) sums.violating.push(result.seed)
      yield* onResult(result, count - left.length)
      // A trial that went wrong may leave something behind.
      if (result.violations.length > 0) return
    }
  })
  while (left.length > 0) yield* Effect.scoped(batch)
  return sums
})
