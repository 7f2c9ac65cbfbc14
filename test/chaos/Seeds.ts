/** Many seeds, one after the other, on one emulator. */
import { Effect, type Scope } from "effect"
import * as Schedule from "./Schedule.ts"
import * as Service from "./Service.ts"
import * as Trial from "./Trial.ts"

/** Tries one seed. */
export const one = (seed: number, options?: { readonly isVerbose?: boolean | undefined }) =>
  Effect.scoped(Effect.flatMap(Service.bench, (bench) => Trial.run(bench, Schedule.make(seed), options)))

/** What the leases of many trials went through. */
export interface LeaseSums {
  trials: number
  claims: number
  joined: number
  takenOver: number
  guarded: number
  guardianCalls: number
}

export interface Sums {
  processes: number
  killed: number
  calls: number
  virtualMillis: number
  readonly ends: Map<string, number>
  readonly neighbours: Map<string, number>
  readonly lease: LeaseSums
  readonly violating: Array<number>
}

/** Errors without their stacks, which take long to make: what goes wrong in a seed happens again when it is tried alone. */
const withoutStacks = Effect.acquireRelease(
  Effect.sync(() => {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    return stackTraceLimit
  }),
  (before) =>
    Effect.sync(() => {
      Error.stackTraceLimit = before
    })
)

/** So many trials go on with one emulator, which remembers a little of each. */
const BENCH = 500

/** Tries `count` seeds and shows each result to `onResult`. */
export const many = Effect.fnUntraced(function* <E = never>(
  from: number,
  count: number,
  onResult: (result: Trial.Result, count: number) => Effect.Effect<void, E>
): Effect.fn.Return<Sums, E, Scope.Scope> {
  const sums: Sums = {
    processes: 0,
    killed: 0,
    calls: 0,
    virtualMillis: 0,
    ends: new Map(),
    neighbours: new Map(),
    lease: { trials: 0, claims: 0, joined: 0, takenOver: 0, guarded: 0, guardianCalls: 0 },
    violating: []
  }
  const add = (sums: Map<string, number>, ends: ReadonlyArray<string>) => {
    for (const end of ends) sums.set(end, (sums.get(end) ?? 0) + 1)
  }
  const left = Array.from({ length: count }, (_, index) => from + index)
  const batch = Effect.gen(function* () {
    const bench = yield* Service.bench
    for (let tried = 0; tried < BENCH; tried++) {
      const seed = left.shift()
      if (seed === undefined) return
      const result = yield* Trial.run(bench, Schedule.make(seed))
      sums.processes += result.processes
      sums.killed += result.killed
      sums.calls += result.calls
      sums.virtualMillis += result.virtualMillis
      add(sums.ends, result.ends)
      add(sums.neighbours, result.neighbours)
      if (result.lease !== undefined) {
        sums.lease.trials++
        for (const name of ["claims", "joined", "takenOver", "guarded", "guardianCalls"] as const)
          sums.lease[name] += result.lease[name]
      }
      if (result.violations.length > 0) sums.violating.push(result.seed)
      yield* onResult(result, count - left.length)
      // A trial that went wrong may leave something behind.
      if (result.violations.length > 0) return
    }
  })
  yield* withoutStacks
  while (left.length > 0) yield* Effect.scoped(batch)
  return sums
}, Effect.scoped)

/** How often each end happened, in a few lines. */
export const summary = ({ ends, lease, neighbours }: Sums): string => {
  const inWords = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([end, count]) => `${end} ${count}`)
      .join(", ")
  const { claims, guarded, guardianCalls, joined, takenOver, trials } = lease
  return [
    `processes: ${inWords(ends)}`,
    `neighbours: ${inWords(neighbours)}`,
    `${trials} seeds with leases on record: ${claims} claims, ${joined} joined, ${takenOver} taken over; ${guarded} guardians acted, in ${guardianCalls} calls`
  ].join("\n")
}
