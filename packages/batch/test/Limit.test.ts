import { assert, describe, it } from "@effect/vitest"
import { Limit } from "@stint/batch"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"

const most = Effect.fnUntraced(function* (limit: Limit.Limit, tasks: number) {
  const slots = yield* limit.make
  let inside = 0
  let highest = 0
  const task = Effect.gen(function* () {
    highest = Math.max(highest, ++inside)
    yield* Effect.sleep("1 second")
    inside--
  })
  const all = yield* Effect.forEach(Array.from({ length: tasks }), () => slots.withSlot(task), {
    concurrency: "unbounded"
  }).pipe(Effect.forkChild({ startImmediately: true }))
  yield* TestClock.adjust(`${tasks} seconds`)
  return { highest, isDone: all.pollUnsafe() !== undefined }
})

describe("fixed", () => {
  it.effect.prop(
    "lets exactly so many through at once",
    { max: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })) },
    ({ max }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* most(Limit.fixed(max), 20), { highest: max, isDone: true })
      }),
    { arbitrary: { runs: 20 } }
  )

  it.effect("gives the slot back on failure and interruption", () =>
    Effect.gen(function* () {
      const slots = yield* Limit.fixed(1).make
      yield* Effect.exit(slots.withSlot(Effect.fail("no")))
      yield* Effect.exit(slots.withSlot(Effect.die("bug")))
      yield* Effect.exit(slots.withSlot(Effect.interrupt))
      assert.strictEqual(yield* slots.withSlot(Effect.succeed(1)), 1)
    })
  )

  for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 100_001]) {
    it(`refuses ${wrong}`, () => assert.throws(() => Limit.fixed(wrong)))
  }
})

describe("standard", () => {
  it.effect("is 64", () =>
    Effect.gen(function* () {
      assert.strictEqual(Limit.standard.max, 64)
      assert.strictEqual((yield* most(Limit.standard, 200)).highest, 64)
    })
  )
})
