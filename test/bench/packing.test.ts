import { assert, describe, it } from "@effect/vitest"
import { type Round, figuresOf, kinds } from "../../bench/packing.ts"

/** Texts that share a request cost `factor` of what one alone costs; those in Base64 half of those in numbers. */
const roundOf = (alone: number, factor: number): Round =>
  new Map(
    kinds.map((kind) => {
      const one = kind.engine === "vllm" ? alone / 2 : alone
      const sized = (size: number, microsEach: number) =>
        [size, { size, microsEach, perSecond: 1e6 / microsEach }] as const
      return [kind, new Map([sized(1, one), sized(8, one), sized(32, one * factor), sized(256, one)])]
    })
  )

describe("the figures of packing", () => {
  it("compare what shares a request with what is alone, round by round and kind by kind", () => {
    const figures = figuresOf([roundOf(400, 0.5), roundOf(100, 0.25), roundOf(200, 0.5)])
    const cpu = figures.filter(({ what }) => what.startsWith("CPU a row, 32 a request to one"))
    assert.strictEqual(cpu.length, kinds.length)
    for (const { goal, values, verdict } of cpu) {
      assert.deepStrictEqual(values, [0.5, 0.25, 0.5])
      assert.deepStrictEqual(goal, { most: 1 })
      assert.strictEqual(verdict, "met")
    }
    const speed = figures.filter(({ what }) => what.startsWith("rows a second, 32 a request to one"))
    for (const { goal, values } of speed) {
      assert.deepStrictEqual(values, [2, 4, 2])
      assert.deepStrictEqual(goal, { least: 1 })
    }
  })

  it("are short where sharing costs more", () => {
    const figures = figuresOf([roundOf(100, 2), roundOf(100, 3)])
    const judged = figures.filter(({ goal }) => goal !== undefined)
    assert.strictEqual(judged.length, 2 * kinds.length)
    for (const { verdict } of judged) assert.strictEqual(verdict, "short")
  })

  it("compare Base64 with numbers of the same length", () => {
    const figures = figuresOf([roundOf(100, 1)]).filter(({ what }) => what.includes("Base64 to numbers"))
    assert.deepStrictEqual(
      figures.map(({ values }) => values),
      [[0.5], [2], [0.5], [2]]
    )
  })
})
