/**
 * What an endpoint costs: the minutes of every replica, from the call that starts it to the state that is free again.
 */
import * as Schema from "effect/Schema"

/** Who says what an hour costs: whoever runs it, the API now, or the list that is shipped, of a day. */
export const PriceFrom = Schema.Literals(["given", "api", "list"])

/**
 * The bill of one lease, as far as a client can know it.
 *
 * | field | means |
 * | --- | --- |
 * | `billedMinutes` | minutes of replicas, every started one whole: two replicas for a minute are two |
 * | `pricePerHour` | US dollars for one replica; without it there are minutes and no dollars |
 * | `priceFrom`, `priceAsOf` | who says so; the day of the shipped list, `YYYY-MM-DD` |
 * | `dollars` | `billedMinutes` at that price |
 * | `replicas` | how many are billed now, as of the last look |
 * | `peakReplicas` | the most that were billed at once |
 * | `bootMinutes` | minutes of replicas until it was ready, not rounded |
 * | `ranBefore` | whether it ran already when it was acquired: what it cost before that is not in this bill |
 */
export const Bill = Schema.Struct({
  billedMinutes: Schema.Int,
  pricePerHour: Schema.optional(Schema.Finite),
  priceFrom: Schema.optional(PriceFrom),
  priceAsOf: Schema.optional(Schema.String),
  dollars: Schema.optional(Schema.Finite),
  replicas: Schema.optional(Schema.Int),
  peakReplicas: Schema.optional(Schema.Int),
  bootMinutes: Schema.optional(Schema.Finite),
  ranBefore: Schema.optional(Schema.Boolean)
})

/** The bill of one lease, as far as a client can know it. */
export type Bill = typeof Bill.Type

const MINUTE = 60_000

/**
 * The bill for a stretch of time on `replicas` replicas (at least one). Each started minute of each counts.
 *
 * @source https://huggingface.co/docs/inference-endpoints/support/pricing: billed by the minute while initializing and running
 *
 * **Example** (Ninety seconds on an L4)
 *
 * ```ts
 * import { Cost } from "@stint/batch"
 *
 * const bill = Cost.bill({ millis: 90_000, pricePerHour: 0.8 })
 * console.log(bill.billedMinutes) // => 2
 * ```
 */
export const bill = (options: {
  readonly millis: number
  readonly pricePerHour?: number | undefined
  readonly replicas?: number | undefined
}): Bill => {
  const billedMinutes = Math.ceil(options.millis / MINUTE) * Math.max(1, options.replicas ?? 1)
  const { pricePerHour } = options
  return pricePerHour === undefined
    ? { billedMinutes }
    : { billedMinutes, pricePerHour, dollars: (billedMinutes * pricePerHour) / 60 }
}

/**
 * What a bill will have come to when `left` more items are done at `rate` items a second on the replicas that are billed now:
 * an estimate, without what the end of the lease takes. `undefined` where the price, the rate or what is left is not known.
 *
 * **Example** (Half is done)
 *
 * ```ts
 * import { Cost } from "@stint/batch"
 *
 * const soFar = { billedMinutes: 10, pricePerHour: 6, dollars: 1, replicas: 1 }
 * console.log(Cost.expected(soFar, { left: 600, rate: 1 })) // => 2
 * ```
 */
export const expected = (
  soFar: Bill,
  work: { readonly left: number | undefined; readonly rate: number }
): number | undefined => {
  const { dollars, pricePerHour, replicas = 1 } = soFar
  if (dollars === undefined || pricePerHour === undefined) return undefined
  if (work.left === undefined || work.rate <= 0) return undefined
  const minutes = Math.ceil(work.left / work.rate / 60) * Math.max(1, replicas)
  return dollars + (minutes * pricePerHour) / 60
}

/** Dollars for a person: cents from a dollar up, two digits that count below a cent. */
export const formatDollars = (dollars: number): string =>
  dollars === 0
    ? "$0"
    : dollars < 0.01
      ? `$${Number(dollars.toPrecision(2))}`
      : `$${dollars.toFixed(dollars < 1 ? 3 : 2)}`

/**
 * A price for a person, with whoever says so: `$0.8/h`, `$0.8/h by the list of 2026-05-19`, `$0.8/h as given`.
 *
 * **Example** (A price of a day)
 *
 * ```ts
 * import { Cost } from "@stint/batch"
 *
 * const text = Cost.formatPrice({ pricePerHour: 0.8, priceFrom: "list", priceAsOf: "2026-05-19" })
 * console.log(text) // => $0.8/h by the list of 2026-05-19
 * ```
 */
export const formatPrice = ({
  priceAsOf,
  priceFrom,
  pricePerHour
}: Pick<Bill, "pricePerHour" | "priceFrom" | "priceAsOf">): string => {
  if (pricePerHour === undefined) return "an unknown price"
  const whose =
    priceFrom === "list" ? ` by the list of ${priceAsOf}` : priceFrom === "given" ? " as given" : ""
  return `$${pricePerHour}/h${whose}`
}
