import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { call, memory, type Services, spec } from "./harness.ts"

const url = Effect.gen(function* () {
  const { get } = yield* Endpoints.Endpoints
  const endpoint = yield* get("a")
  return endpoint.url ?? (yield* Effect.die("no url yet"))
})

const running = (change: Partial<EndpointSpec.Input> = {}) =>
  Effect.gen(function* () {
    const { create } = yield* Endpoints.Endpoints
    yield* create("a", EndpointSpec.make({ ...spec, ...change }))
    yield* TestClock.adjust("1 minute")
    return yield* url
  })

const state = Effect.flatMap(Endpoints.Endpoints, ({ get }) =>
  Effect.map(get("a"), (endpoint) => endpoint.state)
)

const cold = { status: 503, body: { error: "503 Service Unavailable", code: "SERVICE_UNAVAILABLE" } }
const unauthorized = { status: 401, body: { error: "401 Unauthorized", code: "UNAUTHORIZED" } }
const inputs = { body: { inputs: ["a dog", "a cat", "a mouse"] } }

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () => body.pipe(Effect.provide(memory({ boot: "1 minute", ...options }))))

describe("data plane", () => {
  test(
    "serves the model, and health on the same way",
    Effect.gen(function* () {
      const at = yield* running({ task: "feature-extraction" })
      const { body, status } = yield* call("POST", at, inputs)
      assert.strictEqual(status, 200)
      assert.isArray(body)
      assert.strictEqual(Array.isArray(body) ? body.length : 0, 3)
      assert.strictEqual((yield* call("GET", new URL("/health", at))).status, 200)
    })
  )

  test(
    "an unknown, empty or absent token is 401 on every route, health included",
    Effect.gen(function* () {
      const at = yield* running()
      for (const token of [null, "", "hf_other"]) {
        assert.deepStrictEqual(yield* call("POST", at, { ...inputs, token }), unauthorized)
        assert.deepStrictEqual(yield* call("GET", new URL("/health", at), { token }), unauthorized)
      }
    })
  )

  test(
    "a token that may only manage is 403, one that may only call is served",
    Effect.gen(function* () {
      const at = yield* running()
      assert.deepStrictEqual(yield* call("POST", at, { ...inputs, token: "hf_manage" }), {
        status: 403,
        body: { error: "missing permissions: inference.endpoints.infer.write", code: "FORBIDDEN" }
      })
      assert.strictEqual((yield* call("POST", at, { ...inputs, token: "hf_call" })).status, 200)
    }),
    {
      tokens: [
        { token: "hf_manage", permissions: ["inference.endpoints.write"] },
        { token: "hf_call", permissions: ["inference.endpoints.infer.write"] }
      ]
    }
  )

  test(
    "a public endpoint asks for no token",
    Effect.gen(function* () {
      const at = yield* running({ type: "public" })
      assert.strictEqual((yield* call("POST", at, { ...inputs, token: null })).status, 200)
    })
  )

  test(
    "paused is 400, and stays paused",
    Effect.gen(function* () {
      const { pause } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* pause("a")
      const body = {
        error: "Bad Request: The endpoint is paused, ask a maintainer to restart it",
        code: "BAD_REQUEST"
      }
      const patient = { ...inputs, headers: { "x-scale-up-timeout": "600" } }
      assert.deepStrictEqual(yield* call("POST", at, inputs), { status: 400, body })
      assert.deepStrictEqual(yield* call("POST", at, patient), { status: 400, body })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* state, "paused")
    })
  )

  test(
    "scaled to zero is 503 at once, and wakes on an authorised request only",
    Effect.gen(function* () {
      const { scaleToZero } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* scaleToZero("a")
      assert.deepStrictEqual(yield* call("POST", at, { ...inputs, token: null }), unauthorized)
      assert.deepStrictEqual(yield* call("POST", at, { ...inputs, token: "hf_other" }), unauthorized)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* state, "scaledToZero")
      assert.deepStrictEqual(yield* call("POST", at, inputs), cold)
      assert.strictEqual(yield* state, "initializing")
      assert.deepStrictEqual(yield* call("POST", at, inputs), cold)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* state, "running")
      assert.strictEqual((yield* call("POST", at, inputs)).status, 200)
    })
  )

  test(
    "X-Scale-Up-Timeout holds requests until it runs",
    Effect.gen(function* () {
      const { scaleToZero } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* scaleToZero("a")
      const patient = { ...inputs, headers: { "x-scale-up-timeout": "600" } }
      const calls = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 5 }, () => call("POST", at, patient)),
          { concurrency: 5 }
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("44999 millis")
      assert.isUndefined(calls.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        (yield* Fiber.join(calls)).map(({ status }) => status),
        [200, 200, 200, 200, 200]
      )
    })
  )

  test(
    "X-Scale-Up-Timeout that is too short is 503 in the end",
    Effect.gen(function* () {
      const { scaleToZero } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* scaleToZero("a")
      const short = { ...inputs, headers: { "x-scale-up-timeout": "30" } }
      const answer = yield* Effect.forkChild(call("POST", at, short), { startImmediately: true })
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(answer), cold)
    })
  )

  test(
    "a held request hears of a pause, of a failure and of a deletion at once",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      const at = yield* running()
      const patient = { ...inputs, headers: { "x-scale-up-timeout": "600" } }
      const during = (change: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function* () {
          yield* emulator.setState("a", "scaledToZero")
          const answer = yield* Effect.forkChild(call("POST", at, patient), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          yield* change
          return (yield* Fiber.join(answer)).status
        })
      assert.strictEqual(yield* during(endpoints.pause("a")), 400)
      assert.strictEqual(yield* during(emulator.setState("a", "failed")), 503)
      assert.strictEqual(yield* during(endpoints.delete("a")), 404)
    })
  )

  test(
    "answers 503 while an update rolls",
    Effect.gen(function* () {
      const { update } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* update("a", { env: { A: "1" } })
      assert.deepStrictEqual(yield* call("POST", at, inputs), cold)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* call("POST", at, inputs)).status, 200)
    })
  )

  test(
    "an authorised request restarts the idle timer and is remembered; another is not",
    Effect.gen(function* () {
      const { get } = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* TestClock.adjust("10 minutes")
      yield* call("POST", at, { ...inputs, token: null })
      assert.isNull((yield* get("a")).status.lastUsedAt)
      yield* call("POST", at, inputs)
      assert.isString((yield* get("a")).status.lastUsedAt)
      yield* TestClock.adjust("14 minutes")
      assert.strictEqual(yield* state, "running")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* state, "scaledToZero")
    })
  )

  test(
    "a host that nobody serves is refused like a connection, a deleted endpoint's too",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      const at = yield* running()
      yield* endpoints.delete("a")
      for (const host of [at, "http://api.endpoints.huggingface.cloud/v2", `https://${at.host}`]) {
        const error = yield* Effect.flip(call("GET", host))
        assert.strictEqual(error._tag, "HttpClientError")
        assert.strictEqual(error._tag === "HttpClientError" && error.reason._tag, "TransportError")
      }
    })
  )

  test(
    "the engine follows the task and the image, not the repository's name",
    Effect.gen(function* () {
      const tei = { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8" } }
      const at = yield* running({ repository: "acme/x", task: "sentence-similarity", image: tei })
      assert.strictEqual((yield* call("GET", new URL("/info", at))).status, 200)
      const { body, status } = yield* call("POST", new URL("/embed", at), { body: { inputs: "a dog" } })
      assert.strictEqual(status, 200)
      assert.isTrue(Array.isArray(body))
    })
  )

  test(
    "TEI's batch limit is that of the environment",
    Effect.gen(function* () {
      const tei = { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8" } }
      const at = yield* running({ image: tei, env: { MAX_CLIENT_BATCH_SIZE: "4" } })
      const send = (length: number) =>
        call("POST", new URL("/embed", at), { body: { inputs: Array.from({ length }, () => "x") } })
      assert.deepStrictEqual([(yield* send(4)).status, (yield* send(5)).status], [200, 413])
    })
  )

  test(
    "says plainly that it has no engine for a task",
    Effect.gen(function* () {
      const at = yield* running({ task: "object-detection" })
      assert.strictEqual((yield* call("GET", new URL("/health", at))).status, 200)
      assert.deepStrictEqual(yield* call("POST", at, inputs), {
        status: 501,
        body: { error: 'this emulator has no engine for the task "object-detection" yet' }
      })
    })
  )
})
