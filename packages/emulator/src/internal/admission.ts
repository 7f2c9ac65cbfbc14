/** How many requests a server works on at once; one more is refused, not queued. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Engine from "../Engine.ts"

/** The requests that are in. */
export interface Admission {
  readonly inFlight: () => number
  /** Takes a place until the scope closes. */
  readonly enter: Effect.Effect<void, Engine.Refusal, Scope.Scope>
}

/** Makes room for `limit` requests. */
export const make = (limit: number): Admission => {
  let inFlight = 0
  return {
    inFlight: () => inFlight,
    enter: Effect.acquireRelease(
      Effect.suspend(() => {
        if (inFlight >= limit)
          return Effect.fail(new Engine.Refusal({ reason: "Overloaded", message: "Model is overloaded" }))
        inFlight += 1
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          inFlight -= 1
        })
    )
  }
}
