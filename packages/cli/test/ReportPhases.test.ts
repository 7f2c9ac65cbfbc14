import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as Phases from "../src/report/Phases.ts"
import { timeline } from "./reportSamples.ts"

const Below = (maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const bill = { billedMinutes: 2, pricePerHour: 6, dollars: 0.2, peakReplicas: 1 }

const spans = (rows: ReadonlyArray<number>, marks: Phases.Marks) =>
  Phases.phasesOf(timeline(rows), marks, bill).map(
    ({ fromMillis, name, toMillis }) => `${name} ${fromMillis / 1000}-${toMillis / 1000}`
  )

describe("where the minutes went", () => {
  it("a run is cold, ramps up, is steady, has a tail, and is drained", () => {
    const rows = [0, 0, 0, 2, 5, 10, 10, 10, 10, 10, 10, 3, 1, 0]
    assert.deepStrictEqual(spans(rows, { billed: 1000, ready: 3000, end: 15_000 }), [
      "wait 0-1",
      "cold 1-3",
      "ramp 3-4",
      "steady 4-11",
      "tail 11-13",
      "drain 13-15"
    ])
  })

  it("a run that is too short to tell is steady", () => {
    assert.deepStrictEqual(spans([0, 1, 9], { billed: 0, ready: 1000, end: 4000 }), [
      "cold 0-1",
      "steady 1-3",
      "drain 3-4"
    ])
  })

  it("a run that never was ready is cold to its end, and one that woke nothing waits", () => {
    assert.deepStrictEqual(spans([0, 0], { billed: 500, end: 2000 }), ["wait 0-0.5", "cold 0.5-2"])
    assert.deepStrictEqual(spans([0, 0], { end: 2000 }), ["wait 0-2"])
  })

  it.effect.prop(
    "the parts follow one another from the start to the end, and their dollars are the bill",
    {
      rows: Arbitrary.array(Below(50), { maxLength: 60 }),
      billed: Below(20_000),
      cold: Below(20_000),
      rest: Below(90_000)
    },
    ({ billed, cold, rest, rows }) =>
      Effect.sync(() => {
        const marks = {
          billed,
          ready: billed + cold,
          end: Math.max(billed + cold + rest, rows.length * 1000)
        }
        const phases = Phases.phasesOf(timeline(rows), marks, bill)
        let at = 0
        for (const { fromMillis, toMillis } of phases) {
          assert.strictEqual(fromMillis, at)
          assert.isAbove(toMillis, fromMillis)
          at = toMillis
        }
        assert.strictEqual(at, marks.end)
        const dollars = phases.reduce((sum, { dollars: part = 0 }) => sum + part, 0)
        if (marks.end > billed) assert.closeTo(dollars, bill.dollars, 1e-9)
        const floor = Phases.floorOf(timeline(rows), marks, bill)
        if (floor !== undefined) {
          assert.isAtMost(floor.billedMinutes ?? 0, bill.billedMinutes)
          assert.isAtLeast(floor.times ?? 0, 1)
        }
      })
  )

  it("the floor is the same boot, and all rows at the best speed", () => {
    const rows = [0, 0, 5, 10, 10, 10, 10, 10, 5, 1]
    const floor = Phases.floorOf(timeline(rows), { billed: 0, ready: 2000, end: 100_000 }, bill)
    assert.strictEqual(floor?.rowsPerSecond, 10)
    assert.strictEqual(floor?.millis, 2000 + 6100)
    assert.strictEqual(floor?.billedMinutes, 1)
    assert.closeTo(floor?.dollars ?? 0, 0.1, 1e-9)
    assert.strictEqual(floor?.times, 2)
  })
})
