import { assert, describe, it } from "@effect/vitest"
import { GpuModel, SimulatedLlm, Tgi, Vllm } from "@stint/emulator"
import { Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { get, postJson, read, settle } from "./fixture/ask.ts"
import { events, lines, metrics } from "./fixture/events.ts"

const Completion = Schema.Struct({
  choices: Schema.Array(Schema.Struct({ text: Schema.String, finish_reason: Schema.String })),
  usage: Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int })
})
const readCompletion = read(Completion)
const prompt = "x".repeat(3924) // 981 tokens of four bytes

const make = (options: Omit<SimulatedLlm.Options, "gpu"> = {}, gpu = GpuModel.a10g) =>
  Effect.map(GpuModel.make(gpu), (gpu) => SimulatedLlm.make({ gpu, ...options }))

describe("a simulated model", () => {
  it.effect("takes the GPU's time, and says that it is simulated", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* make())
      assert.strictEqual(engine.name, "simulated-a10g")
      const fiber = yield* Effect.forkChild(
        postJson(engine, "/v1/completions", { prompt, max_tokens: 238 }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("4820 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 millis")
      const answer = yield* Fiber.join(fiber)
      assert.strictEqual(answer.headers["x-stint-simulated"], "simulated-a10g")
      const { choices, usage } = yield* readCompletion(answer)
      assert.deepStrictEqual(usage, { prompt_tokens: 981, completion_tokens: 238 })
      assert.strictEqual(choices[0]?.finish_reason, "length")
      assert.include(choices[0]?.text ?? "", "no model was run")
    })
  )

  it.effect("streams a token a step, as many as the whole has", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* make())
      const answer = yield* settle(
        postJson(engine, "/v1/completions", { prompt: "abcd", max_tokens: 30, stream: true })
      )
      const chunks = yield* events(
        Schema.Struct({ choices: Schema.Array(Schema.Struct({ text: Schema.String })) })
      )(answer)
      assert.lengthOf(chunks, 30)
      assert.strictEqual(lines(answer).at(-1), "[DONE]")
    })
  )

  it.effect("draws lengths that only seed and prompt decide", () =>
    Effect.gen(function* () {
      const model = yield* make({ output: { median: 180, sigma: 0.8 } })
      const length = (prompt: string, seed?: number) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(
            Stream.runCollect(model.generate(prompt, { maxTokens: 1024, seed, streaming: false })),
            { startImmediately: true }
          )
          yield* TestClock.adjust("1 minute")
          return (yield* Fiber.join(fiber)).length
        })
      assert.strictEqual(yield* length("a"), yield* length("a"))
      const lengths = yield* Effect.forEach(
        Array.from({ length: 400 }, (_, i) => i),
        (seed) => length("a", seed)
      )
      const sorted = lengths.toSorted((a, b) => a - b)
      assert.closeTo(sorted[200] ?? 0, 180, 25)
      assert.isAbove(sorted[390] ?? 0, 600)
    })
  )

  it.effect("tokenizes four bytes at a time, and back", () =>
    Effect.gen(function* () {
      const model = yield* make()
      const text = "Grüße aus 東京!"
      const pieces = model.tokenize(text)
      assert.strictEqual(pieces.length, model.countTokens(text))
      assert.strictEqual(model.detokenize(pieces.map(({ id }) => id)), text)
    })
  )
})

describe("its queue", () => {
  it.effect("is told by vLLM's metrics: who runs, who waits, memory, preemptions", () =>
    Effect.gen(function* () {
      const gpu = { ...GpuModel.a10g, cacheTokens: 20_000 }
      const engine = Vllm.make(yield* make({}, gpu))
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 40 }, () => postJson(engine, "/v1/completions", { prompt, max_tokens: 238 })),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("4 seconds")
      const busy = metrics(yield* get(engine, "GET /metrics"))
      const running = busy.get("vllm:num_requests_running") ?? 0
      assert.isAbove(running, 10)
      assert.strictEqual(running + (busy.get("vllm:num_requests_waiting") ?? 0), 40)
      assert.isAbove(busy.get("vllm:kv_cache_usage_perc") ?? 0, 0.8)
      yield* TestClock.adjust("10 minutes")
      assert.isTrue((yield* Fiber.join(all)).every(({ status }) => status === 200))
      const idle = metrics(yield* get(engine, "GET /metrics"))
      assert.isAbove(idle.get("vllm:num_preemptions_total") ?? 0, 0)
      assert.strictEqual(idle.get("vllm:generation_tokens_total"), 40 * 238)
      assert.strictEqual(idle.get("vllm:kv_cache_usage_perc"), 0)
    })
  )

  it.effect("is told by TGI's, which refuses what is over 128 and tells of the simulation", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* make())
      const ask = postJson(engine, "/generate", { inputs: prompt, parameters: { max_new_tokens: 238 } })
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 200 }, () => ask),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("5 seconds")
      const busy = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual((busy.get("tgi_batch_current_size") ?? 0) + (busy.get("tgi_queue_size") ?? 0), 128)
      assert.isAbove(busy.get("tgi_queue_size") ?? 0, 20)
      yield* TestClock.adjust("10 minutes")
      const statuses = (yield* Fiber.join(all)).map(({ status }) => status)
      assert.strictEqual(statuses.filter((status) => status === 429).length, 72)
      assert.include((yield* get(engine, "GET /info")).text, `"simulated":true`)
    })
  )

  it.effect("serves thousands of requests in a moment of real time", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* make({ output: { median: 180, sigma: 0.8 } }, GpuModel.h200))
      const all = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 2000 }, (_, i) => i),
          (seed) => postJson(engine, "/v1/completions", { prompt: "a prompt", max_tokens: 1024, seed }),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 hour")
      assert.isTrue((yield* Fiber.join(all)).every(({ status }) => status === 200))
    })
  )
})
