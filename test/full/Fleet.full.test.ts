/** The hardest of what can befall a fleet, with fewer rows than `npm run fleet`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Play from "../fleet/Play.ts"
import { scenarios } from "../fleet/Scenarios.ts"

const ROWS = 1500

const hardest: ReadonlySet<string> = new Set([
  "kill -9 of the host of keeper and reaper",
  "SIGSTOP of one, and thaw",
  "Postgres restarted",
  "one cut off from Postgres"
])

describe.concurrent("a fleet loses no row, does none twice that was not in flight, and pauses its endpoint", () => {
  for (const scenario of scenarios.filter(({ name }) => hardest.has(name))) {
    it.live(
      scenario.name,
      () =>
        Effect.gen(function* () {
          const { problems, recovered, state } = yield* Play.play(scenario, ROWS)
          assert.deepStrictEqual(problems, [])
          assert.strictEqual(state, "paused")
          assert.isDefined(recovered)
        }),
      400_000
    )
  }
})
