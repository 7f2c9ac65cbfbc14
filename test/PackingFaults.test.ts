/** What one row, or a pack as such, may do to those that share its request: nothing, within bounded time and cost. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Limit, Retry } from "@stint/batch"
import { Clock, Effect, Schedule, Stream } from "effect"
import { inTime } from "./batchWorld.ts"
import { type Script, job, server, texts, vectorOf } from "./packServer.ts"

const rows = texts(100)
const first = rows[0] ?? ""
const some = rows[10] ?? ""

/** A run whose endpoint is there all the time: what it came to, with which requests, in what time. */
const runOf = (script: Script, options: Batch.Options = {}, items: ReadonlyArray<string> = rows) =>
  Effect.gen(function* () {
    const made = server({ isAway: false, ...script })
    const from = yield* Clock.currentTimeMillis
    const outcomes = yield* inTime(
      Stream.fromIterable(items).pipe(
        Batch.stream(job, { limit: Limit.fixed(2), pack: { maxItems: 32 }, ...options }),
        Stream.runCollect,
        Effect.result,
        Effect.provideService(Retry.CurrentBroken, Schedule.recurs(3)),
        Effect.provide(made.layer)
      )
    )
    const minutes = ((yield* Clock.currentTimeMillis) - from) / 60_000
    return { outcomes, minutes, ...made }
  })

/** Those that failed; the others have their own vector. */
const failedOf = ({ outcomes }: Effect.Success<ReturnType<typeof runOf>>, count = rows.length) => {
  if (outcomes._tag === "Failure") return assert.fail(String(outcomes.failure))
  assert.lengthOf(outcomes.success, count)
  return outcomes.success.flatMap((outcome) => {
    if (outcome._tag === "Failed") return [outcome]
    if (outcome._tag !== "Succeeded") return assert.fail(outcome._tag)
    assert.deepStrictEqual(outcome.output, vectorOf(outcome.key))
    return []
  })
}

const isOnly = (run: Effect.Success<ReturnType<typeof runOf>>, key: string, reason: string) => {
  const failed = failedOf(run)
  assert.deepStrictEqual(
    failed.map((each) => [each.key, each.error.reason]),
    [[key, reason]]
  )
}

const refusing = (key: string, status: number, detail: string): Script => ({
  poison: (text) => (text === key ? { status, detail } : undefined)
})

describe("a pack that is refused for a while", () => {
  for (const status of [429, 502, 503, 504, 529]) {
    for (const key of [first, some]) {
      it.effect(`fails no other row than the one that gets ${status} for ever: ${key}`, () =>
        Effect.gen(function* () {
          const run = yield* runOf(refusing(key, status, "later"))
          isOnly(run, key, "busy")
          assert.isBelow(run.minutes, 14)
          assert.isBelow(run.seen.length, 90)
        })
      )
    }
  }

  for (const [status, detail, minutes] of [
    [504, "upstream timed out", 2],
    [429, "Model is overloaded", 4],
    [503, "queue is full", 4]
  ] as const) {
    for (const inFlight of [1, 2, 8]) {
      it.effect(`is halved where the server answers ${status} to more than 8, ${inFlight} in flight`, () =>
        Effect.gen(function* () {
          const items = texts(500)
          const run = yield* runOf(
            { most: { items: 8, refusal: () => ({ status, detail }) } },
            { limit: Limit.fixed(inFlight) },
            items
          )
          assert.lengthOf(failedOf(run, items.length), 0)
          assert.isBelow(run.seen.length, 350)
          assert.isBelow(run.minutes, minutes)
        })
      )
    }
  }

  for (const [status, detail] of [
    [503, "nobody there"],
    [504, "upstream timed out"],
    [400, "Invalid state"]
  ] as const) {
    for (const inFlight of [1, 4, 16]) {
      it.effect(`does not hide an endpoint that answers ${status} to everything, ${inFlight} in flight`, () =>
        Effect.gen(function* () {
          const run = yield* runOf(
            { blip: () => Response.json({ error: detail }, { status }) },
            { limit: Limit.fixed(inFlight) },
            texts(1000)
          )
          if (run.outcomes._tag === "Success") return assert.fail("it went on")
          assert.strictEqual(run.outcomes.failure._tag, "Unstable")
          // With many in flight all may have had their looks before ten openings: then one row each is waited for.
          assert.isBelow(run.minutes, inFlight > 4 ? 15 : 5)
        })
      )
    }
  }

  it.effect("waits out half a minute of a full server, and does not take it for its size", () =>
    Effect.gen(function* () {
      const from = yield* Clock.currentTimeMillis
      const full = yield* Clock.Clock
      const run = yield* runOf({
        blip: () =>
          full.currentTimeMillisUnsafe() - from < 25_000
            ? Response.json({ error: "Model is overloaded" }, { status: 429 })
            : undefined
      })
      assert.lengthOf(failedOf(run), 0)
      for (const { status, texts } of run.seen) if (status === 200) assert.isAtLeast(texts.length, 4)
    })
  )

  it.effect("takes little longer to be given up than one row, where the server stays full", () =>
    Effect.gen(function* () {
      const run = yield* runOf(
        { blip: () => Response.json({ error: "Model is overloaded" }, { status: 429 }) },
        { failureBudget: { inARow: Infinity, rate: 1 } },
        texts(64)
      )
      assert.lengthOf(failedOf(run, 64), 64)
      assert.isBelow(run.minutes, 15)
    })
  )
})

describe("a pack that is refused for its set-up", () => {
  it.effect("fails no other row than the one", () =>
    Effect.gen(function* () {
      const run = yield* runOf(refusing(some, 404, "The model `x` does not exist"))
      isOnly(run, some, "config")
      for (const { attempts } of failedOf(run)) assert.strictEqual(attempts, 1)
    })
  )

  it.effect("stops the run soon where all are, and one refusal of many counts once", () =>
    Effect.gen(function* () {
      const wrong: Script = {
        blip: () => Response.json({ error: "The model `x` does not exist" }, { status: 404 })
      }
      const run = yield* runOf(wrong, { limit: Limit.fixed(1) }, texts(2000))
      if (run.outcomes._tag === "Success") return assert.fail("it went on")
      if (run.outcomes.failure._tag !== "BudgetExceeded") return assert.fail(run.outcomes.failure._tag)
      assert.strictEqual(run.outcomes.failure.failures, 10)
      assert.isAtMost(run.seen.length, 24)
      const all = yield* runOf(wrong, { failureBudget: { misfits: Infinity, rate: 1 } }, texts(2000))
      assert.lengthOf(failedOf(all, 2000), 2000)
      // Once several rows alone were told the same, packs fail together.
      assert.isBelow(all.seen.length, 100)
      for (const { attempts } of failedOf(all, 2000)) assert.strictEqual(attempts, 1)
    })
  )
})

describe("a row that is never answered", () => {
  const hang = (key: string): Script => ({
    takesOf: (all) => (all.includes(key) ? Effect.never : Effect.sleep("100 millis"))
  })
  for (const key of [first, some]) {
    it.effect(`costs its pack ten attempts at most: ${key}`, () =>
      Effect.gen(function* () {
        const run = yield* runOf(hang(key))
        isOnly(run, key, "transport")
        assert.isAtMost(run.minutes, 102)
      })
    )
    for (const attemptTimeout of ["10 seconds", "10 minutes"] as const) {
      it.effect(`does not take the others' time, with ${attemptTimeout} an attempt: ${key}`, () =>
        Effect.gen(function* () {
          const run = yield* runOf(hang(key), { attemptTimeout, itemTimeout: "30 seconds" })
          isOnly(run, key, "transport")
          assert.isBelow(run.minutes, 4)
        })
      )
    }
  }

  for (const itemTimeout of ["15 seconds", undefined] as const) {
    it.effect(`may be many that take too long together, with ${itemTimeout ?? "no time"} an item`, () =>
      Effect.gen(function* () {
        const run = yield* runOf(
          { takesOf: (all) => Effect.sleep(all.length * 300) },
          { attemptTimeout: "5 seconds", itemTimeout }
        )
        assert.lengthOf(failedOf(run), 0)
      })
    )
  }
})

describe("an embedding", () => {
  const envelopes: Readonly<Record<string, (vectors: ReadonlyArray<unknown>) => unknown>> = {
    "a list": (vectors) => vectors,
    "OpenAI's": (vectors) => ({ data: vectors.map((embedding, index) => ({ index, embedding })) }),
    "the toolkit's": (vectors) => ({ embeddings: vectors })
  }
  for (const [what, envelope] of Object.entries(envelopes)) {
    for (const bad of [[null, null, null], [], null] as const) {
      for (const pack of [false, undefined] as const) {
        if (what === "the toolkit's" && pack === undefined && bad === null) continue
        it.effect(
          `of ${JSON.stringify(bad)} in ${what} is a fault of its row, ${pack === false ? "alone" : "packed"}`,
          () =>
            Effect.gen(function* () {
              const isBad = (text: string) => rows.indexOf(text) < 12
              const run = yield* runOf(
                {
                  image: what === "OpenAI's" ? "vLLM" : "tei",
                  answer: (all) => envelope(all.map((text) => (isBad(text) ? bad : vectorOf(text))))
                },
                { pack }
              )
              const failed = failedOf(run)
              assert.lengthOf(failed, 12)
              for (const { error, key } of failed) {
                assert.isTrue(isBad(key))
                assert.strictEqual(error.reason, "engine")
              }
            })
        )
      }
    }
  }

  it.effect("that another kind of model gives is a fault of the set-up as before", () =>
    Effect.gen(function* () {
      for (const answer of [
        [{ label: "x", score: 1 }],
        { text: "x" },
        [
          [
            [1, 2],
            [3, 4]
          ]
        ]
      ]) {
        const run = yield* runOf({ answer: () => answer }, { pack: false })
        if (run.outcomes._tag === "Success") return assert.fail("it went on")
        if (run.outcomes.failure._tag !== "BudgetExceeded") return assert.fail(run.outcomes.failure._tag)
        assert.strictEqual(run.outcomes.failure.reason, "config")
      }
    })
  )

  it.effect("has the length that most of the first pack have, though its first row has another", () =>
    Effect.gen(function* () {
      const run = yield* runOf({
        answer: (all) => all.map((text) => (text === first ? [1, 2] : vectorOf(text)))
      })
      isOnly(run, first, "config")
      assert.include(failedOf(run)[0]?.error.detail, "2 numbers where this run's others have 3")
    })
  )
})
