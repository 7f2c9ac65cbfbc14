/** The time that is left of a run: a range that holds what comes, or nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Progress } from "@stint/batch"
import { Effect, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Pace from "../src/internal/pace.ts"

/** A run of so many seconds: rows a second, drawn around a mean, with slow stretches. */
const history = Effect.fnUntraced(function* (options: { readonly seconds: number; readonly mean: number }) {
  const done: Array<number> = [0]
  let slow = 1
  for (let second = 1; second <= options.seconds; second++) {
    if (second % 20 === 0) slow = yield* Random.nextBetween(0.7, 1.1)
    const rows = options.mean * slow * (yield* Random.nextBetween(0.5, 1.5))
    done.push((done.at(-1) ?? 0) + rows)
  }
  return done
})

const seenUntil = (done: ReadonlyArray<number>, second: number) => {
  const pace = Pace.make()
  for (let at = 0; at <= second; at++) pace.see(at * 1000, Math.floor(done[at] ?? 0))
  return pace
}

describe("the time that is left", () => {
  it.effect("holds the end of 95 runs of 100 whose speed comes and goes, asked for at any time", () =>
    Effect.gen(function* () {
      let [held, told] = [0, 0]
      for (let run = 0; run < 300; run++) {
        const seconds = Math.floor(yield* Random.nextBetween(60, 3000))
        const done = yield* history({ seconds, mean: yield* Random.nextBetween(1, 2000) })
        const now = Math.floor(yield* Random.nextBetween(seconds / 10, seconds - 5))
        const total = Math.floor(done.at(-1) ?? 0)
        const rest = total - Math.floor(done[now] ?? 0)
        const left = seenUntil(done, now).left(rest, 0)
        if (left === undefined) continue
        told++
        assert.isTrue(left.lowMillis <= left.expectedMillis && left.expectedMillis <= left.highMillis)
        const really = (seconds - now) * 1000
        if (left.lowMillis - 1000 <= really && really <= left.highMillis + 1000) held++
      }
      assert.isAbove(told, 250)
      assert.isAtLeast(held / told, 0.95)
    }).pipe(Random.withSeed("time left"))
  )

  it("is narrow where a run goes evenly, and wide where it does not", () => {
    const width = (rows: (second: number) => number) => {
      const pace = Pace.make()
      let done = 0
      for (let second = 0; second <= 120; second++) pace.see(second * 1000, (done += rows(second)))
      const left = pace.left(10_000, 0)
      return left === undefined ? Infinity : (left.highMillis - left.lowMillis) / left.expectedMillis
    }
    assert.isBelow(
      width(() => 100),
      0.15
    )
    assert.isAbove(
      width((second) => (second % 10 === 0 ? 1000 : 10)),
      0.4
    )
  })

  it("is not told in the first seconds, nor of nothing done, nor where it would be anywhere", () => {
    const pace = Pace.make()
    for (let second = 0; second < 5; second++) {
      pace.see(second * 1000, second * 100)
      assert.isUndefined(pace.left(1000, 0))
    }
    const idle = Pace.make()
    for (let second = 0; second < 60; second++) idle.see(second * 1000, 0)
    assert.isUndefined(idle.left(1000, 10))
    assert.deepStrictEqual(idle.left(0, 0), { lowMillis: 0, expectedMillis: 0, highMillis: 0 })
  })

  it("forgets a slow start", () => {
    const pace = Pace.make()
    let done = 0
    for (let second = 0; second <= 300; second++) pace.see(second * 1000, (done += second < 100 ? 1 : 100))
    const left = pace.left(1000, 0)
    assert.closeTo(left?.expectedMillis ?? 0, 10_000, 500)
  })

  it("of the last rows ends at the earliest now, and at the latest a row's time later than the speed says", () => {
    const pace = Pace.make()
    // Ten in flight, each ten seconds: one a second.
    for (let second = 0; second <= 200; second++) pace.see(second * 1000, second)
    const left = pace.left(5, 10)
    assert.strictEqual(left?.lowMillis, 0)
    assert.isAtLeast(left?.highMillis ?? 0, 14_000)
  })

  it.effect.prop(
    "is never below zero and never turned round, whatever was seen",
    {
      looks: Schema.Array(
        Schema.Tuple([
          Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })),
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 }))
        ])
      ),
      rest: Schema.Int,
      inFlight: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 }))
    },
    ({ inFlight, looks, rest }) =>
      Effect.sync(() => {
        const pace = Pace.make()
        let [at, done] = [0, 0]
        for (const [millis, rows] of looks) pace.see((at += millis), (done += rows))
        const left = pace.left(rest, inFlight)
        assert.isAtLeast(pace.rate() ?? 0, 0)
        if (left === undefined) return
        assert.isTrue(0 <= left.lowMillis && left.lowMillis <= left.expectedMillis)
        assert.isTrue(left.expectedMillis <= left.highMillis && Number.isFinite(left.highMillis))
      })
  )

  it.effect("stands in a snapshot once it was looked at for some seconds, with the speed of late", () =>
    Effect.gen(function* () {
      const progress = Progress.make({ total: 100_000 })
      progress.cells.startedAt = 0
      assert.isUndefined((yield* progress.snapshot).timeLeft)
      for (let second = 0; second < 60; second++) {
        progress.cells.succeeded += second < 20 ? 10 : 100
        yield* TestClock.adjust("1 second")
        yield* progress.snapshot
      }
      const { rate, recentRate, timeLeft } = yield* progress.snapshot
      assert.isBelow(rate, 75)
      assert.closeTo(recentRate, 100, 1)
      assert.closeTo(timeLeft?.expectedMillis ?? 0, 958_000, 20_000)
    })
  )
})
