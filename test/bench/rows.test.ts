import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { GpuModel } from "@stint/emulator"
import { makespan } from "../../bench/money/gpus.ts"
import { promptOf, rowsOf, workOf } from "../../bench/money/rows.ts"

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

describe("the rows of the reference job", () => {
  it("are as long as it says, on average and at most", () => {
    const rows = rowsOf(20_000, 1)
    const prompts = rows.map(({ promptTokens }) => promptTokens)
    const outputs = rows.map(({ outputTokens }) => outputTokens)
    assert.closeTo(mean(prompts), 981, 15)
    assert.closeTo(mean(outputs), 238, 8)
    assert.isAtMost(Math.max(...outputs), 1024)
    assert.isAtLeast(Math.min(...outputs), 1)
  })

  it("are others for another seed, and the same for the same", () => {
    assert.deepStrictEqual(rowsOf(10, 3), rowsOf(10, 3))
    assert.notDeepEqual(rowsOf(10, 3), rowsOf(10, 4))
  })

  it("tell the engine how long they are", () => {
    for (const row of rowsOf(50, 2)) {
      const body = JSON.stringify({ messages: [{ role: "user", content: promptOf(row) }] })
      assert.deepStrictEqual(workOf(body), { promptTokens: row.promptTokens, outputTokens: row.outputTokens })
    }
  })
})

describe("the floor", () => {
  it.live("is what steps take: one row of known length", () =>
    Effect.gen(function* () {
      const seconds = yield* makespan(GpuModel.a10g, [{ promptTokens: 981, outputTokens: 238 }])
      assert.closeTo(seconds, 4.826, 0.01)
    })
  )

  it.live("is not less when fewer rows may be there at once", () =>
    Effect.gen(function* () {
      const rows = rowsOf(60, 5)
      const all = yield* makespan(GpuModel.a10g, rows)
      const some = yield* makespan(GpuModel.a10g, rows, 4)
      assert.isAbove(some, all)
    })
  )
})
