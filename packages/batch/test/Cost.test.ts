import { assert, describe, it } from "@effect/vitest"
import { Cost } from "@stint/batch"
import { Schema } from "effect"

describe("bill", () => {
  const minutes: ReadonlyArray<readonly [millis: number, billed: number]> = [
    [0, 0],
    [1, 1],
    [60_000, 1],
    [60_001, 2],
    [3_600_000, 60]
  ]
  for (const [millis, billed] of minutes) {
    it(`${millis} ms are ${billed} started minutes`, () => {
      assert.deepStrictEqual(Cost.bill({ millis }), { billedMinutes: billed })
    })
  }

  it("is minutes and no dollars without a price", () => {
    assert.deepStrictEqual(Cost.bill({ millis: 90_000 }), { billedMinutes: 2 })
  })

  it("is by the hour and the replica, one at least", () => {
    assert.strictEqual(Cost.bill({ millis: 3_600_000, pricePerHour: 0.8 }).dollars, 0.8)
    assert.strictEqual(Cost.bill({ millis: 3_600_000, pricePerHour: 0.8, replicas: 3 }).dollars, 2.4)
    assert.strictEqual(Cost.bill({ millis: 3_600_000, pricePerHour: 0.8, replicas: 0 }).dollars, 0.8)
  })

  const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
  it.prop("never falls with time", { a: Millis, b: Millis }, ({ a, b }) => {
    const [less, more] = [Math.min(a, b), Math.max(a, b)].map((millis) =>
      Cost.bill({ millis, pricePerHour: 1 })
    )
    assert.isAtMost(less?.dollars ?? 0, more?.dollars ?? 0)
    assert.isAtLeast((more?.billedMinutes ?? 0) * 60_000, Math.max(a, b))
  })
})

describe("formatDollars", () => {
  const table: ReadonlyArray<readonly [number, string]> = [
    [0, "$0"],
    [0.00123, "$0.0012"],
    [0.0333, "$0.033"],
    [0.5, "$0.500"],
    [1.005, "$1.00"],
    [12.345, "$12.35"],
    [1234.5, "$1234.50"]
  ]
  for (const [dollars, text] of table) {
    it(`${dollars} is ${text}`, () => assert.strictEqual(Cost.formatDollars(dollars), text))
  }
})
