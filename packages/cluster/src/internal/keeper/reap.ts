/**
 * Whether to believe that a holder is dead.
 *
 * While the database is away nobody can renew a lease. Once it is back, all of them seem dead, until their next heartbeat.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ReconcileFailed } from "./finding.ts"

/** How long after a lease ran out another process than the reaper acts, in lives of a lease. */
export const OVERDUE = 0.75

interface Due {
  readonly endpoint: string
  readonly isHeld: boolean
}

export const makeWatch = Effect.fnUntraced(function* (ttlMillis: number) {
  const clock = yield* Clock.Clock
  let isAway = false
  let quietUntil = -Infinity
  return {
    /** The database did not answer. */
    failed: (error: ReconcileFailed): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (isAway) return Effect.void
        isAway = true
        return Effect.logWarning(`The leases cannot be read; looking again. ${error.detail}`)
      }),
    /** What of an answer is to be acted on. */
    credible: (due: ReadonlyArray<Due>): ReadonlyArray<Due> => {
      const now = clock.currentTimeMillisUnsafe()
      if (isAway) quietUntil = now + ttlMillis
      isAway = false
      return now < quietUntil ? due.filter(({ isHeld }) => isHeld) : due
    }
  }
})
