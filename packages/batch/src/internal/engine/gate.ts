/**
 * The gate in front of the endpoint. While it is not there, no request is fired: one fiber brings it back, all wait.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { NotReady, QuotaExceeded } from "@stint/core/EndpointError"
import type { Fault } from "../../Fault.ts"
import type { Outage } from "../../Retry.ts"

/** The endpoint went away too often, or for too long, to go on waiting for it. */
export class Unstable extends Schema.TaggedError<Unstable>()("Unstable", {
  name: Schema.optional(Schema.String),
  openings: Schema.Int,
  heldMillis: Schema.Finite,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    const held = Duration.format(Duration.millis(Math.round(this.heldMillis / 1000) * 1000))
    const what =
      this.openings > 0 ? `The endpoint went away ${this.openings} times in a row` : "The endpoint stays away"
    return `${what}; requests were held back for ${held} in all. Finished work is kept. Look at the endpoint's logs; it last said: ${this.detail ?? "nothing"}`
  }
}

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
  /** Whether the endpoint was really away when the gate was closed last: else the request was mistaken. */
  readonly wasAway: () => boolean
  /** The endpoint answered. */
  readonly answered: () => void
  /** For how long requests were held back. */
  readonly heldMillis: () => number
}

/** Why an endpoint does not come back. */
type Lost = NotReady | QuotaExceeded | Unstable

export interface Options {
  /** The endpoint's. */
  readonly name: string
  /** Brings the endpoint back; tells whether it was away. */
  readonly awaitAwake: Effect.Effect<{ readonly wasAway: boolean }, NotReady | QuotaExceeded>
  readonly outage: Outage
  readonly onOpen: () => void
}

type Closed = Deferred.Deferred<void, Lost>

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Gate<Lost>, never, Scope.Scope> {
  const { outage } = options
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const longest = Duration.toMillis(Duration.fromInputUnsafe(outage.held))
  let closed: Closed | undefined
  let since = 0
  let isTimed = false
  let held = 0
  let openings = 0
  let era = 0
  let wasAway = false

  const heldMillis = () => held + (!isTimed ? 0 : clock.currentTimeMillisUnsafe() - since)

  const unstable = (fault: Fault) =>
    new Unstable({
      name: options.name,
      openings: openings - 1,
      heldMillis: heldMillis(),
      detail: fault.message
    })

  const comeBack = (fault: Fault) =>
    Effect.gen(function* () {
      yield* Effect.sleep(restOf(openings))
      const awake = yield* options.awaitAwake
      wasAway = awake.wasAway
    }).pipe(
      Effect.timeoutOrElse({
        duration: Duration.millis(Math.max(0, longest - held)),
        orElse: () => Effect.fail(unstable(fault))
      })
    )

  const reopen = (gate: Closed, fault: Fault) =>
    Effect.suspend((): Effect.Effect<void, Lost> =>
      ++openings > outage.openings ? Effect.fail(unstable(fault)) : comeBack(fault)
    ).pipe(
      Effect.onExit((exit) =>
        Effect.suspend(() => {
          held = heldMillis()
          isTimed = false
          // A gate that failed stays closed: nothing is fired at an endpoint that is lost.
          if (Exit.isSuccess(exit)) {
            closed = undefined
            era++
            options.onOpen()
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
        const gate: Closed = Deferred.makeUnsafe()
        closed = gate
        since = clock.currentTimeMillisUnsafe()
        isTimed = true
        const why =
          fault.reason === "transport"
            ? `No answer several times in a row (${fault.message}); looking at the endpoint before anything is sent.`
            : `The endpoint is not there (${fault.message}); holding every request.`
        return Effect.logInfo(why).pipe(
          Effect.andThen(Effect.forkIn(reopen(gate, fault), scope)),
          Effect.asVoid
        )
      }),
    wasAway: () => wasAway,
    answered: () => {
      openings = 0
    },
    heldMillis
  }
})
