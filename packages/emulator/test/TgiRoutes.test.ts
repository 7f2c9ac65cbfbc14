import { assert, layer } from "@effect/vitest"
import { Tgi } from "@stint/emulator"
import { Effect, Schema } from "effect"
import { get, postJson, read } from "./fixture/ask.ts"
import { events, lines, metrics } from "./fixture/events.ts"
import { NGram } from "./fixture/textModels.ts"

const readError = read(Schema.Struct({ error: Schema.String, error_type: Schema.String }))
const Usage = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  total_tokens: Schema.Int
})

layer(NGram.layer)("OpenAI routes", (it) => {
  const messages = [{ role: "user", content: "What is a dog?" }]

  it.effect("answer a chat whose usage is what was counted", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const engine = Tgi.make(model)
      const answer = yield* postJson(engine, "/v1/chat/completions", {
        model: "tgi",
        messages,
        max_tokens: 8,
        seed: 1
      })
      const body = yield* read(
        Schema.Struct({
          object: Schema.Literal("chat.completion"),
          id: Schema.Literal(""),
          model: Schema.String,
          choices: Schema.Tuple([
            Schema.Struct({
              message: Schema.Struct({ role: Schema.Literal("assistant"), content: Schema.String }),
              finish_reason: Schema.String
            })
          ]),
          usage: Usage
        })
      )(answer)
      assert.strictEqual(body.model, "/repository")
      assert.strictEqual(body.usage.prompt_tokens, model.countTokens("What is a dog?\n"))
      assert.isAtMost(body.usage.completion_tokens, 8)
      assert.strictEqual(body.usage.total_tokens, body.usage.prompt_tokens + body.usage.completion_tokens)
      assert.isAbove(body.choices[0].message.content.length, 0)
      assert.strictEqual(answer.headers["x-prompt-tokens"], String(body.usage.prompt_tokens))
    })
  )

  it.effect("stream the same text as the whole, with usage when asked, and end with [DONE]", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      const body = { messages, max_tokens: 20, seed: 3 }
      const whole = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", body),
        read(
          Schema.Struct({
            choices: Schema.Array(Schema.Struct({ message: Schema.Struct({ content: Schema.String }) })),
            usage: Usage
          })
        )
      )
      const streamed = yield* postJson(engine, "/v1/chat/completions", {
        ...body,
        stream: true,
        stream_options: { include_usage: true }
      })
      assert.strictEqual(lines(streamed).at(-1), "[DONE]")
      const chunks = yield* events(
        Schema.Struct({
          object: Schema.Literal("chat.completion.chunk"),
          choices: Schema.Array(
            Schema.Struct({
              delta: Schema.Struct({ role: Schema.String, content: Schema.String }),
              finish_reason: Schema.NullOr(Schema.String)
            })
          ),
          usage: Schema.NullOr(Usage)
        })
      )(streamed)
      const text = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content)).join("")
      assert.strictEqual(text, whole.choices[0]?.message.content)
      assert.deepStrictEqual(chunks.at(-1)?.usage, whole.usage)
      assert.lengthOf(chunks, whole.usage.completion_tokens + 1)
    })
  )

  it.effect("answer completions, a choice for each prompt", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      const answer = yield* postJson(engine, "/v1/completions", { prompt: ["a dog", "a cat"], max_tokens: 4 })
      const body = yield* read(
        Schema.Struct({
          object: Schema.Literal("text_completion"),
          choices: Schema.Array(Schema.Struct({ index: Schema.Int, text: Schema.String })),
          usage: Usage
        })
      )(answer)
      assert.deepStrictEqual(
        body.choices.map(({ index }) => index),
        [0, 1]
      )
      assert.strictEqual(body.usage.prompt_tokens, 4)
      const many = yield* postJson(engine, "/v1/completions", { prompt: ["a", "b", "c", "d", "e"] })
      assert.strictEqual(many.status, 422)
      assert.strictEqual(
        (yield* readError(many)).error,
        "Number of prompts exceeds the maximum allowed batch size of 4"
      )
    })
  )

  it.effect("call a tool that is forced, with arguments that fit its schema", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      const tools = [
        {
          type: "function",
          function: {
            name: "weather",
            parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
          }
        }
      ]
      const answer = yield* postJson(engine, "/v1/chat/completions", {
        messages,
        tools,
        tool_choice: { type: "function", function: { name: "weather" } }
      })
      const { choices } = yield* read(
        Schema.Struct({ choices: Schema.Array(Schema.Struct({ message: Schema.Json })) })
      )(answer)
      assert.deepStrictEqual(choices[0]?.message, {
        role: "assistant",
        tool_calls: [
          {
            id: "0",
            type: "function",
            function: { description: null, name: "weather", arguments: { city: "" } }
          }
        ]
      })
    })
  )
})

layer(NGram.layer)("the other routes", (it) => {
  it.effect("tokenize a text and a chat, with places that are theirs", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      const Tokens = Schema.Array(
        Schema.Struct({ id: Schema.Int, text: Schema.String, start: Schema.Int, stop: Schema.Int })
      )
      const inputs = "the dog's bark"
      const tokens = yield* Effect.flatMap(postJson(engine, "/tokenize", { inputs }), read(Tokens))
      for (const { start, stop, text } of tokens) assert.strictEqual(inputs.slice(start, stop), text)
      const chat = yield* Effect.flatMap(
        postJson(engine, "/chat_tokenize", { messages: [{ role: "user", content: inputs }] }),
        read(Schema.Struct({ tokenize_response: Tokens, templated_text: Schema.String }))
      )
      assert.strictEqual(chat.templated_text, `${inputs}\n`)
      assert.lengthOf(chat.tokenize_response, tokens.length + 1)
    })
  )

  it.effect("take all three requests at /invocations", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      const answers = yield* Effect.all([
        postJson(engine, "/invocations", { inputs: "a dog" }),
        postJson(engine, "/invocations", { messages: [{ role: "user", content: "a dog" }] }),
        postJson(engine, "/invocations", { prompt: "a dog" }),
        postJson(engine, "/vertex", { instances: [{ inputs: "a dog" }] })
      ])
      const starts = [
        `[{"generated_text"`,
        `{"object":"chat.completion"`,
        `{"object":"text_completion"`,
        `{"predictions"`
      ]
      answers.forEach(({ text }, i) => assert.isTrue(text.startsWith(starts[i] ?? ""), text))
    })
  )

  it.effect("tell the server's bounds, its model and its health", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram, { modelId: "org/model" })
      const info = yield* Effect.flatMap(
        get(engine, "GET /info"),
        read(
          Schema.Struct({
            model_id: Schema.String,
            max_concurrent_requests: Schema.Int,
            max_input_tokens: Schema.Int,
            max_total_tokens: Schema.Int,
            max_client_batch_size: Schema.Int
          })
        )
      )
      assert.deepStrictEqual(info, {
        model_id: "org/model",
        max_concurrent_requests: 128,
        max_input_tokens: 4095,
        max_total_tokens: 4096,
        max_client_batch_size: 4
      })
      assert.notInclude((yield* get(engine, "GET /info")).text, "simulated")
      for (const route of ["GET /", "GET /ping", "GET /health", "HEAD /health"])
        assert.strictEqual((yield* get(engine, route)).status, 200)
      assert.include((yield* get(engine, "GET /v1/models")).text, `"id":"org/model"`)
    })
  )

  it.effect("give metrics under TGI's names", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(yield* NGram)
      yield* postJson(engine, "/generate", { inputs: "a dog" })
      const counted = metrics(yield* get(engine, "GET /metrics"))
      for (const name of ["tgi_request_count", "tgi_request_success", "tgi_request_generated_tokens_count"])
        assert.strictEqual(counted.get(name), 1, name)
      assert.strictEqual(counted.get("tgi_queue_size"), 0)
      assert.strictEqual(counted.get("tgi_request_input_length_sum"), 2)
    })
  )
})
