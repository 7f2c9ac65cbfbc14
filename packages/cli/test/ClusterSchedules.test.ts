/** How the schedules of a cluster look. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Schedules from "../src/handlers/cluster/schedules.ts"

const now = Date.UTC(2026, 10, 21, 12)
const night = Date.UTC(2026, 10, 21, 1)

const nightly: Schedules.Status = {
  schedule: "nightly",
  times: { cron: "0 2 * * *", zone: "Europe/Berlin" },
  next: Date.UTC(2026, 10, 22, 1),
  last: { due: night, run: "nightly-20261121T010000Z" },
  state: "finished",
  skipped: undefined,
  failed: undefined
}
const never: Schedules.Status = {
  schedule: "never-run",
  times: undefined,
  next: undefined,
  last: undefined,
  state: undefined,
  skipped: { due: night, why: "missed" },
  failed: { due: night, why: "There is a run of that name,\nof another input." }
}

describe("schedules", () => {
  it("are told on the clocks of their zone, with what went wrong since their last run", () => {
    assert.deepStrictEqual(Schedules.text([nightly, never], { now, width: 80 }).split("\n"), [
      "schedule   due        zone           next              last run  state",
      "nightly    0 2 * * *  Europe/Berlin  2026-11-22 02:00   11h ago  finished",
      "never-run  -          -              -                        -  -",
      "never-run: 2026-11-21 01:00 was left out: no worker was there",
      "never-run: 2026-11-21 01:00 could not be started: There is a run of that name, of another input."
    ])
  })

  it("say nothing of what is over, and fit into 80 columns whatever they are called", () => {
    const long = {
      ...nightly,
      schedule: "n".repeat(80),
      times: { cron: "0 0,6,12,18 * * 1,2,3,4,5", zone: "America/Argentina/Buenos_Aires" },
      skipped: { due: night - 1, why: "busy" as const }
    }
    const lines = Schedules.text([long, nightly], { now, width: 80 }).split("\n")
    assert.strictEqual(lines.length, 3)
    for (const line of lines) assert.isAtMost(line.length, 80)
  })

  it("are one document for a program, in UTC", () => {
    const encode = Schema.encodeSync(Schema.Array(Schedules.ScheduleJson))
    assert.deepStrictEqual(encode([Schedules.toJson(nightly), Schedules.toJson(never)]), [
      {
        schedule: "nightly",
        cron: "0 2 * * *",
        zone: "Europe/Berlin",
        nextAt: "2026-11-22T01:00:00.000Z",
        last: { run: "nightly-20261121T010000Z", dueAt: "2026-11-21T01:00:00.000Z", state: "finished" },
        skipped: null,
        failed: null
      },
      {
        schedule: "never-run",
        cron: null,
        zone: null,
        nextAt: null,
        last: null,
        skipped: { dueAt: "2026-11-21T01:00:00.000Z", why: "missed" },
        failed: {
          dueAt: "2026-11-21T01:00:00.000Z",
          why: "There is a run of that name,\nof another input."
        }
      }
    ])
  })
})
