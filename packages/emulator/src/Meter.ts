/**
 * What an endpoint costs: replicas are billed by the minute, and a minute that has begun is billed whole.
 *
 * A meter is a value. {@link run} says from when on how many replicas are billed; {@link bill} reads it.
 * Each replica has a stretch of its own: from when it is first billed until it no longer is.
 *
 * @source contract: price and billing. Replicas are billed while the endpoint initializes, runs and updates.
 */

const MINUTE = 60_000

/** What was used, and what it costs. */
export interface Bill {
  /** Minutes of replicas: two replicas for a minute are two. */
  readonly billedMinutes: number
  /** US dollars. */
  readonly dollars: number
  /** US dollars for one replica and hour, as of now. */
  readonly pricePerHour: number
}

/** The times, in milliseconds, since which each billed replica runs; and what is over and done with. */
export interface Meter {
  readonly pricePerHour: number
  readonly running: ReadonlyArray<number>
  readonly closedMinutes: number
  readonly closedDollars: number
}

/**
 * A meter on which nothing runs yet.
 *
 * @example
 * ```ts
 * import { Meter } from "@stint/emulator"
 *
 * const started = Meter.run(Meter.make(0.8), { at: 0, replicas: 1 })
 * export const { billedMinutes } = Meter.bill(Meter.run(started, { at: 90_000, replicas: 0 }), 600_000) // 2
 * ```
 */
export const make = (pricePerHour: number): Meter => ({
  pricePerHour,
  running: [],
  closedMinutes: 0,
  closedDollars: 0
})

/** The minutes of a stretch: every one that has begun. */
const minutes = (from: number, to: number): number => Math.ceil(Math.max(0, to - from) / MINUTE)

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

/**
 * From `at` (milliseconds) on, `replicas` are billed. The replicas that stay keep their stretch; when there are
 * fewer, the newest end first.
 *
 * @example
 * ```ts
 * import { Meter } from "@stint/emulator"
 *
 * const two = Meter.run(Meter.make(0.8), { at: 0, replicas: 2 })
 * export const one = Meter.run(two, { at: 60_000, replicas: 1 })
 * ```
 */
export const run = (meter: Meter, change: { readonly at: number; readonly replicas: number }): Meter => {
  const { at, replicas } = change
  const ended = sum(meter.running.slice(replicas).map((from) => minutes(from, at)))
  const kept = meter.running.slice(0, replicas)
  const begun = Array.from({ length: replicas - kept.length }, () => at)
  return {
    pricePerHour: meter.pricePerHour,
    running: [...kept, ...begun],
    closedMinutes: meter.closedMinutes + ended,
    closedDollars: meter.closedDollars + (ended / 60) * meter.pricePerHour
  }
}

/**
 * From `at` on, replicas cost another price. They move to other hardware, so their stretches end and new ones begin.
 *
 * @example
 * ```ts
 * import { Meter } from "@stint/emulator"
 *
 * const onT4 = Meter.run(Meter.make(0.5), { at: 0, replicas: 1 })
 * export const onL4 = Meter.reprice(onT4, { at: 60_000, pricePerHour: 0.8 })
 * ```
 */
export const reprice = (
  meter: Meter,
  change: { readonly at: number; readonly pricePerHour: number }
): Meter => {
  if (change.pricePerHour === meter.pricePerHour) return meter
  const stopped = run(meter, { at: change.at, replicas: 0 })
  return run(
    { ...stopped, pricePerHour: change.pricePerHour },
    { at: change.at, replicas: meter.running.length }
  )
}

/**
 * The bill at a time, in milliseconds: what is over, and the started minutes of what still runs.
 *
 * @example
 * ```ts
 * import { Meter } from "@stint/emulator"
 *
 * const meter = Meter.run(Meter.make(0.6), { at: 0, replicas: 1 })
 * export const { dollars } = Meter.bill(meter, 61_000) // 0.02
 * ```
 */
export const bill = (meter: Meter, now: number): Bill => {
  const open = sum(meter.running.map((from) => minutes(from, now)))
  return {
    billedMinutes: meter.closedMinutes + open,
    dollars: meter.closedDollars + (open / 60) * meter.pricePerHour,
    pricePerHour: meter.pricePerHour
  }
}

/**
 * One bill for several, the newest last, whose price it shows.
 *
 * @example
 * ```ts
 * import { Meter } from "@stint/emulator"
 *
 * const bill = Meter.bill(Meter.make(0.8), 0)
 * export const both = Meter.total([bill, bill])
 * ```
 */
export const total = (bills: readonly [Bill, ...ReadonlyArray<Bill>]): Bill => ({
  billedMinutes: sum(bills.map((each) => each.billedMinutes)),
  dollars: sum(bills.map((each) => each.dollars)),
  pricePerHour: bills[bills.length - 1]?.pricePerHour ?? bills[0].pricePerHour
})
