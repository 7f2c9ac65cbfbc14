import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { LlamaCpp, WordNetEmbedding } from "@stint/emulator"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"
import { events, lines, metrics } from "./fixture/events.ts"
import { NGram, slow } from "./fixture/textModels.ts"

const modelId = "/repository/model.Q4_K_M.gguf"
const messages = [{ role: "user", content: "What is a dog?" }]
const Timings = Schema.Struct({ prompt_n: Schema.Int, predicted_n: Schema.Int })

layer(NGram.layer)("text", (it) => {
  it.effect("takes any model's name and answers the file's", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(yield* NGram, { modelId })
      for (const model of ["anything", undefined]) {
        const answer = yield* postJson(engine, "/v1/chat/completions", { model, messages, max_tokens: 9 })
        assert.strictEqual(answer.status, 200)
        const body = yield* read(
          Schema.Struct({
            model: Schema.String,
            system_fingerprint: Schema.String,
            usage: Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int }),
            timings: Timings
          })
        )(answer)
        assert.strictEqual(body.model, modelId)
        assert.strictEqual(body.timings.prompt_n, body.usage.prompt_tokens)
        assert.strictEqual(body.timings.predicted_n, body.usage.completion_tokens)
      }
    })
  )

  it.effect("answers its own /completion, whole and streamed", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(yield* NGram, { modelId })
      const body = { prompt: "the act of", n_predict: 12, seed: 4 }
      const whole = yield* Effect.flatMap(
        postJson(engine, "/completion", body),
        read(
          Schema.Struct({
            content: Schema.String,
            stop: Schema.Literal(true),
            stop_type: Schema.String,
            tokens_predicted: Schema.Int,
            tokens_evaluated: Schema.Int
          })
        )
      )
      assert.strictEqual(whole.tokens_evaluated, 3)
      const streamed = yield* postJson(engine, "/completion", { ...body, stream: true })
      const chunks = yield* events(Schema.Struct({ content: Schema.String, stop: Schema.Boolean }))(streamed)
      assert.strictEqual(chunks.map(({ content }) => content).join(""), whole.content)
      assert.deepStrictEqual(
        chunks.map(({ stop }) => stop),
        chunks.map((_, i) => i === chunks.length - 1)
      )
    })
  )

  it.effect("starts a chat's stream with a role and no content", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(yield* NGram)
      const streamed = yield* postJson(engine, "/chat/completions", { messages, stream: true })
      const [first] = yield* events(
        Schema.Struct({ choices: Schema.Array(Schema.Struct({ delta: Schema.Unknown })) })
      )(streamed)
      assert.deepStrictEqual(first?.choices[0]?.delta, { role: "assistant", content: null })
      assert.strictEqual(lines(streamed).at(-1), "[DONE]")
    })
  )

  it.effect("tokenizes, and back, and shows a chat's prompt", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(yield* NGram)
      const { tokens } = yield* Effect.flatMap(
        postJson(engine, "/tokenize", { content: "the dog" }),
        read(Schema.Struct({ tokens: Schema.Array(Schema.Int) }))
      )
      assert.lengthOf(tokens, 2)
      const text = yield* postJson(engine, "/detokenize", { tokens })
      assert.deepStrictEqual(yield* readJson(text), { content: "the dog" })
      const prompt = yield* postJson(engine, "/apply-template", { messages })
      assert.deepStrictEqual(yield* readJson(prompt), { prompt: "What is a dog?\n" })
    })
  )

  it.effect("refuses in its own words", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(slow, { slots: 2, contextSize: 40 })
      const long = yield* postJson(engine, "/v1/completions", { prompt: "a".repeat(30) })
      assert.strictEqual(long.status, 400)
      assert.deepStrictEqual(yield* readJson(long), {
        error: {
          code: 400,
          message: "request (30 tokens) exceeds the available context size (20 tokens), try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 30,
          n_ctx: 20
        }
      })
      const nothing = yield* get(engine, "GET /nothing")
      assert.strictEqual(nothing.status, 404)
      assert.deepStrictEqual(yield* readJson(nothing), {
        error: { code: 404, message: "File Not Found", type: "not_found_error" }
      })
      assert.strictEqual((yield* postJson(engine, "/v1/embeddings", { input: "a" })).status, 501)
      assert.strictEqual((yield* post(engine, "/v1/completions", "{")).status, 500)
      assert.strictEqual((yield* postJson(engine, "/v1/completions", {})).status, 400)
    })
  )
})

describe("slots", () => {
  it.effect("make what finds none free wait", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(slow, { slots: 1 })
      const ask = postJson(engine, "/completion", { prompt: "a", n_predict: 10 })
      const all = yield* Effect.forkChild(Effect.all([ask, ask, ask], { concurrency: "unbounded" }), {
        startImmediately: true
      })
      yield* TestClock.adjust("5 seconds")
      const busy = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual(busy.get("llamacpp:requests_processing"), 1)
      assert.strictEqual(busy.get("llamacpp:requests_deferred"), 2)
      assert.include((yield* get(engine, "GET /slots")).text, `"is_processing":true`)
      yield* TestClock.adjust("25 seconds")
      assert.isTrue((yield* Fiber.join(all)).every(({ status }) => status === 200))
      const idle = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual(idle.get("llamacpp:tokens_predicted_total"), 30)
      assert.strictEqual(idle.get("llamacpp:prompt_tokens_total"), 3)
      assert.strictEqual(idle.get("llamacpp:tokens_predicted_seconds_total"), 27)
      assert.closeTo(idle.get("llamacpp:predicted_tokens_seconds") ?? 0, 30 / 27, 1e-9)
      for (const name of [
        "prompt_seconds_total",
        "n_decode_total",
        "prompt_tokens_seconds",
        "n_busy_slots_per_decode"
      ])
        assert.isDefined(idle.get(`llamacpp:${name}`))
    })
  )

  it.effect("are told, with the server's health and its model", () =>
    Effect.gen(function* () {
      const engine = LlamaCpp.make(slow, { modelId })
      const health = yield* get(engine, "GET /health")
      assert.deepStrictEqual(yield* readJson(health), { status: "ok" })
      assert.include((yield* get(engine, "GET /props")).text, `"total_slots":4`)
      assert.include((yield* get(engine, "GET /v1/models")).text, `"id":"${modelId}"`)
      assert.strictEqual((yield* get(engine, "GET /")).status, 200)
    })
  )
})

layer(NodeServices.layer)("embeddings", (it) => {
  it.effect("answer OpenAI's way and its own", () =>
    Effect.gen(function* () {
      const model = yield* WordNetEmbedding.load()
      const engine = LlamaCpp.embedding(model, { modelId })
      const vector = Array.from(model.embed("a dog").vector)
      const openAi = yield* Effect.flatMap(
        postJson(engine, "/v1/embeddings", { input: "a dog", model: "any" }),
        read(Schema.Struct({ data: Schema.Array(Schema.Struct({ embedding: Schema.Unknown })) }))
      )
      assert.deepStrictEqual(openAi.data, [{ embedding: vector }])
      const own = yield* postJson(engine, "/embedding", { content: "a dog" })
      assert.deepStrictEqual(yield* readJson(own), [{ index: 0, embedding: [vector] }])
      assert.strictEqual((yield* postJson(engine, "/v1/chat/completions", { messages })).status, 501)
    })
  )
})
