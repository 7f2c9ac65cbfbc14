import { assert, describe, it } from "@effect/vitest"
import { Batch, Job, Journal, Limit, withEndpoint } from "@stint/batch"
import { Effect, Exit, Schema, Stream } from "effect"
import * as World from "./batchWorld.ts"

const { inTime, options, words } = World

const jobOf = <E = never>(run: (word: string) => Effect.Effect<string, E>) =>
  Job.make({
    name: "words",
    key: (word: string) => word,
    fingerprint: (word) => word,
    output: Schema.String,
    run
  })

class Unreadable {
  get _tag(): string {
    throw new Error("an error that cannot be asked for its tag")
  }
}

describe("rows that stand in line for a place", () => {
  it.effect("are all done when those before them are slow and they are answered at once", () =>
    Effect.gen(function* () {
      // In each ten thousand the first ones hold all places: thousands behind them are then answered in one turn.
      const job = jobOf((word) =>
        Number(word.slice(1)) % 10_000 < 4
          ? Effect.delay(Effect.succeed(word), "1 second")
          : Effect.succeed(word)
      )
      const report = yield* inTime(
        withEndpoint(options, () =>
          Stream.fromIterable(words(30_000)).pipe(Batch.run(job, { limit: Limit.fixed(4) }))
        )
      )
      assert.strictEqual(report.succeeded, 30_000)
    }).pipe(Effect.provide(World.world({ engine: World.echo })))
  )

  it.effect("are left for a rerun by a drain, which is no change of the input", () =>
    Effect.gen(function* () {
      const report = yield* inTime(
        Stream.fromIterable(words(20)).pipe(
          Batch.runOn(options, World.job, {
            limit: Limit.fixed(2),
            pack: false,
            drain: Effect.sleep("100 seconds")
          })
        )
      )
      assert.isAbove(report.succeeded, 0)
      assert.isBelow(report.succeeded, 20)
    }).pipe(Effect.provide([World.world({ engine: World.slow("60 seconds") }), Journal.layerMemory]))
  )

  it.effect("are not sent once the run is interrupted, however long its source takes to end", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const job = jobOf((word) =>
        Effect.suspend(() => {
          sent.push(word)
          return Effect.delay(Effect.succeed(word), "10 seconds")
        })
      )
      const source = Stream.fromIterable(words(20)).pipe(
        Stream.concat(Stream.never),
        Stream.ensuring(Effect.sleep("60 seconds"))
      )
      const fiber = yield* World.during(
        withEndpoint(options, () => Batch.run(source, job, { limit: Limit.fixed(2) })),
        25
      )
      const before = sent.length
      assert.isAbove(before, 0)
      yield* World.interrupted(fiber)
      assert.strictEqual(sent.length, before)
    }).pipe(Effect.provide(World.world({ engine: World.echo })))
  )

  it.effect("do not wait for ever behind one whose error breaks whoever looks at it", () =>
    Effect.gen(function* () {
      const job = jobOf((word): Effect.Effect<string, Unreadable> =>
        word === "w0"
          ? Effect.delay(Effect.succeed(word), "1 second")
          : word === "w5"
            ? Effect.fail(new Unreadable())
            : Effect.succeed(word)
      )
      const exit = yield* inTime(
        Effect.exit(
          withEndpoint(options, () =>
            Stream.fromIterable(words(20)).pipe(Batch.run(job, { limit: Limit.fixed(1) }))
          )
        )
      )
      assert.isTrue(Exit.hasDies(exit))
    }).pipe(Effect.provide(World.world({ engine: World.echo })))
  )
})
