/** Jobs, limits and sources that break the rules: the run ends with a word about it, and the endpoint is released. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Inference, Job, Journal, Limit, withEndpoint } from "@stint/batch"
import { Cause, Data, Effect, Exit, Option, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const { options, words } = World

const embedding = {
  name: "mine",
  key: (word: string) => word,
  fingerprint: (word: string) => word,
  output: Schema.Array(Schema.Finite),
  run: (word: string) => Inference.featureExtraction(word)
}

const exitOf = <Out, E>(job: Job.Job<string, Out, E>, more?: Batch.Options, items = words(5)) =>
  World.inTime(Effect.exit(Stream.fromIterable(items).pipe(Batch.runOn(options, job, more))))

const dies = <Out, E>(what: string, job: Job.Job<string, Out, E>, more?: Batch.Options) =>
  it.effect(what, () =>
    Effect.gen(function* () {
      const exit = yield* exitOf(job, { limit: Limit.fixed(2), ...more })
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  )

const broken = () => {
  throw new TypeError("cannot read properties of undefined")
}

describe("a defect ends the run and releases the endpoint, where it is", () => {
  dies("in what makes the request", Job.make({ ...embedding, run: broken }))
  dies("in the request", Job.make({ ...embedding, run: () => Effect.die("broken") }))
  dies("in what an output has cost", Job.make({ ...embedding, usage: broken }))

  const breaking: Limit.Limit = {
    max: 4,
    make: () => Effect.succeed({ current: () => 2, onSample: broken, onReopened: () => undefined })
  }
  dies("in a limit that is told of an answer", Job.make(embedding), { limit: breaking })

  const pacing: Limit.Limit = {
    max: 4,
    make: () =>
      Effect.succeed({
        current: () => 2,
        onSample: () => undefined,
        onReopened: () => undefined,
        pace: () => Effect.die("broken")
      })
  }
  dies("in a limit that keeps the pace", Job.make(embedding), { limit: pacing })
})

describe("a job", () => {
  it.effect("that interrupts itself fails its item", () =>
    Effect.gen(function* () {
      const job = Job.make({
        ...embedding,
        run: (word: string) => (word === "w1" ? Effect.interrupt : Inference.featureExtraction(word))
      })
      const report = yield* Effect.flatten(exitOf(job))
      assert.deepInclude(report, { succeeded: 4, failed: 1 })
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that cannot be interrupted does not keep the endpoint awake", () =>
    Effect.gen(function* () {
      const job = Job.make({ ...embedding, run: () => Effect.uninterruptible(Effect.never) })
      const exit = yield* exitOf(job, { attemptTimeout: "10 seconds", deadline: "15 seconds" })
      assert.isTrue(Exit.isFailure(exit))
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("whose errors cannot be asked for their words fails its items all the same", () =>
    Effect.gen(function* () {
      class Mute extends Data.TaggedError("Mute")<{}> {
        override get message(): string {
          return broken()
        }
      }
      const job = Job.make({ ...embedding, run: () => Effect.fail(new Mute()) })
      const report = yield* Effect.flatten(exitOf(job))
      assert.deepInclude(report, { failed: 5 })
    }).pipe(Effect.provide(World.world()))
  )
})

describe("a limit", () => {
  it.effect("may speak before it is made, and have a class", () => {
    class Mine implements Limit.Controller {
      private readonly size = 2
      current() {
        return this.size
      }
      onSample() {
        assert.strictEqual(this.size, 2)
      }
      onReopened() {
        assert.strictEqual(this.size, 2)
      }
    }
    const limit: Limit.Limit = {
      max: 4,
      make: (changed) =>
        Effect.sync(() => {
          changed()
          return new Mine()
        })
    }
    return Effect.gen(function* () {
      assert.deepInclude(yield* Effect.flatten(exitOf(Job.make(embedding), { limit })), { succeeded: 5 })
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("of no number lets one through at a time", () =>
    Effect.gen(function* () {
      const limit: Limit.Limit = {
        max: 4,
        make: () => Effect.succeed({ current: () => NaN, onSample: () => {}, onReopened: () => {} })
      }
      assert.deepInclude(yield* Effect.flatten(exitOf(Job.make(embedding), { limit })), { succeeded: 5 })
    }).pipe(Effect.provide(World.world()))
  )
})

describe("a journal", () => {
  it.effect("that cannot be read back ends the run with its own error", () =>
    Effect.gen(function* () {
      const error = new Journal.JournalError({ path: "journal.jsonl", detail: "line 49 is damaged" })
      const journal: Journal.Journal = {
        ...(yield* Journal.makeMemory),
        knows: (fingerprint) => fingerprint !== "",
        recall: () => Effect.fail(error)
      }
      const run = withEndpoint(options, () =>
        Stream.fromIterable(words(5)).pipe(Batch.run(Job.make(embedding)))
      )
      assert.strictEqual(yield* World.failure(run.pipe(World.withJournal(journal))), error)
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  )
})

describe("a management API that is slow", () => {
  it.effect("does not make a row that only sounds like a pause stop the run", () => {
    const engine = World.scripted(({ text }) =>
      Effect.succeed(text === "TX" ? World.refusal(400, { error: "Invalid state: TX" }) : World.good(text))
    )
    return Effect.gen(function* () {
      const report = yield* Effect.flatten(
        exitOf(Job.make(embedding), { limit: Limit.fixed(1) }, ["TX", ...words(20)])
      )
      assert.deepInclude(report, { succeeded: 20, failed: 1 })
    }).pipe(
      Effect.provide(
        World.world({ engine }, ({ method, path }) =>
          method === "GET" && path.startsWith("/v2/endpoint/") ? Effect.sleep("1200 millis") : undefined
        )
      )
    )
  })
})

describe("a full engine behind an endpoint that was away", () => {
  it.effect("has its ten minutes anew", () => {
    let calls = 0
    let isAway = false
    const engine: typeof World.echo = {
      ...World.echo,
      handle: (request) =>
        Effect.suspend(() => {
          if (isAway) return Effect.succeed(HttpServerResponse.empty({ status: 503 }))
          if (request.method === "GET") return Effect.succeed(HttpServerResponse.text("Ok"))
          calls++
          if (calls === 2) isAway = true
          if (calls === 1 || calls === 3) return Effect.succeed(World.refusal(429))
          return Effect.succeed(calls === 2 ? HttpServerResponse.empty({ status: 503 }) : World.good("w0"))
        })
    }
    return Effect.gen(function* () {
      const fiber = yield* World.during(
        Stream.make("w0").pipe(Batch.runOn(options, Job.make(embedding))),
        700
      )
      isAway = false
      yield* World.secondsPass(60)
      const report = yield* Effect.flatten(
        Option.match(Option.fromNullishOr(fiber.pollUnsafe()), {
          onNone: () => Effect.die("still going"),
          onSome: Effect.succeed
        })
      )
      assert.deepInclude(report, { succeeded: 1, attempts: 3 })
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("a run", () => {
  it.effect("that is drained before it begins wakes nothing", () =>
    Effect.gen(function* () {
      const report = yield* Effect.flatten(exitOf(Job.make(embedding), { drain: Effect.void }))
      assert.deepInclude(report, { items: 5, remaining: 5, succeeded: 0 })
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("whose items are others the second time is told apart", () => {
    let readings = 0
    const items = Stream.suspend(() => Stream.fromIterable(words(5, readings++ === 0 ? "a" : "b")))
    return Effect.gen(function* () {
      const error = yield* World.failure(items.pipe(Batch.runOn(options, Job.make(embedding))))
      assert.strictEqual(World.tagOf(error), "ItemsChanged")
      assert.match(String(error), /other items/)
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("holds no more than it may of answers that nobody takes", () => {
    const large = "x".repeat(100_000)
    let calls = 0
    const job = Job.make({
      ...embedding,
      output: Schema.String,
      run: () =>
        Effect.sync(() => {
          calls++
          return large
        })
    })
    return Effect.gen(function* () {
      const fiber = yield* World.during(
        withEndpoint(options, () =>
          Stream.fromIterable(words(2000)).pipe(
            Batch.stream(job, { maxBytes: 1_000_000, limit: Limit.fixed(4) }),
            Stream.runForEach(() => Effect.never)
          )
        ),
        60
      )
      assert.isAtLeast(calls, 10)
      // Once over: what the reader holds is let go of.
      assert.isAtMost(calls, 40)
      yield* World.interrupted(fiber)
    }).pipe(Effect.provide(World.world()))
  })
})
