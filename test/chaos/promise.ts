/** Every promise, for a range of seeds: one suite, of which each file runs a part. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Schedule from "./Schedule.ts"
import * as Seeds from "./Seeds.ts"

const explain = (seed: number, violations: ReadonlyArray<string>) =>
  [
    `seed ${seed}: npm run chaos -- --seed ${seed} --verbose`,
    Schedule.describe(Schedule.make(seed)),
    ...violations
  ].join("\n")

/** Declares the test of so many seeds. */
export const keptFor = (from: number, seeds: number, timeout: number) =>
  describe("a batch that everything happens to", () => {
    it.live(
      `keeps every promise for the seeds ${from} to ${from + seeds - 1}`,
      () =>
        Effect.gen(function* () {
          const found: Array<string> = []
          const sums = yield* Seeds.many(from, seeds, ({ seed, violations }) =>
            Effect.sync(() => {
              if (violations.length > 0) found.push(explain(seed, violations))
            })
          )
          assert.strictEqual(found.length, 0, found.slice(0, 5).join("\n\n"))
          // The seeds are neither harmless nor hopeless.
          const count = (end: string) => sums.ends.get(end) ?? 0
          assert.isAbove(count("ok"), seeds)
          assert.isAbove(count("killed"), seeds / 6)
          assert.isAbove(count("interrupted"), seeds / 30)
          assert.isAbove(count("PausedByOther"), seeds / 75)
          assert.isAbove(count("EndpointGone"), seeds / 300)
          assert.isAbove(count("AccountRefused"), seeds / 600)
        }),
      timeout
    )
  })
