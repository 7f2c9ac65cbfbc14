/**
 * Ends what takes too long. One fiber looks at everything in flight now and then: a timer for each request would cost a
 * third of what the request costs.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Something in flight that has its time. */
export interface Flight {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** In milliseconds of the clock. */
  deadline: number
  isOver: boolean
  /** Ends it for the run, whatever its fiber goes on with. */
  readonly abandon: () => void
}

/** The longest that something may go on past its deadline. */
const COARSE = Duration.seconds(1)
const FINE = Duration.millis(50)

/** How often to look, for deadlines of about this length. */
export const grain = (timeout: Duration.Duration): Duration.Duration =>
  Duration.clamp(Duration.times(timeout, 0.05), { minimum: FINE, maximum: COARSE })

/** Interrupts each flight whose deadline has passed, for ever. */
export const watch = (flights: Iterable<Flight>, every: Duration.Duration): Effect.Effect<never> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    while (true) {
      yield* Effect.sleep(every)
      const now = clock.currentTimeMillisUnsafe()
      for (const flight of flights) {
        if (flight.deadline > now) continue
        flight.isOver = true
        flight.fiber.interruptUnsafe()
        // What cannot be interrupted is not waited for.
        flight.abandon()
      }
    }
  })
