/**
 * One limit for all workers that use an endpoint, not one for each of them.
 *
 * Each worker says once a second, in a row of its own, what it has seen: how many answers, how long they took, how many were
 * refused. One of them, whoever holds the lead at the moment, tells the limit of batch of the sums, and gives each worker its
 * part, in proportion to what it has to send. For Postgres that is one small statement a worker and three for the leader, a
 * second; with more than 20 workers the second is stretched, up to five, so that with up to 100 it stays at about 20 a second.
 *
 * **What is kept**: the parts that workers use never sum up to more than the limit, but
 *
 * - for as long as a worker needs to hear of it, when the limit itself falls: a second or two, with 100 workers five;
 * - by what a worker has in flight that was cut off from Postgres or frozen for longer than {@link TTL}: its part is given to
 *   others, and it sends one request a chunk at the most until it is back;
 * - by one request for each chunk that a worker begins while all of its places are taken.
 */
import * as Schema from "effect/Schema"
import { Limit } from "@stint/batch"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

/** Exactly so many in flight, whatever the number of workers. */
const Fixed = Schema.TaggedStruct("Fixed", { concurrency: Count })

/** A limit that finds itself: see `Limit.adaptive` of batch. */
const Adaptive = Schema.TaggedStruct("Adaptive", {
  initial: Schema.optionalKey(Count),
  max: Schema.optionalKey(Count),
  metrics: Schema.optionalKey(Schema.Boolean)
})

/** A limit, as a run keeps it. */
export const FleetLimit = Schema.Union([Fixed, Adaptive])

/** A limit, as a run keeps it. */
export type FleetLimit = typeof FleetLimit.Type

/** After so long without a word a worker's part is given to the others. */
export const TTL = "10 seconds"

/**
 * Exactly `concurrency` requests in flight in the whole fleet, 1 to 100,000.
 *
 * **Example** (Sixteen at once, on however many machines)
 *
 * ```ts
 * import { FleetLimit } from "@stint/cluster"
 *
 * console.log(FleetLimit.fixed(16).concurrency) // => 16
 * ```
 */
export const fixed = (concurrency: number): typeof Fixed.Type => ({ _tag: "Fixed", concurrency })

/**
 * A limit of the whole fleet that finds itself, as `Limit.adaptive` of batch does, from the answers that all workers get.
 *
 * **Example** (Never more than 2,000 at once)
 *
 * ```ts
 * import { FleetLimit } from "@stint/cluster"
 *
 * console.log(FleetLimit.adaptive({ max: 2000 }).max) // => 2000
 * ```
 */
export const adaptive = (options: Limit.AdaptiveOptions = {}): typeof Adaptive.Type => ({
  _tag: "Adaptive",
  ...(options.initial === undefined ? {} : { initial: options.initial }),
  ...(options.max === undefined ? {} : { max: options.max }),
  ...(options.metrics === undefined ? {} : { metrics: options.metrics })
})

/**
 * The limit of batch that it stands for. `known` is what the fleet may have in flight already, where it is known: whoever takes
 * the lead goes on from there.
 *
 * **Example** (On one machine)
 *
 * ```ts
 * import { FleetLimit } from "@stint/cluster"
 *
 * console.log(FleetLimit.toLimit(FleetLimit.fixed(8)).max) // => 8
 * ```
 */
export const toLimit = (limit: FleetLimit, known?: number): Limit.Limit =>
  limit._tag === "Fixed"
    ? Limit.fixed(limit.concurrency)
    : Limit.adaptive({ max: limit.max, metrics: limit.metrics, initial: known ?? limit.initial })
