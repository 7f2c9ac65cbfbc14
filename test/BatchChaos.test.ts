/** Any schedule of faults, from a seed: every item leaves exactly once, and the sums are right. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, type Fault, Journal, Limit, withEndpoint } from "@stint/batch"
import { Effect, Random, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

type Answer = (text: string) => HttpServerResponse.HttpServerResponse

/** What an engine may do to a call, and how often. */
const answers: ReadonlyArray<readonly [weight: number, answer: Answer]> = [
  [60, World.good],
  [6, () => World.refusal(429, { error: "Model is overloaded", error_type: "overloaded" })],
  [3, () => World.refusal(429, { error: "slow down" }, { "retry-after": "7" })],
  [5, () => World.refusal(424, { error: "generation failed", error_type: "generation" })],
  [5, () => World.refusal(500, { error: "boom" })],
  [4, () => World.refusal(503, { error: "503 Service Unavailable", code: "SERVICE_UNAVAILABLE" })],
  [3, () => World.refusal(502)],
  [3, () => World.refusal(422, { error: "too long" })],
  [2, () => World.refusal(413, { error: "too big" })],
  [2, () => HttpServerResponse.text("<html>welcome</html>")],
  [2, () => HttpServerResponse.jsonUnsafe({ hello: "world" })],
  [2, () => HttpServerResponse.text('{"torn":')]
]
const total = answers.reduce((sum, [weight]) => sum + weight, 0)

const dice = Effect.gen(function* () {
  let left = (yield* Random.next) * total
  for (const [weight, answer] of answers) {
    left -= weight
    if (left < 0) return answer
  }
  return World.good
})

/** An engine that throws its dice anew for each call; a text carries its seed, so that each has its own fate. */
const chaotic = World.scripted(({ nth, text }) =>
  Effect.gen(function* () {
    const answer = yield* dice
    yield* Effect.sleep((yield* Random.nextIntBetween(0, 4)) * 250)
    return answer(text)
  }).pipe(Random.withSeed(`${text} ${nth}`))
)

/** A row of its own fault was sent once; what was tried again had its four tries of a kind. */
const isTerminal = ({
  attempts,
  error: { reason }
}: {
  readonly attempts: number
  readonly error: Fault.Fault
}) =>
  reason === "engine" || reason === "transport"
    ? attempts >= 4
    : ["row", "tooLarge", "config"].includes(reason)

describe("a batch under a seeded schedule of faults", () => {
  const run = Effect.fnUntraced(function* (seed: number) {
    const where = `seed ${seed}`
    const items = World.words(1 + (seed % 13), `${where} `)
    const journal = yield* Journal.makeMemory
    const first = yield* Stream.fromIterable(items).pipe(
      Batch.stream(World.job, { limit: Limit.fixed(1 + (seed % 7)) }),
      Stream.runCollect,
      World.withJournal(journal)
    )
    assert.deepStrictEqual(first.map(({ key }) => key).toSorted(), items.toSorted(), where)
    for (const outcome of first) {
      assert.strictEqual(journal.lookup(outcome.key)?.succeeded, outcome._tag === "Succeeded", where)
      if (outcome._tag === "Succeeded")
        assert.deepStrictEqual(outcome.output, World.vectorOf(outcome.input), where)
      if (outcome._tag === "Failed") assert.isTrue(isTerminal(outcome), `${where} ${outcome.error.message}`)
    }
    const done = first.filter(({ _tag }) => _tag === "Succeeded").length
    const again = yield* Stream.fromIterable(items).pipe(Batch.run(World.job), World.withJournal(journal))
    assert.strictEqual(again.succeeded + again.failed + again.skipped, items.length, where)
    assert.strictEqual(again.skipped, done, where)
    return { items: items.length, done }
  })

  it.effect("every key leaves exactly once and the counts add up, whatever the seed", () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: 120 }, (_, seed) => seed)
      const sums = yield* World.inTime(
        withEndpoint(World.options, () => Effect.forEach(seeds, run, { concurrency: 25 }))
      )
      const items = sums.reduce((sum, { items }) => sum + items, 0)
      const done = sums.reduce((sum, { done }) => sum + done, 0)
      // The schedule is neither harmless nor hopeless.
      assert.isBelow(done, items)
      assert.isAbove(done, items / 2)
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({ engine: chaotic })))
  )

  it.effect.prop(
    "an interruption at any time leaves nothing running and nothing counted that is not durable",
    { after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 32 })) },
    ({ after }) =>
      Effect.gen(function* () {
        const journal = yield* Journal.makeMemory
        const emitted: Array<string> = []
        const fiber = yield* World.during(
          withEndpoint(World.options, () =>
            Stream.fromIterable(World.words(100)).pipe(
              Batch.stream(World.job, { limit: Limit.fixed(6) }),
              Stream.runForEach(({ key }) => Effect.sync(() => void emitted.push(key)))
            )
          ).pipe(World.withJournal(journal)),
          after
        )
        yield* World.interrupted(fiber)
        assert.isTrue(emitted.every((key) => journal.lookup(key) !== undefined))
        assert.isTrue(["paused", "gone"].includes(yield* World.state))
      }).pipe(Effect.provide(World.world({ engine: World.slow("1 second") }))),
    { arbitrary: { runs: 12 } }
  )
})
