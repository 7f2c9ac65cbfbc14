/** That what a schedule says of itself in writing is when it is due. */
import { assert, describe, it } from "@effect/vitest"
import { Cron, DateTime, Effect, Option, Schema } from "effect"
import { nextOf, timesOf } from "../src/internal/schedule/expression.ts"

const values = (minimum: number, maximum: number) =>
  Schema.Array(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const given = {
  seconds: values(0, 59),
  minutes: values(0, 59),
  hours: values(0, 23),
  days: values(1, 28),
  months: values(1, 12),
  zone: Schema.Literals(["UTC", "Europe/Berlin", "America/New_York", "+05:30"]),
  after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000_000_000_000 }))
}

describe("a schedule in writing", () => {
  it.effect.prop("is due when the schedule is", given, ({ after, zone, ...fields }) =>
    Effect.gen(function* () {
      const tz = Option.getOrThrow(DateTime.zoneFromString(zone))
      const cron = Cron.make({ ...fields, weekdays: [], tz })
      const times = timesOf(cron, cron)
      assert.isDefined(times)
      if (times === undefined) return
      assert.strictEqual(yield* nextOf(times, after), Cron.next(cron, after).getTime())
    })
  )

  it.effect("is as it was given, and nothing where it can be given in no such words", () =>
    Effect.gen(function* () {
      const nightly = Cron.parseUnsafe("0 2 * * *", "Europe/Berlin")
      assert.deepStrictEqual(timesOf(" 0 2  * * * ", nightly), { cron: "0 2 * * *", zone: "Europe/Berlin" })
      const both = Cron.parseUnsafe("0 2 13 * 5")
      assert.isUndefined(timesOf(both, both))
      assert.deepStrictEqual(timesOf("0 2 13 * 5", both)?.cron, "0 2 13 * 5")
      // Never comes, and of another version.
      assert.isUndefined(yield* nextOf({ cron: "0 0 30 2 *", zone: "UTC" }, 0))
      assert.isUndefined(yield* nextOf({ cron: "each night", zone: "UTC" }, 0))
      assert.isUndefined(yield* nextOf({ cron: "0 2 * * *", zone: "Nowhere/Else" }, 0))
    })
  )
})
