/**
 * What an endpoint costs: whole minutes, from the call that starts it to the state that is free again.
 */
import * as Schema from "effect/Schema"

/**
 * The bill of one lease, as far as a client can know it.
 *
 * `pricePerHour` is in US dollars for one replica; without it there are minutes and no dollars.
 */
export const Bill = Schema.Struct({
  billedMinutes: Schema.Int,
  pricePerHour: Schema.optional(Schema.Finite),
  dollars: Schema.optional(Schema.Finite)
})

/** The bill of one lease, as far as a client can know it. */
export type Bill = typeof Bill.Type

const MINUTE = 60_000

/**
 * The bill for a stretch of time on `replicas` replicas (at least one). Each started minute counts.
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
  const billedMinutes = Math.ceil(options.millis / MINUTE)
  const { pricePerHour } = options
  return pricePerHour === undefined
    ? { billedMinutes }
    : {
        billedMinutes,
        pricePerHour,
        dollars: (billedMinutes * pricePerHour * Math.max(1, options.replicas ?? 1)) / 60
      }
}

/** Dollars for a person: cents from a dollar up, two digits that count below a cent. */
export const formatDollars = (dollars: number): string =>
  dollars === 0
    ? "$0"
    : dollars < 0.01
      ? `$${Number(dollars.toPrecision(2))}`
      : `$${dollars.toFixed(dollars < 1 ? 3 : 2)}`
