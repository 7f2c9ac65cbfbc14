/**
 * What must not wait for ever, even where nothing can be interrupted: in a finalizer.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"

/**
 * Runs an effect for so long at most. In a fiber of its own: what is uninterruptible cannot be ended by its own clock, and
 * this must be.
 */
export const bounded = <A, R>(
  effect: Effect.Effect<A, never, R>,
  time: Duration.Input
): Effect.Effect<Option.Option<A>, never, R> =>
  effect.pipe(
    Effect.timeoutOption(time),
    Effect.interruptible,
    Effect.forkDetach({ startImmediately: true }),
    Effect.flatMap(Fiber.join)
  )
