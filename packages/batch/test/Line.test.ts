import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import * as Line from "../src/internal/engine/line.ts"
import * as Turnstile from "../src/internal/engine/turnstile.ts"

const Step = Schema.Literals(["join", "join", "leave", "wider", "narrower"])

describe("a line before the endpoint", () => {
  it.prop(
    "gives each its turn once, in their order, and never more than there are places",
    { steps: Schema.Array(Step) },
    ({ steps }) => {
      let places = 2
      let inside = 0
      const turns: Array<number> = []
      const turnstile = Turnstile.make(() => places)
      const line = Line.make<number>({
        turnstile,
        onTurn: (pack) => {
          inside++
          turns.push(pack)
          assert.isAtMost(inside, places)
        }
      })
      let joined = 0
      for (const step of steps) {
        if (step === "join") line.join(joined++)
        else if (step === "wider") {
          places++
          turnstile.turn()
        } else if (step === "narrower") {
          places = Math.max(1, Math.min(places - 1, inside))
          if (inside > places) places = inside
        } else if (inside > 0) {
          inside--
          turnstile.leave()
        }
        assert.strictEqual(turnstile.isWaitedFor(), turns.length < joined)
        assert.isTrue(turns.length === joined || inside === places)
      }
      while (inside > 0) {
        inside--
        turnstile.leave()
      }
      assert.deepStrictEqual(
        turns,
        Array.from({ length: joined }, (_, nth) => nth)
      )
    }
  )

  it("lets those go first that come again", () => {
    const turns: Array<string> = []
    const turnstile = Turnstile.make(() => 1)
    const line = Line.make<string>({ turnstile, onTurn: (pack) => turns.push(pack) })
    line.join("first")
    line.join("second")
    const again = Effect.runFork(
      Effect.map(turnstile.enter(true), () => {
        turns.push("again")
      })
    )
    turnstile.leave()
    turnstile.leave()
    turnstile.leave()
    again.interruptUnsafe()
    assert.deepStrictEqual(turns, ["first", "again", "second"])
  })

  it("sends all of those that are answered in the moment they are sent", () => {
    const turns: Array<number> = []
    const turnstile = Turnstile.make(() => 1)
    const line = Line.make<number>({
      turnstile,
      onTurn: (pack) => {
        turns.push(pack)
        // The first one is answered later: all others wait for it.
        if (pack > 0) turnstile.leave()
      }
    })
    for (let nth = 0; nth < 1000; nth++) line.join(nth)
    assert.deepStrictEqual(turns, [0])
    turnstile.leave()
    assert.strictEqual(turns.length, 1000)
    assert.strictEqual(turnstile.inside(), 0)
  })

  it.effect("is waited for while it is long, until it is short", () =>
    Effect.gen(function* () {
      const turnstile = Turnstile.make(() => 1)
      const line = Line.make<number>({ turnstile, onTurn: () => undefined })
      let joined = 0
      while (!line.isLong()) line.join(joined++)
      const waiting = yield* Effect.forkChild(line.isShort, { startImmediately: true })
      let left = 0
      while (waiting.pollUnsafe() === undefined && left < joined) {
        turnstile.leave()
        left++
        yield* Effect.yieldNow
      }
      yield* Fiber.join(waiting)
      assert.isBelow(left, joined - 1)
      assert.isAbove(left, joined / 2)
      assert.isFalse(line.isLong())
      yield* line.isShort
    })
  )
})
