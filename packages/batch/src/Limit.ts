/**
 * The bound on how many requests are in flight.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"

/**
 * A limit: `max` is the most it will ever let through at once.
 */
export interface Limit {
  readonly max: number
  /** Makes the gate that requests pass, once per run. */
  readonly make: Effect.Effect<Slots>
}

/** What requests pass through. Whoever waits to try again holds no slot. */
export interface Slots {
  readonly withSlot: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

/**
 * Exactly `concurrency` requests in flight, 1 to 100,000. Throws a `SchemaError` on any other number.
 *
 * **Example** (Sixteen at once)
 *
 * ```ts
 * import { Limit } from "@stint/batch"
 *
 * console.log(Limit.fixed(16).max) // => 16
 * ```
 */
export const fixed = (concurrency: number): Limit => {
  const max = Schema.decodeSync(Count)(concurrency)
  return {
    max,
    make: Effect.map(Semaphore.make(max), (semaphore) => ({ withSlot: semaphore.withPermit }))
  }
}

/** What is used when nothing is said: 64, which keeps one replica of the common engines busy. */
export const standard: Limit = fixed(64)
