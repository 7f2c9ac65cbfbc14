import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { estimate, judge, median, random, shuffled } from "../../bench/harness/statistics.ts"

const figures = Schema.NonEmptyArray(Schema.Finite)

describe("the middle of some figures", () => {
  it("is the one in the middle, or between the two", () => {
    assert.strictEqual(median([3, 1, 2]), 2)
    assert.strictEqual(median([4, 1, 2, 3]), 2.5)
    assert.isTrue(Number.isNaN(median([])))
  })

  it("has the lowest and the highest about it where there are five or fewer", () => {
    const { confidence, high, low } = estimate([5, 1, 4, 2, 3])
    assert.deepStrictEqual([low, high], [1, 5])
    assert.strictEqual(confidence, 1 - 2 / 2 ** 5)
  })

  it("leaves out as many at each end as 95 % allow", () => {
    const twenty = Array.from({ length: 20 }, (_, nth) => nth + 1)
    const { confidence, high, low } = estimate(twenty)
    // The table of the sign test: the 6th and the 15th of 20.
    assert.deepStrictEqual([low, high], [6, 15])
    assert.isAtLeast(confidence, 0.95)
  })

  it("is the figure itself where two are the same, however small", () => {
    assert.strictEqual(estimate([-4.4e-323, -4.4e-323]).median, -4.4e-323)
  })

  it.effect.prop("lies in its interval, whatever the figures", [figures], ([values]) =>
    Effect.sync(() => {
      const { high, low, median } = estimate(values)
      assert.isTrue(low <= median && median <= high)
      assert.include(values, low)
      assert.include(values, high)
    })
  )

  it("is caught by its interval as often as it says", () => {
    const next = random(7)
    const trials = 2000
    let caught = 0
    for (let trial = 0; trial < trials; trial++) {
      const { high, low } = estimate(Array.from({ length: 9 }, next))
      if (low <= 0.5 && 0.5 <= high) caught++
    }
    assert.isAtLeast(caught / trials, 0.94)
  })
})

describe("a goal", () => {
  it("is short only when the whole interval is past it", () => {
    assert.strictEqual(judge({ most: 1.1 }, { low: 1.05, high: 1.3 }), "met")
    assert.strictEqual(judge({ most: 1.1 }, { low: 1.11, high: 1.3 }), "short")
    assert.strictEqual(judge({ least: 0.95 }, { low: 0.8, high: 0.96 }), "met")
    assert.strictEqual(judge({ least: 0.95 }, { low: 0.8, high: 0.94 }), "short")
  })

  it("is short where there is no figure", () => {
    assert.strictEqual(judge({ most: 1 }, estimate([])), "short")
    assert.strictEqual(judge({ most: 1 }, estimate([Number.NaN])), "short")
  })
})

describe("an order that a seed decides", () => {
  it.effect.prop(
    "holds the same things, and is the same again",
    [Schema.Array(Schema.Int), Schema.Int],
    ([things, seed]) =>
      Effect.sync(() => {
        const once = shuffled(things, random(seed))
        assert.deepStrictEqual(once, shuffled(things, random(seed)))
        assert.deepStrictEqual(
          once.toSorted((a, b) => a - b),
          things.toSorted((a, b) => a - b)
        )
      })
  )

  it("puts each first about as often", () => {
    const next = random(1)
    const firsts = new Map<string, number>()
    for (let round = 0; round < 3000; round++) {
      const [first = ""] = shuffled(["a", "b", "c"], next)
      firsts.set(first, (firsts.get(first) ?? 0) + 1)
    }
    for (const count of firsts.values()) assert.closeTo(count, 1000, 120)
  })
})
