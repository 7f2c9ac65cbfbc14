/** Processes that hold an endpoint, freeze, come to and leave as a seed has it, on a real Postgres. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { changes, state } from "../batchWorld.ts"
import { hold, inWorld, make, type Process, ttlMillis, until } from "../cluster/leaseWorld.ts"

/** Numbers between 0 and 1, the same for the same seed. */
const dice = (seed: number) => {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** By when what is so must be seen at the endpoint: a lease's life, looks, a call, on a machine that is shared. */
const settled = ttlMillis * 3 + 1000

interface Actor {
  readonly process: Process
  held: Effect.Success<ReturnType<typeof hold>> | undefined
  isFrozen: boolean
}

describe.concurrent("processes that hold an endpoint, freeze and leave in any order", () => {
  for (const seed of [1, 2, 3, 4]) {
    it.live(`keep it awake while one of them is there, and leave it paused (seed ${seed})`, () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* make
          const roll = dice(seed)
          // One that only looks is always there.
          const processes = yield* Effect.all([start(), start(), start(), start()], { concurrency: 4 })
          const actors = processes
            .slice(1)
            .map((process): Actor => ({ process, held: undefined, isFrozen: false }))
          const told: Array<string> = []
          let since = yield* Clock.currentTimeMillis
          let wanted = false

          /** Whether somebody who is there holds it; since when. */
          const note = Effect.gen(function* () {
            const now = actors.some(({ held, isFrozen }) => held !== undefined && !isFrozen)
            if (now !== wanted) since = yield* Clock.currentTimeMillis
            wanted = now
          })

          const act = Effect.fnUntraced(function* (actor: Actor, index: number) {
            const { held, isFrozen, process } = actor
            if (isFrozen) {
              told.push(`${index} thaws`)
              actor.isFrozen = false
              yield* process.thaw
            } else if (held === undefined) {
              told.push(`${index} holds`)
              actor.held = yield* hold(process)
            } else if (roll() < 0.5) {
              told.push(`${index} freezes`)
              actor.isFrozen = true
              yield* process.freeze
            } else {
              told.push(`${index} leaves`)
              actor.held = undefined
              yield* note
              yield* held.letGo
            }
            yield* note
          })

          const check = Effect.gen(function* () {
            const now = yield* Clock.currentTimeMillis
            if (now - since < settled) return
            const seen = yield* state
            const what = `${told.join(", ")}: ${seen} (${(yield* changes).join(", ")})`
            if (wanted) assert.include(["running", "initializing", "pending"], seen, what)
            else assert.include(["paused", "gone"], seen, what)
          })

          for (let step = 0; step < 7; step++) {
            const index = Math.floor(roll() * actors.length)
            const actor = actors[index]
            if (actor !== undefined) yield* act(actor, index)
            // Now a moment, now until all must have come to rest.
            const pause = roll() < 0.6 ? roll() * ttlMillis : settled + 200
            yield* Effect.sleep(pause)
            yield* check
          }

          yield* Effect.forEach(actors, ({ process }) => process.thaw)
          yield* Effect.forEach(actors, ({ held }) => held?.letGo ?? Effect.void, { concurrency: 3 })
          yield* Effect.forEach(actors, ({ held }) => (held ? Fiber.join(held.fiber) : Effect.void))
          if ((yield* changes).length > 0) yield* until("paused", settled)
        })
      )
    )
  }
})
