/** What a schedule of the cluster decides upon, for any times. */
import { assert, describe, it } from "@effect/vitest"
import { Cron, Result, Schema } from "effect"
import { decide } from "../src/internal/schedule/decide.ts"

const MINUTE = 60_000
const base = Date.UTC(2026, 10, 21)

const cronOf = (expression: string) => Result.getOrThrow(Cron.parse(expression, "UTC"))

/** Each with how far apart its ticks are. */
const crons = [
  { cron: cronOf("* * * * * *"), every: 1000 },
  { cron: cronOf("*/5 * * * *"), every: 5 * MINUTE },
  { cron: cronOf("0 2 * * *"), every: 24 * 60 * MINUTE }
] as const

const millis = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const given = {
  which: Schema.Literals([0, 1, 2]),
  seen: millis(0, 3 * 24 * 60 * MINUTE),
  gone: Schema.Union([millis(0, 3000), millis(0, 4 * 24 * 60 * MINUTE)]),
  isBusy: Schema.Boolean,
  within: millis(MINUTE, 12 * 60 * MINUTE)
}

describe("a look at a schedule", () => {
  it.prop(
    "decides for the last tick that is due, starts it unless it is too late or another run goes on, and leaves none untold",
    given,
    ({ gone, isBusy, seen, which, within }) => {
      const from = base + seen
      const now = from + gone
      const { cron, every } = crons[which]
      const decision = decide(cron, { now, seen: from, isBusy, within })
      const first = Cron.next(cron, from).getTime()
      if (decision === undefined) return assert.isAbove(first, now)
      assert.isAtMost(first, now)
      // The last one: on time, and the next one is not due yet.
      assert.strictEqual(decision.seen % 1000, 0)
      assert.isAbove(decision.seen, from)
      assert.isAtMost(decision.seen, now)
      assert.isAbove(decision.seen + every, now)
      const starts = !isBusy && now - decision.seen <= within
      assert.strictEqual(decision.start, starts ? decision.seen : undefined)
      // Those before it, of which one is named.
      const before = decision.seen - every
      assert.deepStrictEqual(
        decision.skipped,
        starts
          ? before > from
            ? { due: before, why: "missed" }
            : undefined
          : { due: decision.seen, why: isBusy ? "busy" : "missed" }
      )
      // Once decided, it is decided.
      assert.isUndefined(decide(cron, { now, seen: decision.seen, isBusy, within }))
    },
    { arbitrary: { runs: 1000 } }
  )
})
