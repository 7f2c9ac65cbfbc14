/** A lease that is kept alive over a database that answers late or not at all, on virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Heartbeat from "../src/internal/lease/heartbeat.ts"

const ttlMillis = 6000

/** How the database takes a question: when it is served, and when it is answered. */
interface Manner {
  readonly served: number
  readonly answered: number
  readonly isLost: boolean
}

/** Rows with a clock of their own; a reaper takes away what ran out, and releases. */
const makeRows = (manners: ReadonlyArray<Manner>) => {
  let asked = 0
  let expiresAt = 0
  let state: "held" | "released" = "held"
  const ask = <A>(serve: (now: number) => A) =>
    Effect.gen(function* () {
      const { answered, isLost, served } = manners[asked++ % manners.length] ?? {
        served: 0,
        answered: 0,
        isLost: false
      }
      yield* Effect.sleep(served)
      const answer = serve(yield* Clock.currentTimeMillis)
      if (isLost) return yield* Effect.fail("connection lost")
      yield* Effect.sleep(answered)
      return answer
    })
  const rows: Heartbeat.Pulse = {
    renew: () =>
      ask((now) => {
        const mine = expiresAt > now
        if (mine) expiresAt = now + ttlMillis
        return { mine, others: 0 }
      }),
    retake: () =>
      ask((now) => {
        expiresAt = now + ttlMillis
        return state
      })
  }
  return {
    rows,
    begin: (now: number) => {
      expiresAt = now + ttlMillis
    },
    /** What another process does about it. */
    reap: (now: number) => {
      if (expiresAt <= now) state = "released"
    },
    wake: Effect.sync(() => {
      state = "held"
    }),
    isHeld: (now: number) => expiresAt > now && state === "held"
  }
}

const manner = Schema.Struct({
  served: Schema.Literals([0, 5, 900, 2500, 7000]),
  answered: Schema.Literals([0, 5, 900, 2500]),
  isLost: Schema.Boolean
})

const me = { endpoint: "acme/e", holder: "h", worker: "w", ttlMillis }

/** Watches a lease for forty seconds. */
const watch = Effect.fnUntraced(function* (manners: ReadonlyArray<Manner>) {
  const world = makeRows(manners)
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const from = Heartbeat.momentOf(clock)
  world.begin(from.wall)
  const heart = yield* Heartbeat.start({ rows: world.rows, me, from, wake: world.wake, scope })
  heart.setPhase("held")
  let sure = 0
  for (let step = 0; step < 400; step++) {
    yield* TestClock.adjust(100)
    const now = yield* Clock.currentTimeMillis
    if (heart.isSure()) {
      sure++
      assert.isTrue(world.isHeld(now), `after ${step} steps`)
    }
    world.reap(now)
  }
  return { sure, losses: heart.losses() }
}, Effect.scoped)

const prompt: Manner = { served: 0, answered: 5, isLost: false }
const lost: Manner = { served: 5, answered: 0, isLost: true }
const silent: Manner = { served: 7000, answered: 0, isLost: false }

describe("a lease that is kept alive", () => {
  it.effect.prop(
    "is never believed to hold when the database has let it run out",
    { manners: Schema.Array(manner).check(Schema.isMinLength(1), Schema.isMaxLength(12)) },
    ({ manners }) => watch(manners),
    { arbitrary: { runs: 40 } }
  )

  it.effect("is sure all the time where the database answers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* watch([prompt]), { sure: 400, losses: 0 })
    })
  )

  it.effect("stays sure over an answer that is lost, and over a silence that is shorter than its life", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* watch([prompt, lost, prompt, silent]), { sure: 400, losses: 0 })
    })
  )

  it.effect("is lost to a long silence, and sure again once it is taken again", () =>
    Effect.gen(function* () {
      const after = Array.from({ length: 40 }, () => prompt)
      const { losses, sure } = yield* watch([prompt, silent, silent, silent, ...after])
      assert.strictEqual(losses, 1)
      assert.isAbove(sure, 300)
      assert.isBelow(sure, 400)
    })
  )

  it.effect("that was taken again without an answer is not believed before the endpoint is awake", () =>
    Effect.gen(function* () {
      const slow = { served: 5, answered: 900, isLost: false }
      yield* watch([{ ...silent, answered: 2500 }, prompt, lost, slow, { ...silent, answered: 900 }])
    })
  )

  it("counts the longer of two clocks: a machine that slept has lost time on one of them", () => {
    const from = { wall: 1000, steady: 5_000_000n }
    assert.strictEqual(Heartbeat.elapsed(from, { wall: 9000, steady: 6_000_000n }), 8000)
    assert.strictEqual(Heartbeat.elapsed(from, { wall: 0, steady: 4_005_000_000n }), 4000)
  })
})
