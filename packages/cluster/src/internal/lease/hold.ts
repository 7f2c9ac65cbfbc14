/**
 * A place among the holders, in rows.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Leases from "@stint/batch/Leases"
import type { Decision } from "./decision.ts"
import { type Heart, QUESTION } from "./heartbeat.ts"
import * as Rows from "./rows.ts"
import { within } from "./within.ts"

/** How long a database that is away is asked once more. */
const BRIEF = Duration.seconds(1)

/** What stood in the way, in a line. */
export const detailOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/**
 * What holders that are gone have left. Where they had done nothing yet there is nothing to take over: one that runs then is
 * somebody's. Where they had, it stays ours whatever `updatedAt` says: the end of a boot changes it, and nobody was left to see
 * that. The reaper goes by the same.
 */
const orphanOf = (decision: Decision): Leases.Hold["orphan"] => {
  if (decision._tag !== "TakenOver") return undefined
  const { updatedAt: _, ...facts } = decision.facts
  return facts.found === undefined && facts.acquisition === undefined
    ? undefined
    : { since: decision.since, leftBy: "a process whose lease ran out", facts }
}

export const make = (options: {
  readonly rows: Rows.Rows
  readonly me: Rows.Holder
  readonly claim: Leases.Claim
  readonly decision: Extract<Decision, { readonly _tag: "New" | "Joined" | "TakenOver" }>
  readonly heart: Heart
}): Leases.Hold => {
  const { claim, decision, heart, me, rows } = options
  const { name, namespace } = claim
  let known: Leases.Facts = decision._tag === "TakenOver" ? decision.facts : {}
  /** What could not be written yet: the next note says it again. */
  let unsaid: Leases.Facts = {}
  let isRead = true
  /** It is had, and no call that wakes it is under way: such a call is noted before it is sent. */
  let isAwake = false

  const failed = (detail: string) =>
    new Leases.LeaseRecordError({ namespace, name, path: "stint_endpoints", detail })
  const warn = (what: string, cause: Cause.Cause<unknown>) =>
    Effect.logWarning(`The lease of endpoint "${me.endpoint}" ${what}: ${detailOf(cause)}`)
  /** A call that wakes it was given up without an answer. */
  let mayLand = false
  let isLeaving = false
  let isUnanswered = false
  /** Asks once. A database that is away already does not keep a release waiting each time anew. */
  const once = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const isAway = isLeaving && (isUnanswered || heart.isAway())
      return within(effect, isAway ? BRIEF : QUESTION)
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          isUnanswered = Exit.isFailure(exit)
        })
      )
    )
  /** A moment's trouble is waited out. */
  const asked = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.retry(once(effect), {
      schedule: Schedule.spaced("500 millis"),
      times: 2,
      while: () => !(isLeaving && heart.isAway())
    })

  return {
    orphan: orphanOf(decision),
    isShared: decision._tag === "Joined",
    note: (facts) =>
      Effect.gen(function* () {
        if (facts.acquisition !== undefined) isAwake = false
        if (Rows.wakes(facts)) heart.setCalling(true)
        known = Leases.merge(known, facts)
        const said = Leases.merge(unsaid, facts)
        unsaid = said
        const isKept = yield* asked(rows.note(me, said)).pipe(
          Effect.catchCause((cause) => Effect.fail(failed(detailOf(cause))))
        )
        if (!isKept) return yield* failed("the lease has run out, and is being taken again")
        if (unsaid === said) unsaid = {}
      }),
    acquired: Effect.suspend(() => {
      isAwake = true
      heart.setPhase("held")
      heart.setCalling(false)
      return asked(rows.acquired(me, claim.policy, mayLand))
    }).pipe(Effect.catchCause((cause) => warn("could not be written", cause))),
    unanswered: Effect.suspend(() => {
      mayLand = true
      return asked(rows.called(me))
    }).pipe(Effect.catchCause((cause) => warn("could not be written", cause))),
    facts: asked(rows.look(me.endpoint)).pipe(
      Effect.map((seen) => {
        isRead = true
        return seen === undefined ? known : Leases.merge(known, seen.row.facts)
      }),
      Effect.orElseSucceed(() => {
        isRead = false
        return known
      })
    ),
    standing: {
      isSure: heart.isSure,
      losses: heart.losses,
      regained: heart.regained,
      // A connection that is lost as it asks says nothing. Where nobody can be asked, nobody else can have come.
      isOurs: once(Effect.retry(rows.fence(me), { schedule: Schedule.spaced("200 millis"), times: 4 })).pipe(
        Effect.orElseSucceed(() => true)
      )
    },
    leave: Effect.gen(function* () {
      isLeaving = true
      heart.setPhase("releasing")
      const answer = yield* asked(rows.leave(me, isAwake)).pipe(
        Effect.catchCause((cause) =>
          // Whoever was alone at the last beat sees to it; else the reaper will, once this lease has run out.
          Effect.as(
            warn("could not be left", cause),
            heart.others() > 0 ? ("others" as const) : ("last" as const)
          )
        )
      )
      if (answer === "others") yield* heart.stop
      return answer
    }).pipe(Effect.uninterruptible),
    ended: (unconfirmed) =>
      Effect.suspend(() => {
        // That nothing is known is no proof that nobody did anything.
        const isUnknown = !isRead && known.found === undefined && known.acquisition === undefined
        const detail =
          unconfirmed ?? (isUnknown ? "what its holders had done to it could not be read" : undefined)
        return Effect.andThen(
          heart.stop,
          Effect.catchCause(asked(rows.ended(me, detail)), (cause) => warn("could not be ended", cause))
        )
      }).pipe(Effect.uninterruptible)
  }
}
