/** The floor of the money bench is a floor, and what a run wastes is seen. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Limit } from "@stint/batch"
import { Effect, Stream } from "effect"
import { type Subject, a10g, h200, least, makespan } from "../../bench/money/gpus.ts"
import { rowsOf } from "../../bench/money/rows.ts"
import { type Change, NETWORK, account, billedOf, job, name, specOf } from "../../bench/money/world.ts"

const rows = rowsOf(150, 1)

const paid = (subject: Subject, limit: Limit.Limit, bootSeconds: number, given = rows, change: Change = {}) =>
  account(
    subject,
    Batch.runOn(Stream.fromIterable(given), { name, spec: specOf(subject) }, job, { limit }),
    change,
    bootSeconds
  )

describe("the floor", () => {
  for (const subject of [a10g, h200]) {
    it.live(`of the ${subject.id} is above what no order of the rows goes below, and near it`, () =>
      Effect.gen(function* () {
        const bound = least(subject.gpu, rows)
        const longestFirst = rows.toSorted((a, b) => b.outputTokens - a.outputTokens)
        for (const order of [rows, rows.toReversed(), longestFirst]) {
          const seconds = yield* makespan(subject.gpu, order)
          assert.isAtLeast(seconds, bound - 1e-6)
          assert.isAtMost(seconds, 1.5 * bound)
        }
      })
    )
  }
})

describe("above the floor is billed", () => {
  it.live("the look that comes late, the way to the engine, and the pause", () =>
    Effect.gen(function* () {
      const floor = billedOf(240.1) + (yield* makespan(a10g.gpu, rows))
      const { billedSeconds = 0, tailSeconds = 0 } = yield* paid(a10g, Limit.adaptive(), 240.1)
      assert.closeTo(tailSeconds, NETWORK.management / 1000, 0.01)
      // The management API answers in 0.2 s and is asked every 1.6.
      assert.isAtLeast(billedSeconds - floor, (NETWORK.management + NETWORK.data) / 1000)
      assert.isAtMost(billedSeconds - floor, 3)
    })
  )

  it.live("too few in flight", () =>
    Effect.gen(function* () {
      const floor = billedOf(240) + (yield* makespan(h200.gpu, rows))
      const { billedSeconds = 0 } = yield* paid(h200, Limit.fixed(8), 240)
      assert.isAbove(billedSeconds, 1.05 * floor)
    })
  )
})

it.live("memory that is gone in mid-run costs the same under any limit that fills it", () =>
  Effect.gen(function* () {
    const change = { memory: { after: 200, cacheTokens: 38_500 } }
    const works = (limit: Limit.Limit) =>
      Effect.map(paid(a10g, limit, 240, rowsOf(500, 1), change), ({ workSeconds }) => workSeconds)
    const most = yield* works(Limit.fixed(500))
    // The longest of the last rows is 5 % of it.
    assert.closeTo((yield* works(Limit.fixed(100))) / most, 1, 0.08)
    assert.closeTo((yield* works(Limit.adaptive())) / most, 1, 0.08)
  })
)
