/** What a run does about each kind of failure: whose fault it is decides who pays for it. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Limit, type Outcome, Progress, withEndpoint } from "@stint/batch"
import { Emulator } from "@stint/emulator"
import { Clock, Effect, Fiber, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const { job, options, words } = World

type Outcomes = ReadonlyArray<Outcome<string, unknown>>

const stream = (items: ReadonlyArray<string>, more?: Batch.Options) =>
  withEndpoint(options, () => Stream.fromIterable(items).pipe(Batch.stream(job, more), Stream.runCollect))

const outcomesOf = (items: ReadonlyArray<string>, more?: Batch.Options) => World.inTime(stream(items, more))

const only = (outcomes: Outcomes) => {
  assert.strictEqual(outcomes.length, 1)
  const [outcome] = outcomes
  return { tag: outcome?._tag, attempts: outcome?.attempts, millis: outcome?.durationMillis ?? 0 }
}

const reasonOf = (outcomes: Outcomes) =>
  outcomes[0]?._tag === "Failed" ? outcomes[0].error.reason : undefined

/** Fails the first calls with an answer, and then works. */
const failing = (times: number, answer: () => HttpServerResponse.HttpServerResponse) =>
  World.scripted(({ nth, text }) => Effect.succeed(nth < times ? answer() : World.good(text)))

const isInference = ({ method, path }: World.Seen) => method === "POST" && path === "/"

describe("an engine that breaks", () => {
  for (const status of [424, 500]) {
    it.effect(`${status} - three more tries, each counted`, () =>
      Effect.gen(function* () {
        const outcome = only(yield* outcomesOf(["a"]))
        assert.deepInclude(outcome, { tag: "Succeeded", attempts: 4 })
        // Half a second, one and two, jittered by a fifth.
        assert.isAtLeast(outcome.millis, 3500 * 0.8)
        assert.isAtMost(outcome.millis, 3500 * 1.2)
      }).pipe(Effect.provide(World.world({ engine: failing(3, () => World.refusal(status)) })))
    )

    it.effect(`${status} - the fourth failure is the last`, () =>
      Effect.gen(function* () {
        const outcomes = yield* outcomesOf(["a"])
        assert.deepInclude(only(outcomes), { tag: "Failed", attempts: 4 })
        assert.strictEqual(reasonOf(outcomes), "engine")
        assert.strictEqual((yield* World.inferences).length, 4)
      }).pipe(Effect.provide(World.world({ engine: failing(99, () => World.refusal(status)) })))
    )
  }
})

describe("a connection that breaks", () => {
  const connection =
    (tampering: World.Tampering, times: number): World.Tamper =>
    (seen) =>
      isInference(seen) && seen.nth < times ? tampering : undefined

  for (const tampering of ["refused", "lost", "garbled"] as const) {
    it.effect(`${tampering} - is tried again`, () =>
      Effect.gen(function* () {
        assert.deepInclude(only(yield* outcomesOf(["a"])), { tag: "Succeeded", attempts: 4 })
      }).pipe(Effect.provide(World.world({}, connection(tampering, 3))))
    )
  }

  it.effect("for good fails the item as transport", () =>
    Effect.gen(function* () {
      const outcomes = yield* outcomesOf(["a"])
      assert.deepInclude(only(outcomes), { tag: "Failed", attempts: 4 })
      assert.strictEqual(reasonOf(outcomes), "transport")
    }).pipe(Effect.provide(World.world({}, connection("refused", 99))))
  )
})

describe("an engine that is full", () => {
  it.effect("is waited for, however many tries that is", () =>
    Effect.gen(function* () {
      const outcome = only(yield* outcomesOf(["a"]))
      assert.deepInclude(outcome, { tag: "Succeeded", attempts: 13 })
      // Doubling from a quarter of a second to thirty seconds, jittered.
      const sum = [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30].reduce((a, b) => a + b) * 1000
      assert.closeTo(outcome.millis, sum, sum * 0.2)
    }).pipe(Effect.provide(World.world({ engine: failing(12, () => World.refusal(429)) })))
  )

  it.effect("is given up after ten minutes", () =>
    Effect.gen(function* () {
      const outcomes = yield* outcomesOf(["a"])
      const outcome = only(outcomes)
      assert.strictEqual(outcome.tag, "Failed")
      assert.strictEqual(reasonOf(outcomes), "busy")
      assert.isAtLeast(outcome.millis, 9.5 * 60_000)
      assert.isAtMost(outcome.millis, 11 * 60_000)
    }).pipe(Effect.provide(World.world({ engine: failing(999, () => World.refusal(429)) })))
  )

  it.effect("is not asked again before it said", () =>
    Effect.gen(function* () {
      const outcome = only(yield* outcomesOf(["a"]))
      assert.deepInclude(outcome, { tag: "Succeeded", attempts: 3 })
      assert.strictEqual(outcome.millis, 40_000)
    }).pipe(
      Effect.provide(
        World.world({
          engine: failing(2, () => World.refusal(429, { error: "overloaded" }, { "retry-after": "20" }))
        })
      )
    )
  )

  it.effect("an item that waits holds no slot", () => {
    const engine = World.scripted(({ nth, text }) =>
      Effect.succeed(text === "w0" && nth < 8 ? World.refusal(429) : World.good(text))
    )
    return Effect.gen(function* () {
      const outcomes = yield* outcomesOf(words(20), { limit: Limit.fixed(1) })
      assert.strictEqual(outcomes.at(-1)?.key, "w0")
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Succeeded"))
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect("a router's queue that is full is busy, not cold", () =>
    Effect.gen(function* () {
      assert.deepInclude(only(yield* outcomesOf(["a"])), { tag: "Succeeded", attempts: 2 })
    }).pipe(
      Effect.provide(
        World.world({ engine: failing(1, () => World.refusal(503, { error: "queue is full" })) })
      )
    )
  )
})

describe("an input that is wrong", () => {
  const table: ReadonlyArray<readonly [number, string]> = [
    [400, "row"],
    [422, "row"],
    [413, "tooLarge"],
    [405, "config"]
  ]
  for (const [status, reason] of table) {
    it.effect(`${status} - is sent once and never again`, () =>
      Effect.gen(function* () {
        const outcomes = yield* outcomesOf(["a"])
        assert.deepInclude(only(outcomes), { tag: "Failed", attempts: 1 })
        assert.strictEqual(reasonOf(outcomes), reason)
        assert.strictEqual((yield* World.inferences).length, 1)
      }).pipe(Effect.provide(World.world({ engine: failing(99, () => World.refusal(status)) })))
    )
  }
})

describe("an endpoint that goes cold", () => {
  it.effect("closes the gate: nothing is fired while it is away, and no attempt is charged", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const progress = Progress.make()
      const fiber = yield* World.during(stream(words(400), { limit: Limit.fixed(8), progress }), 30)
      // A rolling update: the proxy says 503, the API says so too.
      yield* emulator.setState(World.name, "updating")
      const outage = yield* World.secondsPass(300)
      yield* emulator.setState(World.name, "running")
      const outcomes = yield* World.inTime(Fiber.join(fiber))
      assert.strictEqual(new Set(outcomes.map(({ key }) => key)).size, 400)
      assert.isTrue(outcomes.every(({ _tag, attempts }) => _tag === "Succeeded" && attempts === 1))
      const cold = (yield* World.inferences).filter(({ status }) => status === 503)
      assert.isAtLeast(cold.length, 1)
      // At most what was in flight when it went away finds it closed.
      assert.isAtMost(cold.length, 8)
      assert.strictEqual(progress.faults.get("cold"), cold.length)
      const late = (yield* World.inferences).filter(
        ({ time }) => time > outage.from + 61_000 && time < outage.to
      )
      assert.deepStrictEqual(late, [])
    }).pipe(Effect.provide(World.world({ engine: World.slow("1 second") })))
  )

  it.effect("items that wait for a slot do not fire at the closed gate either", () => {
    // One at a time, so that hundreds wait for the slot while the first finds the endpoint cold.
    let isCold = true
    const engine = World.scripted(({ text }) =>
      Effect.sync(() =>
        isCold ? World.refusal(503, { error: "starting", code: "SERVICE_UNAVAILABLE" }) : World.good(text)
      )
    )
    return Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const fiber = yield* World.during(stream(words(300), { limit: Limit.fixed(1) }), 9)
      assert.strictEqual((yield* World.inferences).length, 0)
      // Ready for a moment, and then it is updated.
      yield* World.secondsPass(4)
      yield* emulator.setState(World.name, "updating")
      yield* World.secondsPass(60)
      const fired = (yield* World.inferences).length
      isCold = false
      yield* emulator.setState(World.name, "running")
      const outcomes = yield* World.inTime(Fiber.join(fiber))
      assert.strictEqual(outcomes.length, 300)
      assert.isAtMost(fired, 11)
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect("scaled to zero is woken, and the run goes on", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const fiber = yield* World.during(stream(words(100), { limit: Limit.fixed(4) }), 15)
      yield* emulator.setState(World.name, "scaledToZero")
      const outcomes = yield* World.inTime(Fiber.join(fiber))
      assert.strictEqual(new Set(outcomes.map(({ key }) => key)).size, 100)
      assert.isTrue(outcomes.every(({ _tag, attempts }) => _tag === "Succeeded" && attempts === 1))
      assert.deepStrictEqual(yield* World.changes, ["create", "pause"])
    }).pipe(Effect.provide(World.world({ engine: World.slow("1 second"), boot: "10 seconds" })))
  )

  it.effect("a replica that goes under many requests at once is one opening, not many", () => {
    // Thirty requests are cut one after the other, while a new replica is there already; answers take two seconds.
    let cuts = 0
    const tamper: World.Tamper = (seen) =>
      isInference(seen) && cuts < 30
        ? World.after(`${100 * cuts++ + 100} millis`, new Response("bad gateway", { status: 502 }))
        : undefined
    return Effect.gen(function* () {
      const outcomes = yield* outcomesOf(words(60), { limit: Limit.fixed(30) })
      assert.isTrue(outcomes.every(({ _tag, attempts }) => _tag === "Succeeded" && attempts === 1))
      assert.strictEqual(outcomes.length, 60)
      const { log } = yield* Emulator.Emulator
      // Once to begin with, and once to open the gate.
      assert.strictEqual((yield* log).filter(({ path }) => path === "/health").length, 2)
    }).pipe(Effect.provide(World.world({ engine: World.slow("2 seconds") }, tamper)))
  })

  it.effect("a short stretch of 502 does not end a run", () => {
    let until = Number.POSITIVE_INFINITY
    const engine = World.scripted(({ text }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (until === Number.POSITIVE_INFINITY) until = now + 5000
        return now < until ? World.refusal(502) : World.good(text)
      })
    )
    return Effect.gen(function* () {
      const outcomes = yield* outcomesOf(words(3))
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Succeeded"))
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect("that comes back again and again and answers nothing is Unstable", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(stream(words(100)))
      assert.strictEqual(error._tag, "Unstable")
      assert.include(error.message, "went away 10 times")
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({ engine: failing(999, () => World.refusal(502)) })))
  )

  it.effect("an answer in between starts the count of openings anew", () => {
    let turn = 0
    const engine = World.scripted(({ text }) =>
      Effect.sync(() => (turn++ % 3 === 0 ? World.good(text) : World.refusal(502)))
    )
    return Effect.gen(function* () {
      const outcomes = yield* outcomesOf(words(40), { limit: Limit.fixed(1) })
      assert.strictEqual(outcomes.length, 40)
    }).pipe(Effect.provide(World.world({ engine })))
  })
})
