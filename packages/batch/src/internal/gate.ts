/**
 * The gate in front of the endpoint. While it is not there, no request is fired: one fiber brings it back, all wait.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { NotReady } from "@stint/core/EndpointError"
import type { Fault } from "../Fault.ts"

/** The endpoint came back again and again and answered nothing in between. */
export class Unstable extends Schema.TaggedError<Unstable>()("Unstable", {
  openings: Schema.Int,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    return `The endpoint went away ${this.openings} times without answering one request in between. Look at its logs. It last said: ${this.detail ?? "nothing"}`
  }
}

/** Openings without one answer in between, after which the run stops: it must not cycle while it bills. */
const MOST_OPENINGS = 10

/** How long the gate stays closed at the least: no time at first, then doubling from half a second. */
const restOf = (openings: number): Duration.Duration =>
  openings <= 1 ? Duration.zero : Duration.min(Duration.seconds(30), Duration.millis(125 * 2 ** openings))

export interface Gate<E> {
  /** Waits while the gate is closed; fails once the endpoint will not come back. */
  readonly pass: Effect.Effect<void, E>
  readonly isClosed: () => boolean
  /** How often the gate was opened: what a request met that was sent before the last opening tells nothing new. */
  readonly era: () => number
  /** A request of that era found no endpoint: closes the gate, and sees to it that it opens again. */
  readonly close: (fault: Fault, era: number) => Effect.Effect<void>
  /** The endpoint answered. */
  readonly answered: () => void
}

export const make = Effect.fnUntraced(function* (
  awaitAwake: Effect.Effect<unknown, NotReady>
): Effect.fn.Return<Gate<NotReady | Unstable>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  let closed: Deferred.Deferred<void, NotReady | Unstable> | undefined
  let openings = 0
  let era = 0

  const reopen = (gate: Deferred.Deferred<void, NotReady | Unstable>, fault: Fault) =>
    Effect.suspend((): Effect.Effect<void, NotReady | Unstable> =>
      ++openings > MOST_OPENINGS
        ? Effect.fail(new Unstable({ openings: MOST_OPENINGS, detail: fault.message }))
        : Effect.andThen(Effect.sleep(restOf(openings)), Effect.asVoid(awaitAwake))
    ).pipe(
      Effect.onExit((exit) =>
        Effect.suspend(() => {
          // A gate that failed stays closed: nothing is fired at an endpoint that is lost.
          if (Exit.isSuccess(exit)) {
            closed = undefined
            era++
          }
          return Deferred.done(gate, exit)
        })
      ),
      Effect.exit
    )

  return {
    pass: Effect.suspend(() => (closed === undefined ? Effect.void : Deferred.await(closed))),
    isClosed: () => closed !== undefined,
    era: () => era,
    close: (fault, sent) =>
      Effect.suspend(() => {
        if (closed !== undefined || sent !== era) return Effect.void
        const gate = Deferred.makeUnsafe<void, NotReady | Unstable>()
        closed = gate
        return Effect.logInfo(`The endpoint is not there (${fault.message}); holding every request.`).pipe(
          Effect.andThen(Effect.forkIn(reopen(gate, fault), scope)),
          Effect.asVoid
        )
      }),
    answered: () => {
      openings = 0
    }
  }
})
