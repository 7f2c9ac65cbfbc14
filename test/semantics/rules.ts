/**
 * What a run does about each thing that goes wrong, whatever carries its requests and whichever clock it lives by.
 *
 * The faults are data (a `Scenario`), so that the same ones strike in memory and on sockets.
 */
import { assert, describe } from "@effect/vitest"
import { Batch, Journal, Limit, type Outcome, Progress, Retry, withEndpoint } from "@stint/batch"
import { type Endpoints, Policy } from "@stint/core"
import { Emulator, Scenario } from "@stint/emulator"
import { Effect, Fiber, type Layer, Schedule, Stream } from "effect"
import type { HttpClient } from "effect/http"
import { echo, inferences, job, options, state, vectorOf, withJournal, words } from "../batchWorld.ts"

/** What a world provides. */
type Services = Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient

/** A network, a clock, and how a test of them is made. */
export interface World {
  readonly layer: (options: Emulator.Options) => Layer.Layer<Services, unknown>
  /** Lets the time pass that a program needs. */
  readonly inTime: <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly test: (name: string, body: () => Effect.Effect<void, unknown>) => void
}

type Rules = Scenario.Input["rules"]
type Outcomes = ReadonlyArray<Outcome<string, ReadonlyArray<number>>>

/** Inferences from the first to the last of these. */
const inference = (from: number, to = from) => ({ plane: "data", method: "POST", from, to }) as const

const tries = (times: number) => Schedule.spaced("20 millis").pipe(Schedule.upTo({ times }))

/** A run with short waits, so that a real clock can be waited for. */
const run = (items: ReadonlyArray<string>, more?: Batch.Options) =>
  withEndpoint(options, () =>
    Stream.fromIterable(items).pipe(Batch.stream(job, { limit: Limit.fixed(1), ...more }), Stream.runCollect)
  ).pipe(Effect.provideService(Policy.CurrentPolling, Schedule.spaced("20 millis")))

/** What became of the only item, and in how many attempts. */
const fate = (outcomes: Outcomes): ReadonlyArray<unknown> => {
  assert.strictEqual(outcomes.length, 1)
  const [outcome] = outcomes
  return [outcome?._tag === "Failed" ? outcome.error.reason : outcome?._tag, outcome?.attempts]
}

/** The suite. */
export const semantics = (title: string, world: World) => {
  /** A test in a world where these things go wrong. It ends with an endpoint that is paused. */
  const rule = (about: string, rules: Rules, body: Effect.Effect<void, unknown, Services>) =>
    world.test(about, () =>
      Effect.gen(function* () {
        yield* body
        assert.strictEqual(yield* state, "paused")
      }).pipe(
        Effect.provide(
          world.layer({ scenario: Scenario.make({ rules }), engines: () => echo, logCapacity: 100_000 })
        )
      )
    )

  const outcomesOf = (...given: Parameters<typeof run>) =>
    world.inTime(Effect.provideService(run(...given), Retry.CurrentBroken, tries(3)))
  const failureOf = (...given: Parameters<typeof run>) => Effect.flip(outcomesOf(...given))

  /** What becomes of one item under these faults. */
  const one = (
    about: string,
    rules: Rules,
    expected: readonly [tag: string, attempts: number],
    more?: Batch.Options
  ) =>
    rule(
      about,
      rules,
      Effect.gen(function* () {
        assert.deepStrictEqual(fate(yield* outcomesOf(["w0"], more)), expected)
      })
    )

  describe(`a run ${title}`, () => {
    rule(
      "each item enters once and leaves once, with its own answer",
      [],
      Effect.gen(function* () {
        const items = words(100)
        const outcomes = yield* outcomesOf(items, { limit: Limit.fixed(16) })
        assert.deepStrictEqual(
          new Map(outcomes.map((outcome) => [outcome.key, "output" in outcome ? outcome.output : undefined])),
          new Map(items.map((word) => [word, vectorOf(word)]))
        )
        assert.strictEqual(outcomes.length, 100)
        assert.strictEqual((yield* inferences).length, 100)
      })
    )

    one("429 - is waited out", [{ on: inference(1, 3), do: { status: 429 } }], ["Succeeded", 4])

    rule(
      "429 with Retry-After - is not asked again before",
      [{ on: inference(1), do: { status: 429, body: "later", headers: { "retry-after": "1" } } }],
      Effect.gen(function* () {
        assert.deepStrictEqual(fate(yield* outcomesOf(["w0"])), ["Succeeded", 2])
        const [first, second] = yield* inferences
        assert.isAtLeast((second?.time ?? 0) - (first?.time ?? 0), 1000)
      })
    )

    rule(
      "an endpoint that fell asleep - is woken, and no attempt is charged",
      [{ on: inference(5), do: { state: "scaledToZero" } }],
      Effect.gen(function* () {
        const outcomes = yield* outcomesOf(words(10))
        assert.strictEqual(outcomes.length, 10)
        assert.isTrue(outcomes.every(({ _tag, attempts }) => _tag === "Succeeded" && attempts === 1))
      })
    )

    rule(
      "an endpoint that somebody else paused - stops the run, and stays paused",
      [{ on: inference(5), do: { state: "paused" } }],
      Effect.gen(function* () {
        const journal = yield* Journal.makeMemory
        const error = yield* failureOf(words(10)).pipe(withJournal(journal))
        assert.strictEqual(error._tag, "PausedByOther")
        // What was done before is kept.
        assert.strictEqual((yield* Stream.runCollect(journal.entries)).length, 4)
      })
    )

    for (const status of [424, 500]) {
      one(
        `${status} - is tried again, and each try is counted`,
        [{ on: inference(1, 3), do: { status } }],
        ["Succeeded", 4]
      )
      one(`${status} - the fourth time is the last`, [{ on: inference(1, 4), do: { status } }], ["engine", 4])
    }

    one(
      "a reset before the answer - is tried again",
      [{ on: inference(1), do: { reset: "before" } }],
      ["Succeeded", 2]
    )
    one(
      "a reset after the work was done - is tried again",
      [{ on: inference(1), do: { reset: "after" } }],
      ["Succeeded", 2]
    )
    one(
      "a body cut short - is tried again, and never taken for the whole",
      [{ on: inference(1), do: { cutBody: 2 } }],
      ["Succeeded", 2]
    )
    one(
      "a body cut before its first byte - is tried again",
      [{ on: inference(1), do: { cutBody: 0 } }],
      ["Succeeded", 2]
    )
    one(
      "a web page for an answer - is tried again",
      [{ on: inference(1), do: { garbage: true } }],
      ["Succeeded", 2]
    )
    one(
      "a body that comes byte by byte - is waited for",
      [{ on: inference(1), do: { slowBody: { bytes: 1, every: "5 millis" } } }],
      ["Succeeded", 1]
    )
    one(
      "an answer that takes its time - is waited for",
      [{ on: inference(1), do: { delay: "200 millis" } }],
      ["Succeeded", 1]
    )
    for (const hang of ["before", "after"] as const) {
      one(
        `silence, ${hang} the work was done - is ended by the attempt's time`,
        [{ on: inference(1), do: { hang } }],
        ["Succeeded", 2],
        { attemptTimeout: "300 millis" }
      )
    }

    one("413 - fails the item at once", [{ on: inference(1), do: { status: 413 } }], ["tooLarge", 1])
    one("422 - fails the item at once", [{ on: inference(1), do: { status: 422 } }], ["row", 1])

    rule(
      "a redirect - is not followed",
      [
        {
          on: inference(1),
          do: { status: 307, body: "over there", headers: { location: "http://127.0.0.1:1/" } }
        }
      ],
      Effect.gen(function* () {
        assert.deepStrictEqual(fate(yield* outcomesOf(["w0"])), ["config", 1])
      })
    )

    rule(
      "401 - stops the run, and the endpoint is paused",
      [{ on: inference(3, 1000), do: { status: 401 } }],
      Effect.gen(function* () {
        assert.strictEqual((yield* failureOf(words(10)))._tag, "AccountRefused")
        assert.strictEqual((yield* inferences).length, 3)
      })
    )

    rule(
      "interruption - ends what is in flight, and pauses the endpoint",
      [{ on: inference(1, 1000), do: { hang: "before" } }],
      Effect.gen(function* () {
        const { counts } = yield* Emulator.Emulator
        const progress = Progress.make()
        const fiber = yield* Effect.forkChild(run(words(10), { limit: Limit.fixed(4), progress }))
        yield* world.inTime(
          progress.snapshot.pipe(
            Effect.repeat({ until: ({ inFlight }) => inFlight === 4, schedule: Schedule.spaced("20 millis") })
          )
        )
        // On a socket they are on their way yet; and so is the news that the caller has hung up.
        yield* world.inTime(Effect.sleep("1 second"))
        yield* world.inTime(Fiber.interrupt(fiber))
        const { byStatus } = yield* world.inTime(
          counts.pipe(
            Effect.repeat({
              until: ({ byStatus }) => byStatus["data 499"] === 4,
              schedule: Schedule.spaced("20 millis"),
              times: 250
            })
          )
        )
        assert.strictEqual(byStatus["data 499"], 4)
      })
    )

    rule(
      "a rerun - sends what is left and nothing else",
      [{ on: inference(3), do: { status: 422 } }],
      Effect.gen(function* () {
        const journal = yield* Journal.makeMemory
        yield* outcomesOf(words(10)).pipe(withJournal(journal))
        const again = yield* outcomesOf(words(12)).pipe(withJournal(journal))
        assert.strictEqual(again.filter(({ _tag }) => _tag === "Skipped").length, 9)
        assert.strictEqual((yield* inferences).length, 10 + 3)
      })
    )

    rule(
      "many faults at once - each is paid for once, and no item is lost, doubled or wrong",
      [
        { on: inference(2), do: { status: 500 } },
        { on: inference(4), do: { cutBody: 3 } },
        { on: inference(6), do: { status: 422 } },
        { on: inference(7, 8), do: { status: 429 } },
        { on: inference(10), do: { reset: "after" } },
        { on: inference(12), do: { garbage: true } },
        { on: inference(14), do: { slowBody: { bytes: 2, every: "5 millis" } } },
        { on: inference(16), do: { state: "scaledToZero" } }
      ],
      Effect.gen(function* () {
        const items = words(12)
        const outcomes = yield* world.inTime(
          Effect.provideService(run(items), Retry.CurrentBroken, tries(20))
        )
        assert.deepStrictEqual(new Set(outcomes.map(({ key }) => key)), new Set(items))
        assert.strictEqual(outcomes.length, 12)
        for (const outcome of outcomes) {
          if (outcome._tag === "Succeeded") assert.deepStrictEqual(outcome.output, vectorOf(outcome.key))
        }
        assert.strictEqual(outcomes.filter(({ _tag }) => _tag === "Failed").length, 1)
        // Twelve, and one more for the 500, the cut, the reset and the page, and two for 429.
        assert.strictEqual(
          outcomes.reduce((sum, { attempts }) => sum + attempts, 0),
          12 + 6
        )
      })
    )
  })
}
