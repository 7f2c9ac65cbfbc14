/** Many inputs in one request, and still one outcome for each: whatever is wrong with any of them, or with the server. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Job, Limit, Progress } from "@stint/batch"
import { Clock, Effect, Schema, Stream } from "effect"
import {
  type Outcomes,
  type Refusal,
  type Script,
  job,
  outcomesOf,
  server,
  texts,
  vectorOf
} from "./packServer.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** How engines refuse a text, by status. */
const refusals: Readonly<Record<number, Refusal>> = {
  400: { status: 400, detail: "`inputs` cannot be empty" },
  413: {
    status: 413,
    detail: "Input validation error: `inputs` must have less than 512 tokens. Given: 600"
  },
  422: {
    status: 422,
    detail: "Input validation error: `inputs` must have less than 512 tokens. Given: 600"
  },
  424: { status: 424, detail: "Backend error: it broke" },
  500: { status: 500, detail: "it broke" }
}

const Poison = Schema.Struct({ at: between(0, 120), status: Schema.Literals([400, 413, 422, 424, 500]) })
const Poisons = Schema.Array(Poison).check(Schema.isMaxLength(6))

const poisonIn = (rows: ReadonlyArray<string>, poisons: typeof Poisons.Type) => {
  const found = new Map<string, Refusal>()
  for (const { at, status } of poisons) {
    const text = rows[at % rows.length]
    const refusal = refusals[status]
    if (text !== undefined && refusal !== undefined) found.set(text, refusal)
  }
  return found
}

/** Each row has one outcome: the good ones their own vector, the others their own refusal. */
const isRight = (
  rows: ReadonlyArray<string>,
  outcomes: Outcomes,
  poison: ReadonlyMap<string, Refusal> = new Map()
) => {
  assert.sameMembers(
    outcomes.map(({ key }) => key),
    [...rows]
  )
  assert.lengthOf(outcomes, rows.length)
  for (const outcome of outcomes) {
    const refusal = poison.get(outcome.key)
    if (outcome._tag === "Succeeded") {
      assert.isUndefined(refusal, outcome.key)
      assert.deepStrictEqual(outcome.output, vectorOf(outcome.key))
    } else if (outcome._tag === "Failed") {
      assert.strictEqual(outcome.error.status, refusal?.status, `${outcome.key}: ${outcome.error.message}`)
      assert.include(outcome.error.detail, refusal?.detail ?? "nothing is wrong with it")
    } else assert.fail(`${outcome.key} was skipped`)
  }
}

const requests = (script: Script, rows: ReadonlyArray<string>, options?: Batch.Options, tries?: number) =>
  Effect.gen(function* () {
    const made = server(script)
    const outcomes = yield* outcomesOf(made, Stream.fromIterable(rows), options, tries)
    return { outcomes, ...made }
  })

describe("a pack", () => {
  it.effect.prop(
    "with bad rows in it gives each row its one outcome, for at most 2·log2 more requests a bad row",
    {
      count: between(1, 100),
      poisons: Poisons,
      maxItems: between(2, 40),
      inFlight: between(1, 6),
      image: Schema.Literals(["tei", "vLLM", "huggingface"])
    },
    ({ count, image, inFlight, maxItems, poisons }) =>
      Effect.gen(function* () {
        const rows = texts(count)
        const poison = poisonIn(rows, poisons)
        const options = { limit: Limit.fixed(inFlight), pack: { maxItems } }
        const healthy = yield* requests({ image }, rows, options)
        isRight(rows, healthy.outcomes)
        const sick = yield* requests({ image, poison: (text) => poison.get(text) }, rows, options)
        isRight(rows, sick.outcomes, poison)
        const more = sick.seen.length - healthy.seen.length
        const largest = Math.max(...healthy.seen.map(({ texts }) => texts.length))
        assert.isAtMost(more, poison.size * 2 * Math.log2(largest))
        assert.isAtMost(sick.mostInFlight(), inFlight)
        // A refusal that others share is charged to nobody.
        for (const { attempts } of sick.outcomes) assert.strictEqual(attempts, 1)
      }),
    { arbitrary: { runs: 60 } }
  )

  const words: ReadonlyArray<(items: number) => (size: number) => Refusal> = [
    (items) => (size) => ({
      status: 422,
      detail: `batch size ${size} > maximum allowed batch size ${items}`
    }),
    (items) => (size) => ({
      status: 413,
      detail: `batch size ${size} > maximum allowed batch size ${items}`
    }),
    () => () => ({ status: 413, detail: "length limit exceeded" }),
    () => () => ({ status: 424, detail: "out of memory" })
  ]

  it.effect.prop(
    "is as large as the server bears, whether it says so before, after or never",
    {
      count: between(1, 150),
      poisons: Poisons,
      maxItems: between(2, 40),
      limit: between(1, 40),
      how: Schema.Literals([0, 1, 2, 3]),
      isTold: Schema.Boolean
    },
    ({ count, how, isTold, limit, maxItems, poisons }) =>
      Effect.gen(function* () {
        const rows = texts(count)
        const poison = poisonIn(rows, poisons)
        const { outcomes, seen } = yield* requests(
          {
            poison: (text) => poison.get(text),
            most: { items: limit, refusal: words[how]?.(limit) ?? assert.fail() },
            info: isTold ? { max_client_batch_size: limit } : undefined
          },
          rows,
          { limit: Limit.fixed(3), pack: { maxItems } }
        )
        isRight(rows, outcomes, poison)
        const tooLarge = seen.filter(({ texts }) => texts.length > limit)
        if (isTold) assert.lengthOf(tooLarge, 0)
        // What an engine says once it need not say to more than were on their way.
        else if (how < 2) assert.isAtMost(tooLarge.length, 4)
      }),
    { arbitrary: { runs: 60 } }
  )

  const blips: Readonly<Record<string, () => Response | "lost">> = {
    busy: () => Response.json({ error: "Model is overloaded" }, { status: 429 }),
    cold: () => Response.json({ error: "503", code: "SERVICE_UNAVAILABLE" }, { status: 503 }),
    broken: () => Response.json({ error: "it broke" }, { status: 500 }),
    lost: () => "lost",
    garbled: () => new Response("<html>welcome</html>")
  }

  it.effect.prop(
    "comes through a server that is full, cold, broken or gone in between",
    {
      count: between(1, 80),
      poisons: Poisons,
      maxItems: between(2, 33),
      limit: between(1, 40),
      blips: Schema.Array(
        Schema.Struct({
          nth: between(0, 40),
          kind: Schema.Literals(["busy", "cold", "broken", "lost", "garbled"])
        })
      ).check(Schema.isMaxLength(8))
    },
    ({ blips: given, count, limit, maxItems, poisons }) =>
      Effect.gen(function* () {
        const rows = texts(count)
        // A row that breaks the engine is tried again, and may meet another's trouble last.
        const poison = poisonIn(
          rows,
          poisons.filter(({ status }) => status < 424)
        )
        const at = new Map(given.map(({ kind, nth }) => [nth, blips[kind]]))
        const { outcomes } = yield* requests(
          {
            poison: (text) => poison.get(text),
            most: { items: limit, refusal: words[0]?.(limit) ?? assert.fail() },
            blip: (nth) => at.get(nth)?.()
          },
          rows,
          { pack: { maxItems } },
          20
        )
        isRight(rows, outcomes, poison)
      }),
    { arbitrary: { runs: 60 } }
  )

  it.effect("finds the smaller size that a silent server bears, and then asks for no more than that", () =>
    Effect.gen(function* () {
      const rows = texts(2000)
      const { outcomes, seen } = yield* requests(
        { most: { items: 7, refusal: () => ({ status: 413, detail: "length limit exceeded" }) } },
        rows
      )
      isRight(rows, outcomes)
      const tooLarge = seen.filter(({ texts }) => texts.length > 7)
      assert.isBelow(tooLarge.length, 40)
      assert.isBelow(seen.length, 600)
    })
  )

  it.effect("grows again after a bad minute", () =>
    Effect.gen(function* () {
      const rows = texts(5000)
      const { outcomes, seen } = yield* requests(
        { blip: (nth, all) => (nth < 30 && all.length > 3 ? Response.json({}, { status: 424 }) : undefined) },
        rows,
        { limit: Limit.fixed(1) }
      )
      isRight(rows, outcomes)
      assert.isAbove(Math.max(...seen.slice(-20).map(({ texts }) => texts.length)), 16)
    })
  )

  it.effect("is not larger than its weight allows, and a heavy row goes alone", () =>
    Effect.gen(function* () {
      const rows = [...texts(50), "y".repeat(5000), ...texts(50, "u")]
      const { outcomes, seen } = yield* requests({}, rows, { pack: { maxWeight: 20 } })
      isRight(rows, outcomes)
      for (const { texts } of seen.filter(({ texts }) => texts.length > 1)) {
        assert.isAtMost(
          texts.reduce((sum, text) => sum + text.length / 4, 0),
          20
        )
      }
      assert.isTrue(seen.some(({ texts }) => texts.length === 1 && texts[0]?.length === 5000))
      assert.isTrue(seen.some(({ texts }) => texts.length > 2))
    })
  )

  it.effect("can be turned off, bounded, and is never more than the engine says it takes", () =>
    Effect.gen(function* () {
      const rows = texts(64)
      const sizes = (pack: Batch.Options["pack"], script: Script = {}) =>
        Effect.map(requests(script, rows, { pack }), ({ seen }) =>
          Math.max(...seen.map(({ texts }) => texts.length))
        )
      assert.strictEqual(yield* sizes(false), 1)
      assert.strictEqual(yield* sizes({ maxItems: 1 }), 1)
      assert.strictEqual(yield* sizes({ maxItems: 5 }), 5)
      assert.strictEqual(yield* sizes(undefined), 32)
      assert.strictEqual(yield* sizes({ maxItems: 64 }), 64)
      assert.strictEqual(yield* sizes({ maxItems: 64 }, { info: { max_client_batch_size: 16 } }), 16)
      assert.strictEqual(yield* sizes(undefined, { info: { max_client_batch_size: 256 } }), 32)
      // Code of one's own may not know lists.
      assert.strictEqual(yield* sizes(undefined, { image: "huggingface" }), 1)
      assert.strictEqual(yield* sizes({ maxItems: 8 }, { image: "huggingface" }), 8)
    })
  )
})

describe("an answer to several texts", () => {
  const data = (each: ReadonlyArray<readonly [index: unknown, text: string]>) => ({
    data: each.map(([index, text]) => ({ index, embedding: vectorOf(text) }))
  })

  it.effect.prop(
    "is put in order by its indices, whatever its order",
    { count: between(2, 60), step: Schema.Literals([7, 11, 13, 17]) },
    ({ count, step }) =>
      Effect.gen(function* () {
        const rows = texts(count)
        const { outcomes, seen } = yield* requests(
          {
            image: "vLLM",
            answer: (all) => {
              const order = all.map((text, index) => [index, text] as const)
              return data(order.toSorted(([a], [b]) => ((a * step) % 61) - ((b * step) % 61)))
            }
          },
          rows
        )
        isRight(rows, outcomes)
        assert.isBelow(seen.length, count)
      }),
    { arbitrary: { runs: 15 } }
  )

  const wrong: Readonly<Record<string, (all: ReadonlyArray<string>) => unknown>> = {
    "one too few": (all) => all.slice(1).map(vectorOf),
    "one too many": (all) => [...all, "more"].map(vectorOf),
    "one for all": (all) => vectorOf(all[0] ?? ""),
    "an index twice": (all) => data(all.map((text) => [0, text])),
    "an index too high": (all) => data(all.map((text, at) => [at + 1, text])),
    "an index left out": (all) => data(all.map((text, at) => [at === 0 ? undefined : at, text])),
    "an index that is text": (all) => data(all.map((text, at) => [String(at), text])),
    "a vector that is none": (all) => all.map((text, at) => (at === 0 ? null : vectorOf(text))),
    "an empty vector": (all) => all.map((text, at) => (at === 0 ? [] : vectorOf(text))),
    nothing: () => ({})
  }
  for (const [what, answer] of Object.entries(wrong)) {
    it.effect(`is never taken for good with ${what}: the rows go on alone`, () =>
      Effect.gen(function* () {
        const rows = texts(200)
        const image = what.includes("index") ? "vLLM" : "tei"
        const { outcomes, seen } = yield* requests(
          { image, answer: (all) => (all.length === 1 ? undefined : answer(all)) },
          rows
        )
        isRight(rows, outcomes)
        // An engine that knows no lists is soon asked for none.
        assert.isBelow(seen.filter(({ texts }) => texts.length > 1).length, 140)
      })
    )
  }

  for (const pack of [false, undefined] as const) {
    it.effect(`has vectors of one length throughout a run${pack === false ? ", alone as well" : ""}`, () =>
      Effect.gen(function* () {
        const rows = texts(20)
        const { outcomes } = yield* requests(
          {
            answer: (all) =>
              all.map((text) => (text.startsWith("t13") ? vectorOf(text).slice(1) : vectorOf(text)))
          },
          rows,
          { pack }
        )
        assert.lengthOf(outcomes, rows.length)
        for (const outcome of outcomes) {
          if (outcome._tag === "Succeeded") assert.deepStrictEqual(outcome.output, vectorOf(outcome.key))
          else if (outcome._tag === "Failed") {
            assert.isTrue(outcome.key.startsWith("t13"))
            assert.strictEqual(outcome.error.reason, "config")
            assert.include(outcome.error.detail, "2 numbers where this run's others have 3")
          } else assert.fail(outcome._tag)
        }
        assert.lengthOf(
          outcomes.filter(({ _tag }) => _tag === "Failed"),
          1
        )
      })
    )
  }

  it.effect("tells TEI not to cut a long text, and the row that is too long what to do", () =>
    Effect.gen(function* () {
      const rows = texts(40)
      const { outcomes, seen } = yield* requests(
        { poison: (text) => (text.startsWith("t17") ? refusals[413] : undefined) },
        rows
      )
      for (const { body } of seen) assert.strictEqual(body.truncate, false)
      const failed = outcomes.find(({ _tag }) => _tag === "Failed")
      if (failed?._tag !== "Failed") return assert.fail("none failed")
      assert.include(failed.error.message, "must have less than 512 tokens. Given: 600")
      assert.include(failed.error.message, "shorten it, or make several rows of it")
    })
  )

  it.effect("asks OpenAI's routes for Base64, and an engine that does not know it for numbers", () =>
    Effect.gen(function* () {
      const rows = texts(100)
      const base64 = (text: string) => Buffer.from(new Float32Array(vectorOf(text)).buffer).toString("base64")
      const spelled = yield* requests(
        {
          image: "vLLM",
          answer: (all) => ({ data: all.map((text, index) => ({ index, embedding: base64(text) })) })
        },
        rows
      )
      isRight(rows, spelled.outcomes)
      for (const { body } of spelled.seen) assert.strictEqual(body.encoding_format, "base64")
      const made = server({ image: "vLLM" })
      const plain = { ...made }
      isRight(rows, yield* outcomesOf(plain, Stream.fromIterable(rows)))
      let refused = 0
      const old = server({
        image: "vLLM",
        blip: (nth) =>
          old.seen[nth] === undefined && refused < 4 && ++refused > 0
            ? Response.json(
                { error: { message: "encoding_format: extra fields not permitted" } },
                { status: 400 }
              )
            : undefined
      })
      isRight(rows, yield* outcomesOf(old, Stream.fromIterable(rows), { limit: Limit.fixed(1) }))
    })
  )
})

describe("a run with packs", () => {
  it.effect("is sent at once where the source is slow", () =>
    Effect.gen(function* () {
      const made = server({ takes: Effect.sleep("100 millis") })
      const rows = texts(12)
      const from = yield* Clock.currentTimeMillis
      const slow = Stream.fromIterable(rows).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sleep("3 seconds"))
      )
      isRight(rows, yield* outcomesOf(made, slow))
      assert.lengthOf(made.seen, 12)
      assert.isBelow((yield* Clock.currentTimeMillis) - from, 40_000)
    })
  )

  for (const size of [1, 10, 1000]) {
    it.live(`is full where the source is fast, in chunks of ${size}`, () =>
      Effect.gen(function* () {
        const { layer, seen } = server({ takes: Effect.sleep("20 millis") })
        const rows = texts(3200)
        const outcomes = yield* Stream.fromIterable(rows).pipe(
          Stream.rechunk(size),
          Batch.stream(job, { limit: Limit.fixed(4) }),
          Stream.runCollect,
          Effect.provide(layer)
        )
        isRight(rows, outcomes)
        assert.isAtMost(seen.length, 130)
      })
    )
  }

  it.effect("holds a place and counts in flight by requests, and charges each row", () =>
    Effect.gen(function* () {
      const progress = Progress.make()
      const made = server({ takes: Effect.sleep("1 second") })
      const rows = texts(320)
      isRight(rows, yield* outcomesOf(made, Stream.fromIterable(rows), { progress, limit: Limit.fixed(3) }))
      assert.strictEqual(made.mostInFlight(), 3)
      const { attempts, inFlight, succeeded } = yield* progress.snapshot
      assert.deepStrictEqual(
        { attempts, inFlight, succeeded },
        { attempts: 320, inFlight: 0, succeeded: 320 }
      )
    })
  )

  it.effect("sends rows that are alike once, and each has the answer", () =>
    Effect.gen(function* () {
      const made = server({})
      const rows = texts(100)
      const items = [...rows, ...rows].map((text, at) => ({ id: String(at), text }))
      const twice = Job.embed({ key: ({ id }: (typeof items)[number]) => id, text: ({ text }) => text })
      const outcomes = yield* Stream.fromIterable(items).pipe(
        Batch.stream(twice, { limit: Limit.fixed(2) }),
        Stream.runCollect,
        Effect.provide(made.layer)
      )
      assert.lengthOf(outcomes, 200)
      for (const outcome of outcomes) {
        if (outcome._tag !== "Succeeded") return assert.fail(outcome._tag)
        assert.deepStrictEqual(outcome.output, vectorOf(outcome.input.text))
      }
      assert.lengthOf(
        made.seen.flatMap(({ texts }) => texts),
        100
      )
    })
  )

  it.effect("ends at a drain with what is in flight, and at a deadline without what is late", () =>
    Effect.gen(function* () {
      const rows = texts(1000)
      const drained = server({ takes: Effect.sleep("10 seconds") })
      const some = yield* outcomesOf(drained, Stream.fromIterable(rows), {
        limit: Limit.fixed(2),
        drain: Effect.sleep("15 seconds")
      })
      assert.lengthOf(some, 4 * 32)
      assert.lengthOf(drained.seen, 4)
      const silent = server({ takes: Effect.never })
      const error = yield* Effect.flip(
        outcomesOf(silent, Stream.fromIterable(rows), { limit: Limit.fixed(2), deadline: "1 minute" })
      )
      assert.strictEqual(error._tag, "DeadlineReached")
    })
  )

  it.effect("holds no more bytes than it may, and comes to its end", () =>
    Effect.gen(function* () {
      const rows = texts(300)
      const { outcomes, seen } = yield* requests({}, rows, { maxBytes: 100 })
      isRight(rows, outcomes)
      assert.isTrue(seen.every(({ texts }) => texts.reduce((sum, text) => sum + text.length, 0) <= 100))
    })
  )

  it.effect("keeps to a rate in tokens and requests", () =>
    Effect.gen(function* () {
      const rows = texts(200, "a text of its own number ")
      const from = yield* Clock.currentTimeMillis
      const { outcomes, seen } = yield* requests({}, rows, {
        pack: { maxItems: 10 },
        limit: Limit.rate({ requestsPerMinute: 30, within: Limit.fixed(8) })
      })
      isRight(rows, outcomes)
      const seconds = ((yield* Clock.currentTimeMillis) - from) / 1000
      assert.isAtMost(seen.length, 22)
      assert.isAtMost(seen.length, 3 + seconds / 2 + 1)
    })
  )
})
