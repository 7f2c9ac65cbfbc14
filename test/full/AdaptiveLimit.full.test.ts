/** The reference job at full size: 3,000 rows, and engines that change in mid-run. */
import { assert, describe, it } from "@effect/vitest"
import { Limit } from "@stint/batch"
import { GpuModel } from "@stint/emulator"
import { Effect } from "effect"
import { type Change, type Studied, simulate } from "../../scripts/limitsWorld.ts"

const rows = 3000
const patience = 600_000
const engines: ReadonlyArray<{
  readonly name: string
  readonly studied: Studied
  readonly fixed: ReadonlyArray<number>
}> = [
  { name: "a small GPU that queues", studied: { gpu: GpuModel.a10g }, fixed: [64, 100, 256, 512] },
  { name: "a large GPU that queues", studied: { gpu: GpuModel.h200 }, fixed: [128, 256, 512, 1024] },
  {
    name: "one that refuses above 128",
    studied: { gpu: GpuModel.a10g, refusesAbove: 128 },
    fixed: [64, 100, 128]
  }
]

const best = Effect.fnUntraced(function* (studied: Studied, fixed: ReadonlyArray<number>) {
  const runs = yield* Effect.forEach(fixed, (size) =>
    simulate({ ...studied, rows, limit: Limit.fixed(size) })
  )
  return Math.min(...runs.map(({ seconds }) => seconds))
})

describe("with nothing configured, within 3 % of the best fixed limit", () => {
  for (const { fixed, name, studied } of engines) {
    it.live(
      `on ${name}, whether or not it tells of itself`,
      () =>
        Effect.gen(function* () {
          const least = yield* best(studied, fixed)
          for (const tells of [true, false]) {
            const adaptive = yield* simulate({ ...studied, tells, rows, limit: Limit.adaptive() })
            assert.strictEqual(adaptive.succeeded, rows)
            assert.isAtMost(adaptive.seconds, 1.03 * least)
            assert.isAtMost(adaptive.refusals, 5)
          }
        }),
      patience
    )
  }
})

describe("follows within 5 % of the best fixed limit", () => {
  const changes: ReadonlyArray<readonly [Change, number, string]> = [
    ["longer", 1000, "answers two and a half times as long"],
    ["replica", 170, "a second replica"]
  ]
  for (const [what, after, name] of changes) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const studied: Studied = { gpu: GpuModel.a10g, change: { what, after } }
          const least = yield* best(studied, [64, 128, 256, 512])
          for (const tells of [true, false]) {
            const adaptive = yield* simulate({ ...studied, tells, rows, limit: Limit.adaptive() })
            assert.strictEqual(adaptive.succeeded, rows)
            assert.isAtMost(adaptive.seconds, 1.05 * least)
          }
        }),
      patience
    )
  }
})
