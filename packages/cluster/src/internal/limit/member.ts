/**
 * One worker among those that share a limit: says what it has seen, hears what it may send, and leads when it is its turn.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Limit } from "@stint/batch"
import { TTL } from "../../FleetLimit.ts"
import { within } from "../lease/within.ts"
import * as Counts from "./counts.ts"
import * as Divide from "./divide.ts"
import * as Pool from "./pool.ts"
import type { Store } from "./store.ts"

/** How often a worker speaks; with many workers less often, so that all together speak so many times a second. */
const SHORTEST = 1000
const LONGEST = 5000
const EACH = 50
/** A worker that has work and no part asks again sooner. */
const IMPATIENT = 200

/** How long its leaving may take. */
const LEAVING = Duration.seconds(2)

/** Before the others have its part, a worker that hears nothing stops using it. */
const TRUSTED = (Duration.toMillis(TTL) * 2) / 3

export interface Options<E> {
  /** Its name now. */
  readonly worker: string
  /** The most that may ever be in flight. */
  readonly max: number
  /** Makes the limit of all, for the one that leads; it goes on from what is known, where something is. */
  readonly begin: (known: number | undefined) => Effect.Effect<Limit.Controller, never, Scope.Scope>
  readonly store: Store<E>
  /** How many requests the worker could have in flight if it might. */
  readonly demand: () => number
}

/** A worker's part of a limit, for as long as the scope is open. */
export interface Member {
  readonly pool: Pool.Pool
  readonly share: () => number
}

/** Joins those that share the limit. */
export const make = Effect.fnUntraced(function* <E>(
  options: Options<E>
): Effect.fn.Return<Member, never, Scope.Scope> {
  const { max, store } = options
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  let counts = Counts.none
  let granted = 0
  let heardAt = -Infinity
  let leading: { readonly controller: Limit.Controller; readonly scope: Scope.Closeable } | undefined
  let seen = new Map<string, Counts.Counts>()
  let seenAt = 0

  const share = () => (now() - heardAt > TRUSTED ? 0 : granted)
  const pool = Pool.make({
    share,
    max,
    onSample: (sample) => {
      counts = Counts.after(counts, sample)
    }
  })

  const step = Effect.suspend(() => {
    const one = leading
    leading = undefined
    return one === undefined ? Effect.void : Scope.close(one.scope, Exit.void)
  })

  const lead = Effect.fnUntraced(function* (known: number) {
    if (leading === undefined) {
      const scope = yield* Scope.make()
      const controller = yield* Scope.provide(options.begin(known > 0 ? known : undefined), scope)
      leading = { controller, scope }
      seen = new Map()
      seenAt = now()
    }
    const { controller } = leading
    const members = yield* store.members
    const at = now()
    const inFlight = Math.max(
      1,
      members.reduce((sum, { held }) => sum + held, 0)
    )
    for (const member of members) {
      // Of a worker that is seen for the first time only what comes next is known.
      const before = seen.get(member.id)
      if (before === undefined) continue
      const news = Counts.difference(member.counts, before)
      for (const sample of Counts.samples(news, { from: seenAt, to: at, inFlight })) {
        controller.onSample(sample)
      }
    }
    seen = new Map(members.map((member) => [member.id, member.counts]))
    seenAt = at
    const total = controller.current()
    const parts = Divide.grants(total, members)
    yield* store.give(total, parts)
    granted = parts.get(options.worker) ?? 0
  })

  const speak = Effect.gen(function* () {
    const at = now()
    const inFlight = pool.inFlight()
    const demand = Math.max(0, Math.min(max, Math.floor(options.demand())))
    const answer = yield* store.report({ worker: options.worker, demand, inFlight, counts })
    granted = answer.granted
    heardAt = at
    if (answer.leads === undefined) yield* step
    else yield* lead(answer.leads)
    pool.turn()
    if (demand > 0 && granted === 0) return IMPATIENT
    return Math.min(LONGEST, Math.max(SHORTEST, EACH * answer.workers))
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.as(Effect.logDebug("The limit of the fleet cannot be asked for now.", cause), SHORTEST)
    )
  )

  const speaking = yield* Effect.forkDetach(
    Effect.forever(Effect.flatMap(speak, (wait) => Effect.sleep(wait)))
  )
  // The endpoint is released after this: nobody waits long for a database that may be away.
  yield* Effect.addFinalizer(() =>
    Effect.ignoreCause(
      within(
        Effect.andThen(Fiber.interrupt(speaking), Effect.andThen(step, store.leave(options.worker))),
        LEAVING
      )
    )
  )
  return { pool, share }
})
