/** What ends a run before its input does, and what is kept of it. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Job, Journal, Limit, Progress, Report, withEndpoint } from "@stint/batch"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Deferred, Effect, Fiber, Stream } from "effect"
import type { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const { job, options, words } = World

const oneSecond = World.slow("1 second")

/** A run that leaves behind what it emitted, what its journal holds, and what its counters say. */
const watched = Effect.map(Journal.makeMemory, (journal) => {
  const emitted: Array<string> = []
  const progress = Progress.make({ total: 1000 })
  return {
    emitted,
    journal,
    progress,
    run: <SE>(
      items: Stream.Stream<string, SE>,
      more?: Batch.Options,
      work: Job.Job<string, ReadonlyArray<number>> = job
    ) =>
      withEndpoint(options, () =>
        items.pipe(
          Batch.stream(work, { progress, ...more }),
          Stream.runForEach(({ key }) => Effect.sync(() => void emitted.push(key)))
        )
      ).pipe(World.withJournal(journal)),
    /** What was emitted is what is durable is what was counted. */
    isSettled: Effect.gen(function* () {
      const entries = yield* Stream.runCollect(journal.entries)
      assert.deepStrictEqual(entries.map(({ key }) => key).toSorted(), emitted.toSorted())
      const report = yield* Report.fromProgress(progress)
      assert.strictEqual(report.succeeded + report.failed + report.skipped, emitted.length)
      assert.strictEqual(report.remaining, 1000 - emitted.length)
      assert.strictEqual((yield* progress.snapshot).inFlight, 0)
    })
  }
})

describe("an endpoint that is deleted in the middle of a run", () => {
  it.effect("stops the run after a look at its state, instead of failing row after row", () =>
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(8) }),
        30
      )
      yield* endpoints.delete(World.name)
      const error = yield* World.failure(Fiber.join(fiber))
      assert.strictEqual(error._tag, "EndpointGone")
      assert.include(error.message, "somebody deleted it")
      assert.isAtLeast(it.emitted.length, 100)
      assert.isBelow(it.emitted.length, 500)
      yield* it.isSettled
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )

  it.effect("a line that breaks now and then does not stop a run", () =>
    Effect.gen(function* () {
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(60)), { limit: Limit.fixed(8) }),
        600
      )
      yield* Fiber.join(fiber)
      assert.strictEqual(it.emitted.length, 60)
    }).pipe(
      Effect.provide(
        World.world({ engine: World.slow("100 millis") }, ({ method, path, nth }) =>
          method === "POST" && path === "/" && nth % 5 < 4 && nth < 20 ? "refused" : undefined
        )
      )
    )
  )
})

describe("two items of one key", () => {
  it.effect("stop the run: one would overwrite the other", () =>
    Effect.gen(function* () {
      const it = yield* watched
      const fiber = yield* World.during(it.run(Stream.make("a", "b", "a")), 30)
      const error = yield* World.failure(Fiber.join(fiber))
      assert.strictEqual(error._tag, "DuplicateKey")
      assert.deepStrictEqual(it.emitted.toSorted(), ["a", "b"])
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("a picture", () => {
  it.effect("is not what an engine sends that knows none: the item fails", () =>
    Effect.gen(function* () {
      const pictures = Job.image({ key: (word: string) => word, prompt: (word) => word })
      const journal = yield* Journal.makeMemory
      const fiber = yield* World.during(
        withEndpoint(options, () => Stream.make("sea").pipe(Batch.run(pictures))).pipe(
          World.withJournal(journal)
        ),
        30
      )
      const report = yield* Fiber.join(fiber)
      assert.deepInclude(report, { succeeded: 0, failed: 1 })
      const [entry] = yield* Stream.runCollect(journal.entries)
      assert.include(JSON.stringify(entry?.error), "application/json where image/png was asked for")
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("somebody else's pause in the middle of a run", () => {
  it.effect("stops the run; what is finished is durable and emitted", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(8) }),
        30
      )
      yield* emulator.setState(World.name, "paused")
      const error = yield* World.failure(Fiber.join(fiber))
      assert.strictEqual(error._tag, "PausedByOther")
      assert.include(error.message, "somebody-else")
      assert.isAtLeast(it.emitted.length, 100)
      yield* it.isSettled
      // It was not woken again, and is paused.
      assert.deepStrictEqual(yield* World.changes, ["create", "pause"])
      assert.isTrue(yield* World.isFree)
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )

  it.effect("loses nothing: a rerun does the rest", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(300)), { limit: Limit.fixed(8) }),
        20
      )
      yield* emulator.setState(World.name, "paused")
      yield* World.failure(Fiber.join(fiber))
      const done = it.emitted.length
      yield* World.inTime(it.run(Stream.fromIterable(words(300))))
      assert.strictEqual(new Set(it.emitted).size, 300)
      assert.strictEqual((yield* it.progress.snapshot).skipped, done)
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("an endpoint that fails in the middle of a run", () => {
  it.effect("stops the run with what it said", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(8) }),
        30
      )
      yield* emulator.setState(World.name, "failed", { message: "out of memory" })
      const error = yield* World.failure(Fiber.join(fiber))
      assert.strictEqual(error._tag, "EndpointFailed")
      assert.include(error.message, "out of memory")
      yield* it.isSettled
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("an account that is refused", () => {
  const cases: ReadonlyArray<readonly [number, string]> = [
    [401, "401 Unauthorized"],
    [402, "Payment required"],
    [403, "missing permissions: inference.endpoints.infer.write"],
    [429, "You have exceeded your monthly included credits"]
  ]
  for (const [status, error] of cases) {
    it.effect(`${status} "${error}" stops the run at once`, () => {
      const answer = (text: string): HttpServerResponse.HttpServerResponse =>
        text === "w40" ? World.refusal(status, { error, code: "X" }) : World.good(text)
      return Effect.gen(function* () {
        const it = yield* watched
        const failed = yield* World.failure(
          it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(4) })
        )
        assert.strictEqual(failed._tag, "AccountRefused")
        assert.include(failed.message, error)
        assert.isAtMost((yield* World.inferences).length, 44)
        assert.isFalse(it.emitted.includes("w40"))
        assert.isUndefined(it.journal.lookup("w40"))
        yield* it.isSettled
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(
        Effect.provide(World.world({ engine: World.scripted(({ text }) => Effect.succeed(answer(text))) }))
      )
    })
  }
})

describe("a drain", () => {
  it.effect("takes nothing more and finishes what is in flight", () =>
    Effect.gen(function* () {
      const drain = yield* Deferred.make<void>()
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(8), drain: Deferred.await(drain) }),
        30
      )
      const sent = (yield* World.inferences).length + 8
      yield* Deferred.succeed(drain, undefined)
      yield* World.inTime(Fiber.join(fiber))
      assert.strictEqual((yield* World.inferences).length, sent)
      assert.strictEqual(it.emitted.length, sent)
      yield* it.isSettled
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )

  it.effect("does not wait for an item that waits to try again", () =>
    Effect.gen(function* () {
      const drain = yield* Deferred.make<void>()
      const it = yield* watched
      const fiber = yield* World.during(it.run(Stream.make("a"), { drain: Deferred.await(drain) }), 20)
      yield* Deferred.succeed(drain, undefined)
      yield* World.secondsPass(2)
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(it.emitted, [])
    }).pipe(
      Effect.provide(
        World.world({
          engine: World.scripted(() => Effect.succeed(World.refusal(429, {}, { "retry-after": "300" })))
        })
      )
    )
  )

  it.effect("does not wait for an endpoint that is away", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const drain = yield* Deferred.make<void>()
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(100)), { drain: Deferred.await(drain) }),
        20
      )
      yield* emulator.setState(World.name, "updating")
      // The proxy holds requests for a minute.
      yield* World.secondsPass(80)
      yield* Deferred.succeed(drain, undefined)
      yield* World.secondsPass(5)
      assert.isDefined(fiber.pollUnsafe())
      yield* it.isSettled
    }).pipe(Effect.provide(World.world({ engine: World.slow("10 seconds") })))
  )

  it.effect("ends a run whose source is slow to give the next item", () =>
    Effect.gen(function* () {
      const drain = yield* Deferred.make<void>()
      const it = yield* watched
      const items = Stream.concat(Stream.make("a", "b"), Stream.never)
      const fiber = yield* World.during(it.run(items, { drain: Deferred.await(drain) }), 20)
      yield* Deferred.succeed(drain, undefined)
      yield* World.secondsPass(5)
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(it.emitted.toSorted(), ["a", "b"])
      yield* it.isSettled
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("before the first item sends nothing", () =>
    Effect.gen(function* () {
      const it = yield* watched
      yield* World.inTime(it.run(Stream.fromIterable(words(10)), { drain: Effect.void }))
      assert.deepStrictEqual(it.emitted, [])
      assert.strictEqual((yield* World.inferences).length, 0)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is told in the report: what remains is counted", () =>
    Effect.gen(function* () {
      const drain = yield* Deferred.make<void>()
      const items = Stream.fromIterable(words(500))
      const fiber = yield* World.during(
        items.pipe(Batch.runOn(options, job, { limit: Limit.fixed(5), drain: Deferred.await(drain) })),
        20
      )
      yield* Deferred.succeed(drain, undefined)
      const report = yield* World.inTime(Fiber.join(fiber))
      assert.strictEqual(report.items, 500)
      assert.isAbove(report.succeeded, 0)
      assert.strictEqual(report.remaining, 500 - report.succeeded)
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("a source that fails in the middle", () => {
  it.effect("fails the run only after everything that was sent is durable and emitted", () =>
    Effect.gen(function* () {
      const it = yield* watched
      const items = Stream.concat(Stream.fromIterable(words(40)), Stream.fail("torn page" as const))
      const error = yield* World.failure(it.run(items, { limit: Limit.fixed(4) }))
      assert.strictEqual(error, "torn page")
      assert.strictEqual(it.emitted.length, 40)
      yield* it.isSettled
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("a journal that cannot be written", () => {
  it.effect("fails the run: what is not durable is not reported", () =>
    Effect.gen(function* () {
      const memory = yield* Journal.makeMemory
      const emitted: Array<string> = []
      const full = new Journal.JournalError({ path: "journal", detail: "no space left on device" })
      const journal: Journal.Journal = {
        ...memory,
        append: (entries) => (emitted.length > 0 ? Effect.fail(full) : memory.append(entries))
      }
      const error = yield* World.failure(
        withEndpoint(options, () =>
          Stream.fromIterable(words(100)).pipe(
            Batch.stream(job, { limit: Limit.fixed(4) }),
            Stream.runForEach(({ key }) => Effect.sync(() => void emitted.push(key)))
          )
        ).pipe(World.withJournal(journal))
      )
      assert.strictEqual(error._tag, "JournalError")
      assert.isTrue(emitted.every((key) => memory.lookup(key)?.succeeded))
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})

describe("an interruption", () => {
  it.effect("pauses the endpoint, and keeps what was durable by then", () =>
    Effect.gen(function* () {
      const it = yield* watched
      const fiber = yield* World.during(
        it.run(Stream.fromIterable(words(1000)), { limit: Limit.fixed(8) }),
        30
      )
      yield* World.interrupted(fiber)
      yield* it.isSettled
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({ engine: oneSecond })))
  )
})
