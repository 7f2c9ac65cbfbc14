/** Which engine an endpoint gets, told by what it answers. */
import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Effect, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { send } from "./fixture/text.ts"
import { at, call, createBody, manage, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory())))

const running = (model: Record<string, Schema.Json>) =>
  Effect.gen(function* () {
    const { get } = yield* Endpoints.Endpoints
    const created = yield* manage("POST", "emulator", {
      body: createBody("a", { model: { repository: "acme/secret", ...model } })
    })
    assert.strictEqual(created.status, 200)
    yield* TestClock.adjust("1 minute")
    return (yield* get("a")).url ?? (yield* Effect.die("no url yet"))
  })

const chat = (url: URL, model: string) =>
  call("POST", new URL("/v1/chat/completions", url), {
    body: { model, messages: [{ role: "user", content: "a dog" }], max_tokens: 4 }
  })

const url = "x"
const text = { task: "text-generation" }

describe("an endpoint that generates text", () => {
  for (const [variant, fields] of [
    ["tgi", {}],
    ["tgiNeuron", {}],
    ["custom", { url: "ghcr.io/huggingface/text-generation-inference:3.3.6" }]
  ] as const)
    test(
      `speaks TGI behind ${variant}, to whatever model it is called`,
      Effect.gen(function* () {
        const address = yield* running({ ...text, image: { [variant]: { url, ...fields } } })
        const { body, status } = yield* call("POST", new URL("/generate", address), {
          body: { inputs: "a dog", parameters: { max_new_tokens: 4 } }
        })
        assert.strictEqual(status, 200)
        assert.isString(at(body, "generated_text"))
        assert.strictEqual((yield* chat(address, "tgi")).status, 200)
      })
    )

  for (const [variant, fields] of [
    ["vLLM", {}],
    ["sGLang", {}],
    ["hfServe", {}],
    ["custom", { url: "vllm/vllm-openai:latest" }]
  ] as const)
    test(
      `speaks OpenAI's protocol behind ${variant}, to its repository's name only`,
      Effect.gen(function* () {
        const address = yield* running({ ...text, image: { [variant]: { url, ...fields } } })
        assert.strictEqual((yield* chat(address, "acme/secret")).status, 200)
        assert.strictEqual((yield* chat(address, "dummy")).status, 404)
      })
    )

  test(
    "speaks llama.cpp's protocol behind llamacpp",
    Effect.gen(function* () {
      const address = yield* running({ ...text, image: { llamacpp: { url, modelPath: "m.gguf" } } })
      const { body, status } = yield* chat(address, "anything")
      assert.strictEqual(status, 200)
      assert.strictEqual(at(body, "model"), "/repository/m.gguf")
    })
  )

  test(
    "speaks the toolkit's protocol behind huggingface",
    Effect.gen(function* () {
      const address = yield* running({ ...text, image: { huggingface: {} } })
      const { body, status } = yield* call("POST", address, { body: { inputs: "a dog" } })
      assert.strictEqual(status, 200)
      assert.isString(at(Array.isArray(body) ? (body[0] ?? null) : null, "generated_text"))
    })
  )

  test(
    "keeps to the limits of its image and environment",
    Effect.gen(function* () {
      const address = yield* running({
        ...text,
        image: { tgi: { url, maxInputLength: 3, maxTotalTokens: 8 } }
      })
      const { body, status } = yield* call("POST", new URL("/generate", address), {
        body: { inputs: "a dog that barks at the cat on the mat", parameters: { max_new_tokens: 4 } }
      })
      assert.strictEqual(status, 422)
      assert.strictEqual(at(body, "error_type"), "validation")
    })
  )
})

describe("an endpoint that does something else", () => {
  const task = "sentence-embeddings"

  test(
    "embeds through OpenAI's route behind vLLM, and through llama.cpp's behind llamacpp",
    Effect.gen(function* () {
      const vLLM = yield* running({ task, image: { vLLM: { url } } })
      const { status } = yield* call("POST", new URL("/v1/embeddings", vLLM), {
        body: { model: "acme/secret", input: "a dog" }
      })
      assert.strictEqual(status, 200)
      yield* manage("DELETE", "emulator/a")
      const llamacpp = yield* running({ task, image: { llamacpp: { url, modelPath: "m.gguf" } } })
      assert.strictEqual(
        (yield* call("POST", new URL("/embedding", llamacpp), { body: { content: "x" } })).status,
        200
      )
    })
  )

  test(
    "ranks texts behind tei",
    Effect.gen(function* () {
      const address = yield* running({ repository: "BAAI/bge-reranker-base", image: { tei: { url } } })
      const { body, status } = yield* call("POST", new URL("/rerank", address), {
        body: { query: "a dog", texts: ["a cat", "a dog"] }
      })
      assert.strictEqual(status, 200)
      assert.strictEqual(at(Array.isArray(body) ? (body[0] ?? null) : null, "index"), 1)
    })
  )

  test(
    "paints",
    Effect.gen(function* () {
      const address = yield* running({ repository: "stabilityai/sdxl-turbo" })
      const response = yield* send("POST", address, { body: { inputs: "a red ball" } })
      assert.strictEqual(response.status, 200)
      assert.match(response.headers["content-type"] ?? "", /^image\//)
    })
  )

  test(
    "says that it cannot hear",
    Effect.gen(function* () {
      const address = yield* running({ repository: "openai/whisper-small" })
      assert.strictEqual((yield* call("POST", address, { body: { inputs: "UklGRg==" } })).status, 400)
    })
  )
})
