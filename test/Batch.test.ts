/** A run: each item enters once and leaves once, and what is done is never paid for again. */
import { assert, describe, it } from "@effect/vitest"
import {
  Batch,
  Job,
  Journal,
  Limit,
  type ManagedEndpoint,
  type Outcome,
  Progress,
  Report,
  withEndpoint
} from "@stint/batch"
import { Emulator } from "@stint/emulator"
import { Effect, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const { job, options, words } = World

const runOn = (
  items: ReadonlyArray<string>,
  more?: Batch.Options,
  endpoint: ManagedEndpoint.Options = options
) => World.inTime(Stream.fromIterable(items).pipe(Batch.runOn(endpoint, job, more)))

const outcomesOf = (items: ReadonlyArray<string>, more?: Batch.Options) =>
  World.inTime(
    withEndpoint(options, () => Stream.fromIterable(items).pipe(Batch.stream(job, more), Stream.runCollect))
  )

const summary = (outcomes: ReadonlyArray<Outcome<string, unknown, unknown>>) =>
  Object.fromEntries(outcomes.map((outcome) => [outcome.key, `${outcome._tag} ${outcome.attempts}`]))

const addsUp = (report: Report.Report) =>
  assert.strictEqual(
    report.succeeded + report.failed + report.skipped + (report.remaining ?? 0),
    report.items
  )

const keysOf = (journal: Journal.Journal) =>
  Effect.map(Stream.runCollect(journal.entries), (entries) =>
    entries.map(({ key, tag }) => `${key} ${tag}`).toSorted()
  )

/** Refuses every text that begins with "bad". */
const picky = World.scripted(({ text }) =>
  Effect.succeed(text.startsWith("bad") ? World.refusal(422, { error: "too long" }) : World.good(text))
)

describe("Batch.stream", () => {
  it.effect("emits an outcome for every item exactly once, with the output", () =>
    Effect.gen(function* () {
      const items = words(1000)
      const outcomes = yield* outcomesOf(items)
      assert.deepStrictEqual(outcomes.map(({ key }) => key).toSorted(), items.toSorted())
      for (const outcome of outcomes) {
        assert.strictEqual(outcome._tag, "Succeeded")
        if (outcome._tag === "Succeeded")
          assert.deepStrictEqual(outcome.output, World.vectorOf(outcome.input))
      }
      assert.strictEqual((yield* World.inferences).length, 1000)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("an item that fails is a value among the others", () =>
    Effect.gen(function* () {
      const outcomes = yield* outcomesOf(["a", "bad", "b"])
      assert.deepStrictEqual(summary(outcomes), { a: "Succeeded 1", bad: "Failed 1", b: "Succeeded 1" })
      const failed = outcomes.find(({ key }) => key === "bad")
      if (failed?._tag !== "Failed") return assert.fail("it did not fail")
      assert.strictEqual(failed.error.reason, "row")
      assert.strictEqual(failed.error.message, "row 422: too long")
    }).pipe(Effect.provide(World.world({ engine: picky })))
  )

  it.effect("a job's own error fails the item and is written down", () => {
    const sorry = Job.make({
      name: "sorry",
      key: (word: string) => word,
      fingerprint: (word) => word,
      output: Schema.String,
      run: (word) => (word === "b" ? Effect.fail({ _tag: "Sorry" } as const) : Effect.succeed(word))
    })
    return Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const outcomes = yield* World.inTime(
        withEndpoint(options, () => Stream.make("a", "b").pipe(Batch.stream(sorry), Stream.runCollect))
      ).pipe(World.withJournal(journal))
      assert.deepStrictEqual(summary(outcomes), { a: "Succeeded 1", b: "Failed 1" })
      const entries = yield* Stream.runCollect(journal.entries)
      const error = entries.find(({ key }) => key === "b")?.error
      assert.deepStrictEqual(error, { reason: "Sorry", message: '{"_tag":"Sorry"}' })
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("an output that its own schema refuses fails the item", () => {
    const wrong = Job.make({
      name: "wrong",
      key: (word: string) => word,
      fingerprint: (word) => word,
      output: Schema.Int,
      run: (word) => Effect.succeed(word.length / 2)
    })
    return Effect.gen(function* () {
      const outcomes = yield* World.inTime(
        withEndpoint(options, () => Stream.make("a", "bb").pipe(Batch.stream(wrong), Stream.runCollect))
      )
      assert.deepStrictEqual(summary(outcomes), { a: "Failed 1", bb: "Succeeded 1" })
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("an outcome is in the journal before it is emitted", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const early: Array<string> = []
      yield* World.inTime(
        withEndpoint(options, () =>
          Stream.fromIterable(words(50)).pipe(
            Batch.stream(job),
            Stream.runForEach(({ key }) =>
              Effect.sync(() => void (journal.lookup(key)?.succeeded !== true && early.push(key)))
            )
          )
        )
      ).pipe(World.withJournal(journal))
      assert.deepStrictEqual(early, [])
    }).pipe(Effect.provide(World.world()))
  )

  for (const concurrency of [1, 7, 64]) {
    it.effect(`never has more than ${concurrency} in flight, and uses what it may`, () => {
      const { engine, most } = World.crowd()
      return Effect.gen(function* () {
        yield* outcomesOf(words(200), { limit: Limit.fixed(concurrency) })
        assert.strictEqual(most(), concurrency)
      }).pipe(Effect.provide(World.world({ engine })))
    })
  }

  it.effect("begins with 64 at once when nothing is said", () => {
    let sent = 0
    let sentBeforeAnAnswer: number | undefined
    const engine = World.scripted(({ text }) =>
      Effect.gen(function* () {
        sent++
        yield* Effect.sleep("1 second")
        sentBeforeAnAnswer ??= sent
        return World.good(text)
      })
    )
    return Effect.gen(function* () {
      yield* outcomesOf(words(200))
      assert.strictEqual(sentBeforeAnAnswer, 64)
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("Batch.runOn", () => {
  it.effect("wakes, runs, puts to sleep, and reports", () =>
    Effect.gen(function* () {
      const report = yield* runOn(["a", "b", "bad1", "c"])
      assert.deepInclude(report, { items: 4, succeeded: 3, failed: 1, skipped: 0, remaining: 0, attempts: 4 })
      assert.deepStrictEqual(report.faults, { row: 1 })
      assert.strictEqual(report.bill?.pricePerHour, 0.033)
      assert.strictEqual(report.bill?.billedMinutes, 1)
      assert.closeTo(Report.dollarsPerThousand(report) ?? 0, ((0.033 / 60) * 1000) / 3, 1e-9)
      addsUp(report)
      assert.deepStrictEqual(yield* World.changes, ["create", "pause"])
    }).pipe(Effect.provide(World.world({ engine: picky })))
  )

  it.effect("a rerun sends only what is not done", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      yield* runOn(words(20)).pipe(World.withJournal(journal))
      const report = yield* runOn(words(30)).pipe(World.withJournal(journal))
      assert.deepInclude(report, { items: 30, succeeded: 10, skipped: 20, remaining: 0 })
      addsUp(report)
      assert.strictEqual((yield* World.inferences).length, 30)
      assert.strictEqual((yield* keysOf(journal)).length, 30)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("never wakes the endpoint when nothing is left", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const journal = yield* Journal.makeMemory
      yield* runOn(words(20)).pipe(World.withJournal(journal))
      const before = (yield* emulator.counts).requests
      const report = yield* runOn(words(20)).pipe(World.withJournal(journal))
      assert.deepInclude(report, { items: 20, succeeded: 0, skipped: 20, remaining: 0, attempts: 0 })
      assert.isUndefined(report.bill)
      assert.strictEqual((yield* emulator.counts).requests, before)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("an empty input is nothing to do", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* runOn([]), { items: 0, succeeded: 0, remaining: 0 })
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("a rerun tries again what failed", () => {
    let isMended = false
    const engine = World.scripted(({ text }) =>
      Effect.succeed(text.startsWith("bad") && !isMended ? World.refusal(422) : World.good(text))
    )
    return Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const first = yield* runOn(["a", "bad"]).pipe(World.withJournal(journal))
      assert.deepInclude(first, { succeeded: 1, failed: 1 })
      isMended = true
      const second = yield* runOn(["a", "bad"]).pipe(World.withJournal(journal))
      assert.deepInclude(second, { succeeded: 1, failed: 0, skipped: 1 })
      assert.deepStrictEqual(yield* keysOf(journal), ["a Succeeded", "bad Succeeded"])
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect("refuses two items of one key before it wakes anything", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(runOn([...words(2000), "w1999"]))
      assert.strictEqual(error._tag, "DuplicateKey")
      assert.include(error.message, "w1999")
      assert.strictEqual((yield* (yield* Emulator.Emulator).counts).requests, 0)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("a source that cannot be read fails before anything is woken", () =>
    Effect.gen(function* () {
      const items = Stream.concat(Stream.make("a"), Stream.fail("torn page" as const))
      const error = yield* World.failure(items.pipe(Batch.runOn(options, job)))
      assert.strictEqual(error, "torn page")
      assert.strictEqual((yield* (yield* Emulator.Emulator).counts).requests, 0)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("needs no journal: then nothing is remembered", () =>
    Effect.gen(function* () {
      yield* runOn(["a"])
      assert.deepInclude(yield* runOn(["a"]), { succeeded: 1, skipped: 0 })
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("the caller's own counters are written to", () =>
    Effect.gen(function* () {
      const progress = Progress.make({ total: 10 })
      yield* runOn(words(3), { progress })
      const now = yield* progress.snapshot
      assert.deepInclude(now, { total: 10, succeeded: 3, failed: 0, skipped: 0, inFlight: 0, attempts: 3 })
      assert.strictEqual((yield* Report.fromProgress(progress)).remaining, 7)
    }).pipe(Effect.provide(World.world()))
  )
})

describe("a key that is done under another fingerprint", () => {
  const of = (prefix: string) =>
    Job.embed({ key: (word: string) => word, text: (word) => `${prefix}${word}` })
  const first = of("")
  const second = of("query: ")

  const twice = (more: Batch.Options) =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const run = (job: typeof first) =>
        World.inTime(Stream.make("a", "b").pipe(Batch.runOn(options, job, more), World.withJournal(journal)))
      yield* run(first)
      return {
        again: yield* Effect.exit(run(second)),
        journal,
        error: yield* Effect.option(Effect.flip(run(second)))
      }
    })

  it.effect("is refused before anything is woken", () =>
    Effect.gen(function* () {
      const { error } = yield* twice({})
      assert.strictEqual(error._tag === "Some" && error.value._tag, "FingerprintChanged")
      assert.deepStrictEqual(yield* World.changes, ["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("redo - is done again", () =>
    Effect.gen(function* () {
      const { again } = yield* twice({ changed: "redo" })
      assert.deepInclude(again._tag === "Success" && again.value, { succeeded: 2, skipped: 0 })
      assert.strictEqual((yield* World.inferences).length, 4)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("keep - keeps the old output", () =>
    Effect.gen(function* () {
      const { again } = yield* twice({ changed: "keep" })
      assert.deepInclude(again._tag === "Success" && again.value, { succeeded: 0, skipped: 2 })
      assert.strictEqual((yield* World.inferences).length, 2)
    }).pipe(Effect.provide(World.world()))
  )

  const identities: ReadonlyArray<readonly [string, Batch.Identity]> = [
    ["another model", { repository: "acme/other" }],
    ["another revision", { repository: World.spec.repository, revision: "v2" }]
  ]
  for (const [what, identity] of identities) {
    it.effect(`${what} is another fingerprint`, () =>
      Effect.gen(function* () {
        const journal = yield* Journal.makeMemory
        yield* runOn(["a"]).pipe(World.withJournal(journal))
        const error = yield* Effect.flip(runOn(["a"], { identity }).pipe(World.withJournal(journal)))
        assert.strictEqual(error._tag, "FingerprintChanged")
      }).pipe(Effect.provide(World.world()))
    )
  }

  it.effect("found in the middle of a stream, it stops the run and loses nothing", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      yield* World.inTime(Stream.make("z").pipe(Batch.runOn(options, first), World.withJournal(journal)))
      const error = yield* World.failure(
        withEndpoint(options, () =>
          Stream.make("a", "b", "z").pipe(Batch.run(second, { identity: Batch.identityFromSpec(World.spec) }))
        )
      ).pipe(World.withJournal(journal))
      assert.strictEqual(error._tag, "FingerprintChanged")
      assert.strictEqual(yield* World.state, "paused")
      assert.isTrue(journal.lookup("z")?.succeeded)
    }).pipe(Effect.provide(World.world()))
  )
})

describe("prepare", () => {
  it.effect("counts what there is and what is left, and sends nothing", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      yield* runOn(words(3)).pipe(World.withJournal(journal))
      const plan = yield* Stream.fromIterable(words(10)).pipe(
        (items) => Batch.prepare(items, job, { identity: Batch.identityFromSpec(World.spec) }),
        World.withJournal(journal)
      )
      assert.deepInclude(plan, { items: 10, remaining: 7 })
      assert.strictEqual((yield* World.inferences).length, 3)
    }).pipe(Effect.provide(World.world()))
  )
})

describe("an answer of another shape", () => {
  it.effect("fails the item, names the shape, and is not retried", () =>
    Effect.gen(function* () {
      const outcomes = yield* outcomesOf(["a"])
      assert.deepStrictEqual(summary(outcomes), { a: "Failed 1" })
      const [failed] = outcomes
      if (failed?._tag === "Failed") assert.include(failed.error.message, "does not answer as")
    }).pipe(
      Effect.provide(
        World.world({
          engine: World.scripted(() => Effect.succeed(HttpServerResponse.jsonUnsafe({ hello: "world" })))
        })
      )
    )
  )
})
