import { assert, describe, it } from "@effect/vitest"
import { CurrentEndpoint, Limit } from "@stint/batch"
import { Endpoint } from "@stint/core"
import { Clock, Effect, Fiber, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"

interface Told {
  readonly image?: Schema.Json
  readonly args?: ReadonlyArray<string>
  readonly env?: Record<string, string>
  readonly replicas?: number
  readonly maxReplica?: number
  /** What the endpoint answers, by path; anything else is 404. */
  readonly answers?: Record<string, () => Response | "silence">
  /** How many replicas are ready when somebody asks again. */
  readonly later?: () => number
}

const json = (told: Told, readyReplica: number) => ({
  name: "e",
  status: { state: "running", url: "http://e.test", readyReplica },
  compute: { scaling: { maxReplica: told.maxReplica ?? 4 } },
  model: { image: told.image ?? { huggingface: {} }, args: told.args ?? [], env: told.env ?? {} }
})

/** An endpoint that is held, and what was asked of it. */
const held = (told: Told = {}) => {
  const asked: Array<string> = []
  let reads = 0
  const client = HttpClient.make((request) => {
    const path = new URL(request.url).pathname
    asked.push(path)
    const answer = told.answers?.[path]?.() ?? new Response("", { status: 404 })
    return answer === "silence" ? Effect.never : Effect.succeed(HttpClientResponse.fromWeb(request, answer))
  }).pipe(HttpClient.mapRequest(HttpClientRequest.prependUrl("http://e.test")))
  const layer = Layer.unwrap(
    Effect.map(Endpoint.fromJson(json(told, told.replicas ?? 1)), (endpoint) =>
      Layer.mock(CurrentEndpoint, {
        endpoint,
        url: new URL("http://e.test"),
        acquisition: "Created",
        client,
        conceal: (text) => text,
        read: Effect.suspend(() => {
          reads++
          return Effect.orDie(Endpoint.fromJson(json(told, told.later?.() ?? told.replicas ?? 1)))
        })
      })
    )
  ).pipe(Layer.orDie)
  return { asked, layer, reads: () => reads }
}

/** A controller on such an endpoint. */
const on = <A, E>(
  told: Told,
  limit: Limit.Limit,
  use: (
    controller: Limit.Controller,
    more: {
      readonly asked: ReadonlyArray<string>
      readonly reads: () => number
      readonly grown: () => number
    }
  ) => Effect.Effect<A, E>
) => {
  const { asked, layer, reads } = held(told)
  let grown = 0
  return limit
    .make(() => {
      grown++
    })
    .pipe(
      Effect.flatMap((controller) => use(controller, { asked, reads, grown: () => grown })),
      Effect.scoped,
      Effect.provide(layer)
    )
}

const seedOf = (told: Told, limit = Limit.adaptive()) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      on(told, limit, (controller) => Effect.sync(controller.current)),
      { startImmediately: true }
    )
    yield* TestClock.adjust("10 seconds")
    return yield* Fiber.join(fiber)
  })

const metrics = (running: number, waiting: number) => () =>
  new Response(
    `vllm:num_requests_running{engine="0"} ${running}\nvllm:num_requests_waiting{engine="0"} ${waiting}\n`
  )

/** Lets seconds pass, each with what happens in it: bodies are read by promises. */
const pass = Effect.fnUntraced(function* (seconds: number) {
  const settle = Effect.repeat(Effect.yieldNow, { times: 12 })
  yield* settle
  for (let second = 0; second < seconds; second++) {
    yield* TestClock.adjust("1 second")
    yield* settle
  }
})

const answered = (controller: Limit.Controller, at: number, inFlight = controller.current()) =>
  controller.onSample({
    reason: undefined,
    at,
    durationMillis: 1000,
    inFlight,
    outputTokens: 100,
    isSaturated: true
  })

describe("fixed", () => {
  it.effect.prop(
    "is so many, whatever happens",
    { max: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })) },
    ({ max }) =>
      on({}, Limit.fixed(max), (controller) =>
        Effect.sync(() => {
          answered(controller, 1)
          controller.onReopened()
          assert.strictEqual(controller.current(), max)
          assert.strictEqual(Limit.fixed(max).max, max)
        })
      ),
    { arbitrary: { runs: 20 } }
  )

  for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 100_001]) {
    it(`refuses ${wrong}`, () => assert.throws(() => Limit.fixed(wrong)))
  }
})

describe("adaptive: with how many it begins", () => {
  const tgi = { image: { tgi: { url: "x" } } }
  const info = (max_concurrent_requests: unknown) => ({
    "/info": () => Response.json({ max_concurrent_requests })
  })
  const cases: ReadonlyArray<readonly [string, Told, number]> = [
    ["64 a replica", {}, 64],
    ["64 for each of three replicas", { replicas: 3 }, 192],
    ["64 when no replica is counted", { replicas: 0 }, 64],
    ["more where the engine queues", { image: { vLLM: { url: "x" } } }, 192],
    ["the engine's own number", { ...tgi, answers: info(100) }, 100],
    ["the engine's own number for each replica", { ...tgi, replicas: 2, answers: info(100) }, 200],
    [
      "the container's setting where the engine is silent",
      { ...tgi, env: { MAX_CONCURRENT_REQUESTS: "48" } },
      48
    ],
    ["64 where the engine makes no sense", { ...tgi, answers: info("many") }, 64],
    ["64 where the engine never answers", { ...tgi, answers: { "/info": () => "silence" } }, 64],
    ["vLLM's argument", { image: { vLLM: { url: "x" } }, args: ["--max-num-seqs", "32"] }, 32],
    ["vLLM's argument in one word", { image: { vLLM: { url: "x" } }, args: ["--max-num-seqs=48"] }, 48],
    [
      "not all that vLLM's argument allows",
      { image: { vLLM: { url: "x" } }, args: ["--max-num-seqs=4096"] },
      256
    ],
    ["twice the slots of llama.cpp", { image: { llamacpp: { url: "x", nParallel: 4 } } }, 8]
  ]
  for (const [rule, told, expected] of cases) {
    it.effect(rule, () => Effect.map(seedOf(told), (seed) => assert.strictEqual(seed, expected)))
  }

  it.effect("what it is told wins", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* seedOf({ ...tgi, answers: info(100) }, Limit.adaptive({ initial: 7 })), 7)
      assert.strictEqual(yield* seedOf({}, Limit.adaptive({ max: 5 })), 5)
      assert.strictEqual(Limit.adaptive({ initial: 5000 }).max, 5000)
    })
  )

  for (const wrong of [{ initial: 0 }, { max: 0 }, { max: 1.5 }, { initial: 100_001 }]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => assert.throws(() => Limit.adaptive(wrong)))
  }
})

describe("adaptive: what it looks at", () => {
  it.effect("lets waiting rows in when the engine's numbers make room", () =>
    on({ answers: { "/metrics": metrics(64, 0) } }, Limit.adaptive(), (controller, { grown }) =>
      Effect.gen(function* () {
        answered(controller, 0)
        yield* pass(1)
        assert.isAbove(controller.current(), 90)
        assert.strictEqual(grown(), 1)
      })
    )
  )

  it.effect("asks once where there are no metrics", () =>
    on({}, Limit.adaptive(), (_, { asked }) =>
      Effect.gen(function* () {
        yield* pass(50)
        assert.deepStrictEqual(asked, ["/metrics"])
      })
    )
  )

  it.effect("asks once where they cannot be read", () =>
    on({ answers: { "/metrics": () => new Response("Ok") } }, Limit.adaptive(), (_, { asked }) =>
      Effect.gen(function* () {
        yield* pass(50)
        assert.strictEqual(asked.length, 1)
      })
    )
  )

  it.effect("asks seldom where they fail or hang", () =>
    Effect.gen(function* () {
      for (const answer of [() => new Response("", { status: 503 }), () => "silence" as const]) {
        yield* on({ answers: { "/metrics": answer } }, Limit.adaptive(), (controller, { asked }) =>
          Effect.gen(function* () {
            for (let minute = 0; minute < 10; minute++) {
              answered(controller, yield* Clock.currentTimeMillis)
              yield* pass(60)
            }
            assert.isBelow(asked.length, 20)
            assert.isAbove(asked.length, 5)
          })
        )
      }
    })
  )

  it.effect("asks nothing while nothing is answered: a question would wake an endpoint that sleeps", () =>
    on({ answers: { "/metrics": metrics(1, 0) } }, Limit.adaptive(), (_, { asked }) =>
      Effect.gen(function* () {
        yield* pass(120)
        const before = asked.length
        yield* pass(600)
        assert.strictEqual(asked.length, before)
      })
    )
  )

  it.effect("asks nothing when it is told not to", () =>
    on({ answers: { "/metrics": metrics(1, 0) } }, Limit.adaptive({ metrics: false }), (_, { asked }) =>
      Effect.gen(function* () {
        yield* pass(60)
        assert.deepStrictEqual(asked, [])
      })
    )
  )

  it.effect("follows the replicas", () => {
    let replicas = 2
    const told = { replicas, later: () => replicas }
    return on(told, Limit.adaptive(), (controller, { grown, reads }) =>
      Effect.gen(function* () {
        replicas = 4
        yield* pass(15)
        assert.strictEqual(controller.current(), 256)
        assert.strictEqual(grown(), 1)
        replicas = 1
        yield* pass(15)
        assert.strictEqual(controller.current(), 64)
        assert.strictEqual(grown(), 1)
        replicas = 0
        yield* pass(15)
        assert.strictEqual(controller.current(), 64)
        assert.strictEqual(reads(), 3)
      })
    )
  })

  it.effect("asks for replicas seldom where there can be one alone", () =>
    on({ maxReplica: 1 }, Limit.adaptive(), (_, { reads }) =>
      Effect.gen(function* () {
        yield* pass(300)
        assert.strictEqual(reads(), 5)
      })
    )
  )
})

describe("rate", () => {
  const when = Effect.fnUntraced(function* (limit: Limit.Limit, requests: ReadonlyArray<number>) {
    const went: Array<number> = []
    yield* on({}, limit, (controller) =>
      Effect.gen(function* () {
        const from = yield* Clock.currentTimeMillis
        yield* Effect.forEach(
          requests,
          (tokens) =>
            Effect.gen(function* () {
              yield* controller.pace?.(tokens) ?? Effect.void
              went.push((yield* Clock.currentTimeMillis) - from)
            }),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkScoped)
        yield* TestClock.adjust("2 hours")
      }).pipe(Effect.scoped)
    )
    return went
  })

  it.effect("lets five seconds' worth go at once, and the others one by one", () =>
    Effect.gen(function* () {
      const went = yield* when(
        Limit.rate({ requestsPerMinute: 60 }),
        Array.from({ length: 8 }, () => 1)
      )
      assert.deepStrictEqual(went, [0, 0, 0, 0, 0, 1000, 2000, 3000])
    })
  )

  it.effect("paces by tokens as well, whichever is scarcer", () =>
    Effect.gen(function* () {
      const limit = Limit.rate({ requestsPerMinute: 6000, tokensPerMinute: 60_000 })
      assert.deepStrictEqual(yield* when(limit, [5000, 1000, 2000, 10]), [0, 1000, 3000, 3010])
    })
  )

  const Tokens = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 })))
  it.effect.prop(
    "never lets more go in any time than the rate and its burst",
    { requests: Tokens.check(Schema.isMaxLength(60)) },
    ({ requests }) =>
      Effect.gen(function* () {
        const went = yield* when(Limit.rate({ tokensPerMinute: 60_000 }), requests)
        assert.strictEqual(went.length, requests.length)
        let sum = 0
        for (const [index, at] of went.entries()) {
          sum += requests[index] ?? 0
          assert.isAtMost(sum, at + 5000 + 1e-6)
        }
      }),
    { arbitrary: { runs: 30 } }
  )

  it.effect("charges what was used instead of the estimate", () =>
    on({}, Limit.rate({ tokensPerMinute: 60_000 }), (controller) =>
      Effect.gen(function* () {
        const went = Effect.fnUntraced(function* (tokens: number) {
          const from = yield* Clock.currentTimeMillis
          const fiber = yield* Effect.forkChild(
            Effect.andThen(controller.pace?.(tokens) ?? Effect.void, Clock.currentTimeMillis),
            { startImmediately: true }
          )
          yield* TestClock.adjust("1 minute")
          return (yield* Fiber.join(fiber)) - from
        })
        assert.strictEqual(yield* went(5000), 0)
        controller.settle?.(5000, 25_000)
        assert.strictEqual(yield* went(0), 15_000)
        controller.settle?.(0, 10_000)
        assert.strictEqual(yield* went(1000), 6000)
      })
    )
  )

  it.effect("leaves the turn of who is interrupted to the others", () =>
    on({}, Limit.rate({ requestsPerMinute: 12 }), (controller) =>
      Effect.gen(function* () {
        const pace = controller.pace?.(1) ?? Effect.void
        yield* pace
        const second = yield* Effect.forkChild(pace, { startImmediately: true })
        yield* Fiber.interrupt(second)
        const third = yield* Effect.forkChild(pace, { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.isDefined(third.pollUnsafe())
      })
    )
  )

  it.effect("asks a limit within whose members are methods of a class", () => {
    class Counting implements Limit.Controller {
      private seen = 1
      current() {
        return this.seen
      }
      onSample() {
        this.seen++
      }
      onReopened() {
        this.seen = 1
      }
      describe() {
        return { limit: this.seen, ceiling: undefined, source: "counting" }
      }
    }
    const within: Limit.Limit = { max: 9, make: () => Effect.succeed(new Counting()) }
    return on({}, Limit.rate({ requestsPerMinute: 60, within }), (controller) =>
      Effect.sync(() => {
        controller.onSample({
          reason: undefined,
          at: 0,
          durationMillis: 0,
          inFlight: 1,
          outputTokens: undefined,
          isSaturated: true
        })
        assert.strictEqual(controller.current(), 2)
        assert.strictEqual(controller.describe?.().source, "counting")
        controller.onReopened()
        assert.strictEqual(controller.current(), 1)
      })
    )
  })

  it.effect("bounds what is in flight by the limit within", () =>
    on({}, Limit.rate({ requestsPerMinute: 1, within: Limit.fixed(3) }), (controller) =>
      Effect.sync(() => assert.strictEqual(controller.current(), 3))
    )
  )

  for (const wrong of [
    {},
    { requestsPerMinute: 0 },
    { tokensPerMinute: -1 },
    { tokensPerMinute: Infinity }
  ]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => assert.throws(() => Limit.rate(wrong)))
  }
})

describe("standard", () => {
  it.effect("is adaptive, from 64", () =>
    Effect.map(seedOf({}, Limit.standard), (seed) => {
      assert.strictEqual(seed, 64)
      assert.strictEqual(Limit.standard.max, 4096)
    })
  )
})
