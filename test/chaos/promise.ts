/** Every promise, for a range of seeds: one suite, of which each file runs a part. */
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import * as Schedule from "./Schedule.ts"
import * as Seeds from "./Seeds.ts"
import * as Shrink from "./Shrink.ts"

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
          const found: Array<{ readonly seed: number; readonly text: string }> = []
          const sums = yield* Seeds.many(from, seeds, ({ seed, violations }) =>
            Effect.sync(() => {
              if (violations.length > 0) found.push({ seed, text: explain(seed, violations) })
            })
          )
          const [first] = found
          const smallest = first && (yield* Shrink.shrink(Schedule.make(first.seed)))
          const story = smallest === undefined ? [] : [Shrink.describe(smallest)]
          const texts = found.slice(0, 5).map(({ text }) => text)
          assert.strictEqual(found.length, 0, [...texts, ...story].join("\n\n"))
          yield* Console.log(Seeds.summary(sums))
          // The seeds are neither harmless nor hopeless.
          const count = (end: string) => sums.ends.get(end) ?? 0
          assert.isAbove(count("ok"), seeds)
          assert.isAbove(count("killed"), seeds / 6)
          assert.isAbove(count("interrupted"), seeds / 30)
          assert.isAbove(count("PausedByOther"), seeds / 75)
          assert.isAbove(count("EndpointGone"), seeds / 300)
          assert.isAbove(count("AccountRefused"), seeds / 600)
          assert.isAbove(count("EndpointFailed"), seeds / 60)
          assert.isAbove(count("DeadlineReached"), seeds / 150)
          assert.isAbove(count("LeasedElsewhere"), seeds / 300)
          assert.isAbove(sums.lease.trials, seeds / 2)
          assert.isAbove(sums.lease.joined, seeds / 30)
          assert.isAbove(sums.lease.takenOver, seeds / 30)
          assert.isAbove(sums.lease.guarded, seeds / 12)
        }),
      timeout
    )
  })
