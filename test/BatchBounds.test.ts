/** What a run never exceeds: time, failures, memory, and the patience with an endpoint that is away. */
import { assert, describe, it } from "@effect/vitest"
import {
  Batch,
  FailureBudget,
  Job,
  Journal,
  Limit,
  Metrics,
  Progress,
  Retry,
  withEndpoint
} from "@stint/batch"
import { Effect, Metric, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const { job, options, words } = World

const stream = (items: ReadonlyArray<string>, more?: Batch.Options) =>
  withEndpoint(options, () => Stream.fromIterable(items).pipe(Batch.stream(job, more), Stream.runCollect))

const outcomesOf = (items: ReadonlyArray<string>, more?: Batch.Options) => World.inTime(stream(items, more))

const run = (items: ReadonlyArray<string>, more?: Batch.Options) =>
  Stream.fromIterable(items).pipe(Batch.runOn(options, job, more))

/** Never answers the first calls with a text. */
const deaf = (texts: ReadonlyArray<string>, times: number) =>
  World.scripted(({ nth, text }) =>
    texts.includes(text) && nth < times ? Effect.never : Effect.succeed(World.good(text))
  )

describe("time", () => {
  it.effect("an attempt that is not answered in its time is tried again", () =>
    Effect.gen(function* () {
      const progress = Progress.make()
      const outcomes = yield* outcomesOf(["a", "b"], { attemptTimeout: "1 minute", progress })
      const a = outcomes.find(({ key }) => key === "a")
      assert.deepInclude(a, { _tag: "Succeeded", attempts: 2 })
      assert.isAtLeast(a?.durationMillis ?? 0, 60_000)
      assert.isBelow(a?.durationMillis ?? 0, 63_000)
      assert.strictEqual(progress.faults.get("transport"), 1)
    }).pipe(Effect.provide(World.world({ engine: deaf(["a"], 1) })))
  )

  it.effect("an attempt has ten minutes when nothing is said", () =>
    Effect.gen(function* () {
      const [a] = yield* outcomesOf(["a"])
      assert.isAtLeast(a?.durationMillis ?? 0, 600_000)
      assert.isBelow(a?.durationMillis ?? 0, 603_000)
    }).pipe(Effect.provide(World.world({ engine: deaf(["a"], 1) })))
  )

  it.effect("one slow item never stalls the rest", () =>
    Effect.gen(function* () {
      const outcomes = yield* outcomesOf(["slow", ...words(500)], { limit: Limit.fixed(2) })
      assert.strictEqual(outcomes.at(-1)?.key, "slow")
      assert.strictEqual(outcomes.length, 501)
    }).pipe(Effect.provide(World.world({ engine: deaf(["slow"], 1) })))
  )

  it.effect("an item has its time in all, and then fails with what it met last", () =>
    Effect.gen(function* () {
      const [a] = yield* outcomesOf(["a"], { itemTimeout: "90 seconds" })
      assert.strictEqual(a?._tag, "Failed")
      if (a?._tag !== "Failed") return
      // Its last request may have been in flight when the time was over.
      assert.include(["busy", "transport"], a.error.reason)
      assert.match(a.error.detail ?? "", /had its time/)
      assert.isAtMost(a.durationMillis, 92_000)
    }).pipe(
      Effect.provide(
        World.world({ engine: World.scripted(() => Effect.succeed(World.refusal(429, { error: "full" }))) })
      )
    )
  )

  it.effect("the endpoint's absence is not counted against an item", () => {
    let cold = false
    const engine: typeof World.echo = {
      ...World.echo,
      handle: (request) =>
        Effect.suspend(() => {
          if (cold) return Effect.succeed(HttpServerResponse.empty({ status: 503 }))
          if (request.method === "GET") return Effect.succeed(HttpServerResponse.text("Ok"))
          return request.url === "/" && !wasCold
            ? Effect.sync(() => {
                wasCold = cold = true
                return HttpServerResponse.empty({ status: 503 })
              })
            : Effect.succeed(World.good("a"))
        })
    }
    let wasCold = false
    return Effect.gen(function* () {
      const fiber = yield* World.during(stream(["a"], { itemTimeout: "20 seconds" }), 60)
      cold = false
      yield* World.secondsPass(120)
      const exit = fiber.pollUnsafe()
      assert.isDefined(exit)
      const [a] = yield* Effect.flatten(Effect.succeed(exit!))
      assert.strictEqual(a?._tag, "Succeeded")
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect("a run stops at its deadline, keeps the work and pauses the endpoint", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const error = yield* World.failure(
        run(words(100), { deadline: "20 seconds", limit: Limit.fixed(2) }).pipe(World.withJournal(journal))
      )
      assert.strictEqual(World.tagOf(error), "DeadlineReached")
      const { succeeded } = yield* journal.counts
      assert.isAtLeast(succeeded, 36)
      assert.isAtMost(succeeded, 42)
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world({ engine: World.slow("1 second") })))
  )

  it.effect("what is in flight at the deadline has half a minute", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(Effect.exit(run(["a"], { deadline: "5 seconds" })), 75)
      assert.isDefined(fiber.pollUnsafe())
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world({ engine: deaf(["a"], 9) })))
  )
})

describe("failures", () => {
  const failing = (status: number, body: unknown) =>
    World.scripted(({ text }) =>
      Effect.delay(
        Effect.succeed(text.startsWith("bad") ? World.refusal(status, body) : World.good(text)),
        "1 second"
      )
    )

  const stopped = Effect.fnUntraced(function* (items: ReadonlyArray<string>, more?: Batch.Options) {
    const error = yield* World.failure(run(items, { limit: Limit.fixed(1), ...more }))
    yield* World.isPausedAndFree
    return { error, sent: (yield* World.inferences).length }
  })

  it.effect("a set-up that fits no row stops the run after ten", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* stopped(words(500, "bad"))
      assert.strictEqual(World.tagOf(error), "BudgetExceeded")
      assert.match(String(error), /10 items in a row.*config.*does not exist/)
      assert.strictEqual(sent, 10)
    }).pipe(
      Effect.provide(
        World.world({ engine: failing(404, { error: { message: "The model `x` does not exist." } }) })
      )
    )
  )

  it.effect("rows that fail for one cause stop the run after fifty", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* stopped(words(500, "bad"))
      assert.strictEqual(World.tagOf(error), "BudgetExceeded")
      assert.strictEqual(sent, 50)
    }).pipe(Effect.provide(World.world({ engine: failing(422, { error: "row 17 is too long" }) })))
  )

  it.effect("a rate above the threshold stops the run", () =>
    Effect.gen(function* () {
      const items = words(600).map((word, i) => (i % 5 < 3 ? `bad${word}` : word))
      const { error, sent } = yield* stopped(items)
      assert.match(String(error), /of the last 200 items failed/)
      assert.isAtLeast(sent, 200)
      assert.isAtMost(sent, 202)
    }).pipe(Effect.provide(World.world({ engine: failing(422, { error: "too long" }) })))
  )

  it.effect("a part that the budget allows does not", () =>
    Effect.gen(function* () {
      const items = words(600).map((word, i) => (i % 5 < 2 ? `bad${word}` : word))
      const report = yield* World.inTime(run(items, { limit: Limit.fixed(8) }))
      assert.deepInclude(report, { failed: 240, succeeded: 360 })
    }).pipe(Effect.provide(World.world({ engine: failing(422, { error: "too long" }) })))
  )

  it.effect("nothing stops a run whose budget is unlimited", () =>
    Effect.gen(function* () {
      const report = yield* World.inTime(
        run(words(300, "bad"), { limit: Limit.fixed(8), failureBudget: FailureBudget.unlimited })
      )
      assert.strictEqual(report.failed, 300)
    }).pipe(Effect.provide(World.world({ engine: failing(422, { error: "too long" }) })))
  )
})

describe("an endpoint that seems to be away", () => {
  const seems = (status: number, body: unknown, what: (text: string) => boolean) =>
    World.scripted(({ text }) => Effect.succeed(what(text) ? World.refusal(status, body) : World.good(text)))

  const reasonOf = Effect.fnUntraced(function* (items: ReadonlyArray<string>) {
    const outcomes = yield* outcomesOf(items, { limit: Limit.fixed(2) })
    return Object.fromEntries(
      outcomes.map((outcome) => [
        outcome.key,
        outcome._tag === "Failed" ? outcome.error.reason : outcome._tag
      ])
    )
  })

  it.effect("and runs: a text that only sounds like a pause is the row's fault", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(["a", "TX", "b"]), { a: "Succeeded", TX: "row", b: "Succeeded" })
    }).pipe(
      Effect.provide(
        World.world({ engine: seems(400, { error: "Invalid state: TX" }, (text) => text === "TX") })
      )
    )
  )

  it.effect("and runs: a route that there is not is the set-up's fault", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(["a"]), { a: "config" })
    }).pipe(
      Effect.provide(
        World.world({
          engine: {
            ...World.echo,
            handle: (request) =>
              Effect.succeed(
                request.method === "GET"
                  ? HttpServerResponse.text("Ok")
                  : HttpServerResponse.empty({ status: 404 })
              )
          }
        })
      )
    )
  )

  it.effect("and runs: a row that meets 503 alone is waited for like a full queue, and then fails", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(["a", "x", "b"]), { a: "Succeeded", x: "busy", b: "Succeeded" })
    }).pipe(Effect.provide(World.world({ engine: seems(503, { error: "no" }, (text) => text === "x") })))
  )

  it.effect("for longer than the outage that is allowed: the run stops", () => {
    let isAway = false
    const engine: typeof World.echo = {
      ...World.echo,
      handle: (request) =>
        isAway
          ? Effect.succeed(HttpServerResponse.empty({ status: 503 }))
          : request.method === "GET"
            ? Effect.succeed(HttpServerResponse.text("Ok"))
            : Effect.sync(() => {
                isAway = true
                return HttpServerResponse.empty({ status: 503 })
              })
    }
    return Effect.gen(function* () {
      const error = yield* World.failure(
        Effect.provideService(run(["a"]), Retry.CurrentOutage, { openings: 10, held: "2 minutes" })
      )
      assert.strictEqual(World.tagOf(error), "Unstable")
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("requests that are alike", () => {
  interface Line {
    readonly id: string
    readonly text: string
  }
  const lines = (...texts: ReadonlyArray<string>): ReadonlyArray<Line> =>
    texts.map((text, i) => ({ id: `${i}`, text }))
  const embed = Job.embed({ key: (line: Line) => line.id, text: (line) => line.text })

  const collect = (items: ReadonlyArray<Line>, more?: Batch.Options) =>
    World.inTime(
      withEndpoint(options, () =>
        Stream.fromIterable(items).pipe(Batch.stream(embed, more), Stream.runCollect)
      )
    )

  it.effect("are sent once, and each item has the answer", () =>
    Effect.gen(function* () {
      const outcomes = yield* collect(lines("sea", "lake", "sea", "sea", "pond"))
      assert.strictEqual(outcomes.length, 5)
      for (const outcome of outcomes) {
        assert.strictEqual(outcome._tag, "Succeeded")
        if (outcome._tag === "Succeeded")
          assert.deepStrictEqual(outcome.output, World.vectorOf(outcome.input.text))
      }
      assert.strictEqual((yield* World.inferences).length, 3)
      assert.strictEqual(
        outcomes.reduce((sum, { attempts }) => sum + attempts, 0),
        3
      )
    }).pipe(Effect.provide(World.world({ engine: World.slow("1 second") })))
  )

  it.effect("are sent each when the user says so", () =>
    Effect.gen(function* () {
      yield* collect(lines("sea", "sea", "sea"), { dedupe: false })
      assert.strictEqual((yield* World.inferences).length, 3)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("are answered from the journal long after the first, in a later run as well", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      yield* collect(lines("sea", "lake")).pipe(World.withJournal(journal))
      const more = [...lines("sea", "lake"), { id: "9", text: "sea" }]
      const outcomes = yield* collect(more).pipe(World.withJournal(journal))
      assert.deepStrictEqual(outcomes.map(({ _tag }) => _tag).toSorted(), ["Skipped", "Skipped", "Succeeded"])
      assert.strictEqual((yield* World.inferences).length, 2)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("fail alike", () =>
    Effect.gen(function* () {
      const outcomes = yield* collect(lines("sea", "sea"))
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Failed", "Failed"]
      )
      assert.strictEqual((yield* World.inferences).length, 1)
    }).pipe(Effect.provide(World.world({ engine: World.scripted(() => Effect.succeed(World.refusal(422))) })))
  )
})

describe("memory", () => {
  const counting = (items: ReadonlyArray<string>) => {
    let taken = 0
    let most = 0
    return {
      most: () => most,
      items: Stream.fromIterable(items).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sync(() => taken++))
      ),
      settled: () => {
        most = Math.max(most, taken)
        taken--
      }
    }
  }

  it.effect("holds no more items than the limit and the waiting room", () => {
    const source = counting(words(3000))
    return Effect.gen(function* () {
      yield* World.inTime(
        withEndpoint(options, () =>
          source.items.pipe(
            Batch.stream(job, { limit: Limit.fixed(4) }),
            Stream.runForEach(() => Effect.sync(source.settled))
          )
        )
      )
      assert.isAtMost(source.most(), 4 + 1024 + 512)
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("holds no more bytes than it may, but always one item", () => {
    const long = words(40).map((word) => word.padEnd(1000, "x"))
    const { engine, forget, most } = World.crowd()
    return Effect.gen(function* () {
      assert.strictEqual((yield* outcomesOf(long, { maxBytes: 5100, limit: Limit.fixed(64) })).length, 40)
      assert.strictEqual(most(), 5)
      forget()
      assert.strictEqual((yield* outcomesOf(long, { maxBytes: 10 })).length, 40)
      assert.strictEqual(most(), 1)
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("a source that is not the same the second time", () => {
  it.effect("is told, and what was done is kept", () => {
    let readings = 0
    const items = Stream.suspend(() => Stream.fromIterable(readings++ === 0 ? ["a", "b"] : ["a"]))
    return Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const error = yield* World.failure(items.pipe(Batch.runOn(options, job), World.withJournal(journal)))
      assert.strictEqual(World.tagOf(error), "ItemsChanged")
      assert.deepStrictEqual(yield* journal.counts, { keys: 1, succeeded: 1 })
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  })
})

describe("metrics", () => {
  it.effect("say what happened to items and requests", () =>
    Effect.gen(function* () {
      const before = (yield* Metric.value(Metrics.attempts)).count
      yield* outcomesOf([...words(7), "bad"])
      assert.strictEqual((yield* Metric.value(Metrics.attempts)).count - before, 8)
      const succeeded = Metric.withAttributes(Metrics.items, { outcome: "succeeded" })
      assert.isAtLeast((yield* Metric.value(succeeded)).count, 7)
    }).pipe(
      Effect.provide(
        World.world({
          engine: World.scripted(({ text }) =>
            Effect.succeed(text === "bad" ? World.refusal(422) : World.good(text))
          )
        })
      )
    )
  )
})

describe("the model's name", () => {
  const chat = Job.chat({
    key: (word: string) => word,
    messages: (word) => [{ role: "user", content: word }]
  })
  const Body = Schema.fromJsonString(Schema.Struct({ model: Schema.optionalKey(Schema.String) }))

  it.effect("is asked of /v1/models once, and sent with every request", () => {
    const named: Array<string | undefined> = []
    let asked = 0
    const engine: typeof World.echo = {
      ...World.echo,
      handle: (request) =>
        Effect.gen(function* () {
          if (request.url.endsWith("/v1/models")) {
            asked++
            return HttpServerResponse.jsonUnsafe({ data: [{ id: "adapter" }, { id: "served-name" }] })
          }
          if (request.method === "GET") return HttpServerResponse.text("Ok")
          const { model } = yield* Effect.flatMap(request.text, Schema.decodeEffect(Body)).pipe(Effect.orDie)
          named.push(model)
          return HttpServerResponse.jsonUnsafe({ choices: [{ message: { content: "yes" } }] })
        }).pipe(Effect.orDie)
    }
    return Effect.gen(function* () {
      yield* World.inTime(
        withEndpoint(options, () => Stream.fromIterable(words(20)).pipe(Batch.stream(chat), Stream.runDrain))
      )
      assert.strictEqual(asked, 1)
      assert.deepStrictEqual([...new Set(named)], ["adapter"])
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("what is known already", () => {
  interface Line {
    readonly id: string
    readonly text: string
  }
  const line = (id: string, text: string): Line => ({ id, text })
  const embed = Job.embed({ key: (one: Line) => one.id, text: (one) => one.text })
  const generate = Job.generate({ key: (one: Line) => one.id, prompt: (one) => one.text })

  it.effect("is written down before anything is woken", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const runLines = (...items: ReadonlyArray<Line>) =>
        World.inTime(Stream.fromIterable(items).pipe(Batch.runOn(options, embed), World.withJournal(journal)))
      yield* runLines(line("1", "sea"), line("2", "lake"))
      const before = yield* World.changes
      const report = yield* runLines(line("3", "lake"), line("4", "sea"))
      assert.deepInclude(report, { items: 2, skipped: 2, attempts: 0 })
      assert.deepStrictEqual(yield* World.changes, before)
      const entries = yield* Stream.runCollect(journal.entries)
      assert.deepStrictEqual(
        entries.map(({ key, output }) => [key, output]),
        [
          ["1", [3, 1]],
          ["2", [4, 1]],
          ["3", [4, 1]],
          ["4", [3, 1]]
        ]
      )
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is an item's own earlier answer, where another request of its key has failed since", () => {
    const engine = World.scripted(({ text }) =>
      Effect.succeed(
        text === "new" ? World.refusal(422) : HttpServerResponse.jsonUnsafe({ generated_text: text })
      )
    )
    return Effect.gen(function* () {
      const journal = yield* Journal.makeMemory
      const runLine = (one: Line) =>
        World.inTime(
          Stream.make(one).pipe(
            Batch.runOn(options, generate, { changed: "redo" }),
            World.withJournal(journal)
          )
        )
      yield* runLine(line("1", "old"))
      assert.deepInclude(yield* runLine(line("1", "new")), { failed: 1 })
      assert.deepInclude(yield* runLine(line("1", "old")), { skipped: 1, attempts: 0 })
      const [entry] = yield* Stream.runCollect(journal.entries)
      assert.deepInclude(entry, { key: "1", tag: "Succeeded", output: "old" })
      // Another key's answer is not for an item whose answers may differ.
      assert.deepInclude(yield* runLine(line("2", "old")), { succeeded: 1, attempts: 1 })
    }).pipe(Effect.provide(World.world({ engine })))
  })
})

describe("one answer that many items share", () => {
  it.effect("counts once against the budget", () => {
    const lines = Array.from({ length: 200 }, (_, i) => ({
      id: `${i}`,
      text: i < 120 ? "bad" : `good ${i}`
    }))
    const embed = Job.embed({
      key: (one: { readonly id: string; readonly text: string }) => one.id,
      text: (one) => one.text
    })
    return Effect.gen(function* () {
      const report = yield* World.inTime(Stream.fromIterable(lines).pipe(Batch.runOn(options, embed)))
      assert.deepInclude(report, { failed: 120, succeeded: 80, remaining: 0 })
    }).pipe(
      Effect.provide(
        World.world({
          engine: World.scripted(({ text }) =>
            Effect.delay(Effect.succeed(text === "bad" ? World.refusal(422) : World.good(text)), "1 second")
          )
        })
      )
    )
  })
})

describe("a server that asks to be left alone", () => {
  it.effect("is obeyed for five minutes, not for ever", () =>
    Effect.gen(function* () {
      const [a] = yield* outcomesOf(["a"])
      assert.deepInclude(a, { _tag: "Succeeded", attempts: 2 })
      assert.isAtLeast(a?.durationMillis ?? 0, 300_000)
      assert.isAtMost(a?.durationMillis ?? 0, 301_000)
    }).pipe(
      Effect.provide(
        World.world({
          engine: World.scripted(({ nth, text }) =>
            Effect.succeed(
              nth === 0 ? World.refusal(429, { error: "full" }, { "retry-after": "36000" }) : World.good(text)
            )
          )
        })
      )
    )
  )
})
