/** The limit that finds itself, through the whole engine, against fixed ones on three simulated engines. */
import { assert, describe, it } from "@effect/vitest"
import { Limit } from "@stint/batch"
import { GpuModel } from "@stint/emulator"
import { Effect } from "effect"
import { type Studied, simulate } from "../scripts/limitsWorld.ts"

const rows = 300
const engines: ReadonlyArray<{ readonly name: string; readonly studied: Studied; readonly best: number }> = [
  { name: "a small GPU that queues", studied: { gpu: GpuModel.a10g }, best: 128 },
  { name: "a large GPU that queues", studied: { gpu: GpuModel.h200 }, best: 512 },
  { name: "one that refuses above 128", studied: { gpu: GpuModel.a10g, refusesAbove: 128 }, best: 128 }
]

describe("with nothing configured, within 5 % of the best fixed limit", () => {
  for (const { best, name, studied } of engines) {
    it.live(`on ${name}, whether or not it tells of itself`, () =>
      Effect.gen(function* () {
        const run = (limit: Limit.Limit, tells: boolean) => simulate({ ...studied, tells, rows, limit })
        const fixed = yield* run(Limit.fixed(best), false)
        for (const tells of [true, false]) {
          const adaptive = yield* run(Limit.adaptive(), tells)
          assert.strictEqual(adaptive.succeeded, rows)
          assert.isAtMost(adaptive.seconds, 1.05 * fixed.seconds)
          assert.isAtMost(adaptive.refusals, 5)
        }
      })
    )
  }
})

it.live("the comparison can tell: a fixed limit that is too low costs multiples", () =>
  Effect.gen(function* () {
    const run = (limit: Limit.Limit) => simulate({ gpu: GpuModel.h200, rows: 100, limit })
    assert.isAbove((yield* run(Limit.fixed(8))).seconds, 2 * (yield* run(Limit.fixed(100))).seconds)
  })
)
