/**
 * Keeps one lease from running out, and knows at each moment whether it may have.
 *
 * A beat counts from before it was sent, on clocks of this machine; the database counts from when it was served. So what is
 * believed to hold here holds there. Nothing but SQL is in the way of a beat: during a move of shards it goes on.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Holder, Phase, State } from "./rows.ts"
import { within } from "./within.ts"

/** How far a lease is from running out: wall time and time that no setting of the wall clock moves. */
interface Moment {
  readonly wall: number
  readonly steady: bigint
}

/** The longer of both: a machine that slept has lost time on one of them. */
export const elapsed = (from: Moment, to: Moment): number =>
  Math.max(to.wall - from.wall, Number((to.steady - from.steady) / 1_000_000n))

/** What a beat asks of the rows. */
export interface Pulse {
  readonly renew: (
    me: Holder,
    phase: Phase,
    isCalling: boolean
  ) => Effect.Effect<{ readonly mine: boolean; readonly others: number }, unknown>
  readonly retake: (me: Holder, phase: Phase) => Effect.Effect<State | undefined, unknown>
}

export interface Heart {
  readonly isSure: () => boolean
  readonly losses: () => number
  readonly regained: Effect.Effect<void>
  /** Whether the last beat went unanswered. */
  readonly isAway: () => boolean
  /** Others that held it at the last beat that was answered. */
  readonly others: () => number
  readonly setPhase: (phase: Phase) => void
  /** Whether a call that wakes the endpoint is under way. */
  readonly setCalling: (isCalling: boolean) => void
  readonly stop: Effect.Effect<void>
}

/** How long a beat may go unanswered before the next one is sent. */
const patienceOf = (ttlMillis: number): Duration.Duration => Duration.millis(ttlMillis / 3)

/** How long any other question to the database may go unanswered. */
export const QUESTION: Duration.Duration = Duration.seconds(5)

const LOOK_EVERY = Duration.millis(50)

export const start = Effect.fnUntraced(function* (options: {
  readonly rows: Pulse
  readonly me: Holder
  /** When the claim was sent that made the lease. */
  readonly from: Moment
  /** Asks for the endpoint to be woken for those who hold it. */
  readonly wake: Effect.Effect<void>
  readonly scope: Scope.Scope
}): Effect.fn.Return<Heart> {
  const { me, rows, scope, wake } = options
  const { endpoint, ttlMillis } = me
  const clock = yield* Clock.Clock
  const now = (): Moment => momentOf(clock)
  let phase: Phase = "acquiring"
  let sureFrom: Moment | undefined = options.from
  let losses = 0
  let others = 0
  let isAway = false
  let isLost = false
  let isCalling = false

  const isSure = () => sureFrom !== undefined && elapsed(sureFrom, now()) < ttlMillis

  /** Takes it again, and waits until the endpoint is being woken where it was put to sleep. */
  const retake = Effect.gen(function* () {
    for (;;) {
      if (phase === "releasing") return
      const at = now()
      const state = yield* within(rows.retake(me, phase), patienceOf(ttlMillis))
      if (state === "held" || (state !== undefined && phase === "acquiring")) {
        sureFrom = at
        return
      }
      if (state !== undefined) yield* wake
      yield* Effect.sleep(Duration.millis(ttlMillis / 20))
    }
  })

  const regain = Effect.gen(function* () {
    yield* retake
    isLost = false
    if (isSure()) yield* Effect.logInfo(`The lease of endpoint "${endpoint}" is taken again.`)
  })

  const beat = Effect.gen(function* () {
    // It may have been taken again without an answer; what it is worth is not known until the endpoint is awake.
    if (isLost) return yield* regain
    const at = now()
    const seen = yield* within(rows.renew(me, phase, isCalling), patienceOf(ttlMillis))
    if (isAway) yield* Effect.logInfo(`The lease of endpoint "${endpoint}" is renewed again.`)
    isAway = false
    others = seen.others
    if (seen.mine) {
      sureFrom = at
      return
    }
    sureFrom = undefined
    // What somebody else releases by now is theirs.
    if (phase === "releasing") return
    losses++
    yield* Effect.logWarning(
      `The lease of endpoint "${endpoint}" had run out: this process stood still, or could not reach the database, for ${Duration.format(Duration.millis(ttlMillis))} or more. Taking it again; until then nothing is sent.`
    )
    isLost = true
    yield* regain
  }).pipe(
    Effect.as(ttlMillis / 3),
    Effect.catchCause((cause) => {
      const wait = Effect.succeed(Math.min(1000, ttlMillis / 6))
      if (isAway) return wait
      isAway = true
      return Effect.as(
        Effect.logWarning(
          `The lease of endpoint "${endpoint}" could not be renewed; trying again. Requests go on until it may have run out.`,
          cause
        ),
        ttlMillis / 6
      )
    })
  )

  const fiber = yield* Effect.forkIn(
    Effect.forever(Effect.flatMap(beat, (pause) => Effect.sleep(Duration.millis(pause)))).pipe(
      Effect.delay(Duration.millis(ttlMillis / 3))
    ),
    scope
  )

  return {
    isSure,
    losses: () => losses,
    regained: Effect.suspend(() =>
      Effect.whileLoop({ while: () => !isSure(), body: () => Effect.sleep(LOOK_EVERY), step: () => {} })
    ),
    isAway: () => isAway,
    others: () => others,
    setPhase: (next) => {
      phase = next
    },
    setCalling: (next) => {
      isCalling = next
    },
    stop: Effect.asVoid(Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true }))
  }
})

/** Now, on both clocks. */
export const momentOf = (clock: Clock.Clock): Moment => ({
  wall: clock.currentTimeMillisUnsafe(),
  steady: clock.currentTimeNanosUnsafe()
})
