/** Asking a database that may not answer. */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Waits so long and no longer, where nothing else may interrupt as well. A connection that hangs would hang in its clearing up
 * too, so that is left to itself.
 */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Duration
): Effect.Effect<A, E | Cause.TimeoutError, R> =>
  Effect.gen(function* () {
    const asked = yield* Effect.forkDetach(Effect.interruptible(effect), { startImmediately: true })
    const waiting = Fiber.join(asked).pipe(
      Effect.timeout(duration),
      Effect.onError(() => Effect.forkDetach(Fiber.interrupt(asked), { startImmediately: true })),
      Effect.interruptible
    )
    return yield* Fiber.join(yield* Effect.forkDetach(waiting, { startImmediately: true }))
  })
