/**
 * The end of a run before its input's: nothing more is taken, nothing tried again, and what is in flight is finished.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { EndpointGone, type Stop } from "./stop.ts"

// An error can be yielded like an effect, so that it is known by being an error.
const isStop = (why: Stop | Effect.Effect<Stop>): why is Stop => why instanceof Error

export const make = <SE>() => {
  const halted = Deferred.makeUnsafe<void>()
  let isHalted = false
  let stop: Effect.Effect<Stop> | undefined
  let crash: Cause.Cause<SE> | undefined

  const now = () => {
    isHalted = true
    Deferred.doneUnsafe(halted, Effect.void)
  }

  return {
    isHalted: () => isHalted,
    /** Completes when the run is halted. */
    wait: Deferred.await(halted),
    now,
    /** Halts for a reason; the first one counts. One that is found only at the end is an effect. */
    because: (why: Stop | Effect.Effect<Stop>) => {
      stop ??= Effect.map(isStop(why) ? Effect.succeed(why) : why, (found) =>
        found._tag === "NotFound" ? new EndpointGone({ name: found.name }) : found
      )
      now()
    },
    /** The job's own code broke. */
    crash: (cause: Cause.Cause<SE>) => {
      crash ??= cause
      now()
    },
    /** Runs what may be not ours, and tells whether it went well; what it throws is as if the job's own code broke. */
    guard: (run: () => void): boolean => {
      try {
        run()
        return true
      } catch (defect) {
        crash ??= Cause.die(defect)
        now()
        return false
      }
    },
    /** The source gives nothing more; what it gave is done to the end. */
    sourceFailed: (cause: Cause.Cause<SE>) => {
      crash ??= cause
    },
    /** Why the run ended; nothing when it came to its end or was told to drain. */
    verdict: Effect.suspend((): Effect.Effect<void, SE | Stop> => {
      if (stop !== undefined) return Effect.flatMap(stop, Effect.fail)
      return crash === undefined ? Effect.void : Effect.failCause(crash)
    })
  }
}

export type Halt<SE = never> = ReturnType<typeof make<SE>>
