import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { TestClock } from "effect/testing"
import * as Silence from "../src/internal/chunk/silence.ts"
import { isTransient } from "../src/internal/results/transient.ts"

describe("a worker that was silent", () => {
  it.effect("learns it before its chunks are others', and not while it is heard", () =>
    Effect.gen(function* () {
      const silence = yield* Silence.make
      const lost = yield* Effect.forkChild(silence.since().lost)
      yield* TestClock.adjust("6 seconds")
      yield* silence.heard(Effect.void)
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(lost.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(lost)
    })
  )

  it.effect("was heard when it spoke, not when the answer came, and not where it failed", () =>
    Effect.gen(function* () {
      const silence = yield* Silence.make
      const lost = yield* Effect.forkChild(silence.since().lost)
      yield* Effect.forkChild(silence.heard(Effect.sleep("5 seconds")))
      yield* TestClock.adjust("5 seconds")
      yield* Effect.ignore(silence.heard(Effect.fail("no database")))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(lost)
    })
  )

  it.effect("may begin anew: what is begun later is lost by a later silence alone", () =>
    Effect.gen(function* () {
      const silence = yield* Silence.make
      yield* TestClock.adjust("8 seconds")
      yield* silence.heard(Effect.void)
      const lost = yield* Effect.forkChild(silence.since().lost)
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(lost.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(lost)
    })
  )

  it.effect("knows that an answer is as old as the silence before it, also once it is heard again", () =>
    Effect.gen(function* () {
      const silence = yield* Silence.make
      const asked = silence.since()
      yield* TestClock.adjust("6 seconds")
      assert.isFalse(asked.isLost())
      yield* TestClock.adjust("6 seconds")
      yield* silence.heard(Effect.void)
      assert.isTrue(asked.isLost())
      assert.isFalse(silence.since().isLost())
      yield* asked.lost
    })
  )
})

describe("a database that is there again soon", () => {
  const errorOf = (code: string) =>
    new SqlError({ reason: new UnknownError({ cause: Object.assign(new Error("no"), { code }) }) })

  for (const [what, code, isSoon] of [
    ["stops", "57P01", true],
    ["recovers", "57P03", true],
    ["has too many connections", "53300", true],
    ["refuses a value", "22021", false],
    ["has lost a table", "42P01", false]
  ] as const) {
    it(`${isSoon ? "is asked again" : "is not asked again"} when it ${what}`, () => {
      assert.strictEqual(isTransient(errorOf(code)), isSoon)
    })
  }
})
