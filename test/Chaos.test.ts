/** Whole runs under seeded faults, kills and restarts, in virtual time: whatever the seed, what was promised holds. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { keptFor } from "./chaos/promise.ts"
import * as Seeds from "./chaos/Seeds.ts"

keptFor(0, 1000, 600_000)

it.live("chaos happens in the same way each time", () =>
  Effect.gen(function* () {
    for (const seed of [3, 14, 15, 92, 65]) {
      const [once, again] = [yield* Seeds.one(seed), yield* Seeds.one(seed)]
      assert.deepStrictEqual(once, again)
    }
  })
)

it.live("an endpoint falls idle at a moment between two nanoseconds too", () =>
  Effect.map(Seeds.one(19_253), ({ violations }) => assert.deepStrictEqual(violations, []))
)
