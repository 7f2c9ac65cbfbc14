import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { Vllm, WordNetEmbedding } from "@stint/emulator"
import { Context, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { get, postJson, read, readJson } from "./fixture/ask.ts"
import { metrics } from "./fixture/events.ts"
import { NGram, slow } from "./fixture/textModels.ts"

const readChat = read(
  Schema.Struct({
    usage: Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int })
  })
)
const modelId = "meta-llama/Llama-3.2-1B"
const messages = [{ role: "user", content: "What is a dog?" }]

describe("the queue", () => {
  it.effect("lets what finds no place wait, in order, and never says 429", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(slow, { modelId, maxNumSeqs: 2 })
      const finished: Array<number> = []
      const ask = (number: number) =>
        Effect.tap(
          postJson(engine, "/v1/completions", { prompt: "a", max_tokens: 10 }),
          Effect.sync(() => finished.push(number))
        )
      const all = yield* Effect.forkChild(
        Effect.forEach([0, 1, 2, 3, 4, 5], ask, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("5 seconds")
      const busy = yield* get(engine, "GET /metrics")
      assert.strictEqual(metrics(busy).get("vllm:num_requests_running"), 2)
      assert.strictEqual(metrics(busy).get("vllm:num_requests_waiting"), 4)
      yield* TestClock.adjust("25 seconds")
      const answers = yield* Fiber.join(all)
      assert.isTrue(answers.every(({ status }) => status === 200))
      assert.deepStrictEqual(
        finished.map((number) => Math.floor(number / 2)),
        [0, 0, 1, 1, 2, 2]
      )
      const idle = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual(idle.get("vllm:num_requests_running"), 0)
      assert.strictEqual(idle.get("vllm:num_requests_waiting"), 0)
      assert.strictEqual(idle.get("vllm:request_queue_time_seconds_sum"), 60)
    })
  )

  it.effect("forgets whoever goes away, waiting or running", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(slow, { modelId, maxNumSeqs: 1 })
      const ask = postJson(engine, "/v1/completions", { prompt: "a", max_tokens: 10 })
      const [running, waiting] = [
        yield* Effect.forkChild(ask, { startImmediately: true }),
        yield* Effect.forkChild(ask, { startImmediately: true })
      ]
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(running)
      const counted = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual(counted.get("vllm:num_requests_running"), 0)
      assert.strictEqual(counted.get("vllm:num_requests_waiting"), 0)
      const next = yield* Effect.forkChild(ask, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(next)).status, 200)
    })
  )
})

layer(NGram.layer)("the other routes", (it) => {
  it.effect("name the model, the release and the tokens", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const engine = Vllm.make(model, { modelId, maxModelLength: 512 })
      const models = yield* Effect.flatMap(
        get(engine, "GET /v1/models"),
        read(
          Schema.Struct({
            object: Schema.Literal("list"),
            data: Schema.Array(
              Schema.Struct({ id: Schema.String, owned_by: Schema.String, max_model_len: Schema.Int })
            )
          })
        )
      )
      assert.deepStrictEqual(models.data, [{ id: modelId, owned_by: "vllm", max_model_len: 512 }])
      assert.match((yield* get(engine, "GET /version")).text, /^\{"version":"\d+\.\d+\.\d+"\}$/)
      assert.strictEqual((yield* get(engine, "GET /health")).status, 200)
      const tokens = yield* Effect.flatMap(
        postJson(engine, "/tokenize", { model: modelId, prompt: "the dog" }),
        read(
          Schema.Struct({
            count: Schema.Int,
            max_model_len: Schema.Int,
            tokens: Schema.Array(Schema.Int)
          })
        )
      )
      assert.deepStrictEqual(tokens, {
        count: 2,
        max_model_len: 512,
        tokens: model.tokenize("the dog").map(({ id }) => id)
      })
      const text = yield* postJson(engine, "/detokenize", { tokens: tokens.tokens })
      assert.deepStrictEqual(yield* readJson(text), { prompt: "the dog" })
    })
  )

  it.effect("give metrics under vLLM's names, and under SGLang's", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const { usage } = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", { messages, max_tokens: 20 }),
        readChat
      )
      const answer = yield* get(engine, "GET /metrics")
      assert.match(answer.headers["content-type"] ?? "", /^text\/plain; version=0\.0\.4/)
      const counted = metrics(answer)
      assert.strictEqual(counted.get("vllm:prompt_tokens_total"), usage.prompt_tokens)
      assert.strictEqual(counted.get("vllm:generation_tokens_total"), usage.completion_tokens)
      assert.strictEqual(counted.get("vllm:request_success_total"), 1)
      assert.strictEqual(counted.get("vllm:num_preemptions_total"), 0)
      assert.strictEqual(counted.get("vllm:kv_cache_usage_perc"), 0)
      assert.strictEqual(counted.get("vllm:e2e_request_latency_seconds_count"), 1)
      assert.include(answer.text, `vllm:num_requests_running{engine="0",model_name="${modelId}"} 0\n`)
      assert.include(answer.text, "# TYPE vllm:num_requests_running gauge\n")
      const sgLang = Vllm.make(yield* NGram, { modelId, flavor: "sGLang" })
      const other = metrics(yield* get(sgLang, "GET /metrics"))
      assert.strictEqual(other.get("sglang:num_running_reqs"), 0)
      assert.strictEqual(other.get("sglang:num_queue_reqs"), 0)
    })
  )
})

class Embedding extends Context.Service<Embedding, WordNetEmbedding.WordNetEmbedding>()("test/Embedding") {}
const EmbeddingLayer = Layer.effect(Embedding, WordNetEmbedding.load()).pipe(
  Layer.provide(NodeServices.layer)
)

layer(EmbeddingLayer)("embeddings", (it) => {
  it.effect("are the model's, under its name only", () =>
    Effect.gen(function* () {
      const model = yield* Embedding
      const engine = Vllm.embedding(model, { modelId })
      const answer = yield* postJson(engine, "/v1/embeddings", { model: modelId, input: ["a dog"] })
      const body = yield* read(
        Schema.Struct({
          model: Schema.String,
          data: Schema.Array(Schema.Struct({ embedding: Schema.Array(Schema.Finite) }))
        })
      )(answer)
      assert.deepStrictEqual(body, {
        model: modelId,
        data: [{ embedding: Array.from(model.embed("a dog").vector) }]
      })
      const wrong = yield* postJson(engine, "/v1/embeddings", { model: "x", input: "a" })
      assert.strictEqual(wrong.status, 404)
      const chat = yield* postJson(engine, "/v1/chat/completions", { messages })
      assert.strictEqual(chat.status, 400)
      const long = yield* postJson(engine, "/v1/embeddings", { input: "dog ".repeat(600) })
      assert.strictEqual(long.status, 400)
    })
  )
})
