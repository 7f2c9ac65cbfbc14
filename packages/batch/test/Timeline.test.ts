import { assert, describe, it } from "@effect/vitest"
import { Histogram, Progress, Timeline } from "@stint/batch"
import { Arbitrary, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"

const Between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

describe("a timeline", () => {
  it.effect.prop(
    "has so many points at most, without a gap, and loses no row however long it goes on",
    { rows: Arbitrary.array(Between(0, 9), { maxLength: 200 }), most: Between(2, 20) },
    ({ most, rows }) =>
      Effect.gen(function* () {
        const { cells } = Progress.make()
        const timeline = yield* Timeline.make(cells, { most })
        for (const count of rows) {
          cells.succeeded += count
          for (let row = 0; row < count; row++) timeline.took(100 + row)
          yield* TestClock.adjust("1 second")
          yield* timeline.look
        }
        cells.failed++
        const points = yield* timeline.points
        assert.isAtMost(points.length, most)
        assert.strictEqual(
          points.reduce((sum, { succeeded }) => sum + succeeded, 0),
          cells.succeeded
        )
        if (rows.length > 0) {
          assert.strictEqual(
            points.reduce((sum, { failed }) => sum + failed, 0),
            1
          )
        }
        let at = 0
        for (const { fromMillis, toMillis } of points) {
          assert.strictEqual(fromMillis, at)
          at = toMillis
        }
        assert.strictEqual(at, rows.length * 1000)
        assert.deepStrictEqual(yield* timeline.points, points, "asked twice")
      })
  )

  it.effect("looks every second, and averages what is in flight where points are joined", () =>
    Effect.gen(function* () {
      const { cells } = Progress.make()
      cells.limit = () => 10
      const timeline = yield* Timeline.make(cells, { most: 4 })
      yield* Effect.forkChild(timeline.follow, { startImmediately: true })
      for (const inFlight of [2, 4, 6, 8]) {
        cells.inFlight = inFlight
        yield* TestClock.adjust("1 second")
      }
      const points = yield* timeline.points
      assert.deepStrictEqual(
        points.map(({ fromMillis, inFlight, limit, toMillis }) => [fromMillis, toMillis, inFlight, limit]),
        [
          [0, 2000, 3, 10],
          [2000, 4000, 7, 10]
        ]
      )
    })
  )
})

describe("a histogram", () => {
  it.effect.prop(
    "tells every share to a twentieth, and its bars hold every value once",
    {
      values: Arbitrary.array(
        Arbitrary.schema(Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 1e8 }))),
        { minLength: 1, maxLength: 200 }
      )
    },
    ({ values }) =>
      Effect.sync(() => {
        const histogram = Histogram.make()
        for (const value of values) Histogram.add(histogram, value)
        const sorted = values.toSorted((a, b) => a - b)
        for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
          const exact = sorted[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0
          const told = Histogram.quantile(histogram, share) ?? 0
          assert.isBelow(Math.abs(Math.log(told / exact)), 0.05, `${share}: ${told} for ${exact}`)
        }
        const bars = Histogram.bars(histogram, 12)
        assert.isAtMost(bars.length, 12)
        assert.strictEqual(
          bars.reduce((sum, { count }) => sum + count, 0),
          values.length
        )
        for (const { count, from, to } of bars) {
          const inside = values.filter((value) => value >= from * (1 - 1e-9) && value < to * (1 + 1e-9))
          assert.isAtLeast(inside.length, count)
        }
      })
  )

  it.effect.prop(
    "two that are merged are one of all values",
    { some: Arbitrary.array(Between(0, 1e6)), others: Arbitrary.array(Between(0, 1e6)) },
    ({ others, some }) =>
      Effect.sync(() => {
        const of = (values: ReadonlyArray<number>) => {
          const histogram = Histogram.make()
          for (const value of values) Histogram.add(histogram, value)
          return histogram
        }
        const merged = of(some)
        Histogram.merge(merged, of(others))
        assert.deepStrictEqual(merged, of([...some, ...others]))
      })
  )

  it("what is no number from 0 up is passed over", () => {
    const histogram = Histogram.make()
    for (const value of [-1, Number.NaN, Infinity]) Histogram.add(histogram, value)
    assert.strictEqual(histogram.count, 0)
    assert.isUndefined(Histogram.quantile(histogram, 0.5))
    assert.deepStrictEqual(Histogram.bars(histogram), [])
  })
})
