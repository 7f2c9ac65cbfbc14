/**
 * How often an item is tried again, by the reason of its failure. Each schedule is a reference with a default.
 *
 * **Example** (Trying a shaky engine ten times)
 *
 * ```ts
 * import { Retry } from "@stint/batch"
 * import { Effect, Schedule } from "effect"
 *
 * const patient = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
 *   Effect.provideService(effect, Retry.CurrentBroken, Schedule.recurs(10))
 * ```
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Fault } from "./Fault.ts"

/** The longest that a server is obeyed which asks to be left alone: the endpoint is paid for meanwhile. */
const longestWait = Duration.minutes(5)

/** A schedule that waits no less than the server asks, five minutes at most: the engine adds it to whatever is in place. */
export const notBefore = Schedule.modifyDelay<unknown, Fault, never, never>(({ duration, input }) =>
  Effect.succeed(
    input.retryAfter === undefined
      ? duration
      : Duration.max(duration, Duration.min(input.retryAfter, longestWait))
  )
)

const capped = (first: Duration.Input, cap: Duration.Input) =>
  Schedule.min([Schedule.exponential(first), Schedule.spaced(cap)]).pipe(
    Schedule.jittered,
    Schedule.setInputType<Fault>()
  )

/** After `engine` and `transport`: three more tries, from half a second. */
export const CurrentBroken = Context.Reference<Schedule.Schedule<unknown, Fault>>(
  "@stint/batch/Retry/CurrentBroken",
  { defaultValue: () => capped("500 millis", "10 seconds").pipe(Schedule.upTo({ times: 3 })) }
)

/** After `busy`: waited out for ten minutes, however many tries that is. `Retry-After` is obeyed for five minutes at most. */
export const CurrentBusy = Context.Reference<Schedule.Schedule<unknown, Fault>>(
  "@stint/batch/Retry/CurrentBusy",
  { defaultValue: () => capped("250 millis", "30 seconds").pipe(Schedule.upTo({ duration: "10 minutes" })) }
)

/** How long an endpoint may be away while a run waits for it. */
export interface Outage {
  /** Openings of the gate in a row without one answer in between. Default: 10. */
  readonly openings: number
  /** The time that requests are held back, over the whole run. Default: 1 hour. */
  readonly held: Duration.Input
}

/** After `cold` and `gone`: what is waited for before the run stops with `Unstable`, because it may bill meanwhile. */
export const CurrentOutage = Context.Reference<Outage>("@stint/batch/Retry/CurrentOutage", {
  defaultValue: () => ({ openings: 10, held: "1 hour" })
})
