/**
 * What a piece of work has cost on all the leases that it was done on: of several processes at once, or one after the other.
 *
 * A lease knows what it saw itself. Where work goes on after its holder is lost, or others came before, the ledger tells a new
 * lease what was billed before it: its bill and its caps count that too. Nothing is kept here; who gives the ledger keeps it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Bill } from "./Cost.ts"
import * as Steps from "./internal/lease/steps.ts"

/** From `at` on, so many replicas are billed, until the next step. `at` is in milliseconds since 1970. */
export interface Step {
  readonly at: number
  readonly replicas: number
}

/** What a lease has seen so far. */
export interface Account {
  /** What was billed from when on, by now: what was before it included. Empty until something is. */
  readonly steps: () => ReadonlyArray<Step>
  /** The bill of it, with its price. */
  readonly bill: Effect.Effect<Bill>
}

/** The ledger of one lease. */
export interface Service {
  /**
   * What was billed before the lease, on this machine's clock. Where the last step has replicas they are billed still, up to
   * the first look of the lease; from then on its own looks count.
   */
  readonly before: ReadonlyArray<Step>
  /** Called once, before anything is asked of the endpoint. */
  readonly begun: (account: Account) => void
}

/**
 * The ledger of the leases that are acquired with it; by default there is none, and each lease counts for itself.
 *
 * **Example** (Nine minutes were spent by somebody who is gone: six of fifteen are left)
 *
 * ```ts
 * import { CostLedger, Inference, withEndpoint } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const before = [{ at: 0, replicas: 1 }, { at: 540_000, replicas: 0 }]
 * const rest = withEndpoint({ name: "batch-endpoint", maxBilledMinutes: 15 }, () =>
 *   Inference.featureExtraction("the sea at night")
 * ).pipe(Effect.provideService(CostLedger.CostLedger, { before, begun: () => {} }))
 * ```
 */
export const CostLedger = Context.Reference<Service | undefined>("@stint/batch/CostLedger", {
  defaultValue: () => undefined
})

/**
 * One account of several who looked at the same endpoint: at each time the most that any of them has.
 *
 * **Example** (Two that overlap)
 *
 * ```ts
 * import { CostLedger } from "@stint/batch"
 *
 * const one = [{ at: 0, replicas: 1 }, { at: 60_000, replicas: 0 }]
 * const other = [{ at: 30_000, replicas: 1 }, { at: 90_000, replicas: 0 }]
 * console.log(CostLedger.joined([one, other])) // => [ { at: 0, replicas: 1 }, { at: 90000, replicas: 0 } ]
 * ```
 */
export const joined = (accounts: ReadonlyArray<ReadonlyArray<Step>>): ReadonlyArray<Step> =>
  Steps.joined(accounts)

/**
 * An account that ends at a time, in milliseconds: nothing is billed from then on.
 *
 * **Example** (Heard of last after a minute)
 *
 * ```ts
 * import { CostLedger } from "@stint/batch"
 *
 * const ended = CostLedger.endedAt([{ at: 0, replicas: 2 }], 60_000)
 * console.log(ended.at(-1)) // => { at: 60000, replicas: 0 }
 * ```
 */
export const endedAt = (steps: ReadonlyArray<Step>, at: number): ReadonlyArray<Step> => Steps.until(steps, at)

/**
 * The bill of an account up to `now`: each replica by itself, every started minute whole. What goes on is billed up to `now`.
 *
 * **Example** (Two replicas, one of them for less)
 *
 * ```ts
 * import { CostLedger } from "@stint/batch"
 *
 * const steps = [{ at: 0, replicas: 2 }, { at: 70_000, replicas: 1 }]
 * console.log(CostLedger.bill(steps, { now: 190_000 }).billedMinutes) // => 6
 * ```
 */
export const bill = (
  steps: ReadonlyArray<Step>,
  options: { readonly now: number } & Pick<Bill, "pricePerHour" | "priceFrom" | "priceAsOf" | "ranBefore">
): Bill => {
  const { now, priceAsOf, priceFrom, pricePerHour, ranBefore } = options
  const billedMinutes = Steps.minutes(Steps.stretches(steps, -Infinity, now))
  return {
    billedMinutes,
    replicas: Steps.last(steps),
    peakReplicas: steps.reduce((most, { replicas }) => Math.max(most, replicas), 0),
    ...(ranBefore === undefined ? {} : { ranBefore }),
    ...(pricePerHour === undefined
      ? {}
      : {
          pricePerHour,
          ...(priceFrom === undefined ? {} : { priceFrom }),
          ...(priceAsOf === undefined ? {} : { priceAsOf }),
          dollars: (billedMinutes * pricePerHour) / 60
        })
  }
}
