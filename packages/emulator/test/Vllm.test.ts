import { assert, describe, it, layer } from "@effect/vitest"
import { Vllm } from "@stint/emulator"
import { Effect, Schema } from "effect"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"
import { events, lines } from "./fixture/events.ts"
import { NGram, script, slow } from "./fixture/textModels.ts"

const Usage = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  total_tokens: Schema.Int
})
const Chat = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("chat.completion"),
  created: Schema.Int,
  model: Schema.String,
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      message: Schema.Struct({
        role: Schema.Literal("assistant"),
        content: Schema.NullOr(Schema.String),
        tool_calls: Schema.Array(
          Schema.Struct({
            id: Schema.String,
            type: Schema.Literal("function"),
            function: Schema.Struct({ name: Schema.String, arguments: Schema.String })
          })
        )
      }),
      finish_reason: Schema.String
    })
  ),
  usage: Usage
})
const Chunk = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("chat.completion.chunk"),
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      delta: Schema.Struct({
        role: Schema.optionalKey(Schema.String),
        content: Schema.optionalKey(Schema.NullOr(Schema.String))
      }),
      finish_reason: Schema.NullOr(Schema.String)
    })
  ),
  usage: Schema.optionalKey(Usage)
})
const Failure = Schema.Struct({
  error: Schema.Struct({
    message: Schema.String,
    type: Schema.String,
    param: Schema.NullOr(Schema.String),
    code: Schema.Int
  })
})
const readChat = read(Chat)
const readFailure = read(Failure)
const modelId = "meta-llama/Llama-3.2-1B"
const messages = [{ role: "user", content: "What is a dog?" }]

layer(NGram.layer)("chat", (it) => {
  it.effect("answers with ids, usage and a reason of its own", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const engine = Vllm.make(model, { modelId })
      const answer = yield* postJson(engine, "/v1/chat/completions", {
        model: modelId,
        messages,
        max_completion_tokens: 5,
        ignore_eos: true
      })
      assert.strictEqual(answer.status, 200)
      const body = yield* readChat(answer)
      assert.match(body.id, /^chatcmpl-[0-9a-f]{32}$/)
      assert.strictEqual(body.model, modelId)
      assert.strictEqual(body.choices[0]?.finish_reason, "length")
      assert.deepStrictEqual(body.usage, {
        prompt_tokens: model.countTokens("What is a dog?\n"),
        completion_tokens: 5,
        total_tokens: model.countTokens("What is a dog?\n") + 5
      })
    })
  )

  it.effect("streams the text that it answers whole, role first, usage last", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const body = { model: modelId, messages, max_tokens: 30, seed: 11 }
      const whole = yield* Effect.flatMap(postJson(engine, "/v1/chat/completions", body), readChat)
      const streamed = yield* postJson(engine, "/v1/chat/completions", {
        ...body,
        stream: true,
        stream_options: { include_usage: true }
      })
      assert.match(streamed.headers["content-type"] ?? "", /^text\/event-stream/)
      assert.strictEqual(lines(streamed).at(-1), "[DONE]")
      const chunks = yield* events(Chunk)(streamed)
      assert.deepStrictEqual(chunks[0]?.choices[0]?.delta, { role: "assistant", content: "" })
      const text = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join("")
      assert.strictEqual(text, whole.choices[0]?.message.content)
      assert.deepStrictEqual(chunks.at(-1)?.choices, [])
      assert.deepStrictEqual(chunks.at(-1)?.usage, whole.usage)
      assert.strictEqual(chunks.at(-2)?.choices[0]?.finish_reason, whole.choices[0]?.finish_reason)
      assert.strictEqual(new Set(chunks.map(({ id }) => id)).size, 1)
      const silent = yield* postJson(engine, "/v1/chat/completions", { ...body, stream: true })
      assert.isTrue((yield* events(Chunk)(silent)).every(({ usage }) => usage === undefined))
    })
  )

  it.effect("gives as many choices as asked for, and counts all of them", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const body = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", { messages, n: 3, max_tokens: 12, ignore_eos: true }),
        readChat
      )
      assert.deepStrictEqual(
        body.choices.map(({ index }) => index),
        [0, 1, 2]
      )
      assert.strictEqual(new Set(body.choices.map(({ message }) => message.content)).size, 3)
      assert.strictEqual(body.usage.completion_tokens, 36)
    })
  )

  it.effect("answers a schema with the smallest JSON that it allows", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const schema = {
        type: "object",
        $defs: { kind: { enum: ["mammal", "bird"] } },
        properties: {
          kind: { $ref: "#/$defs/kind" },
          legs: { type: "integer", minimum: 2 },
          names: { type: "array", items: { type: "string", minLength: 3 }, minItems: 1 },
          tame: { type: "boolean" },
          weight: { anyOf: [{ type: "number", exclusiveMinimum: 1.5 }, { type: "null" }] },
          ignored: { type: "string" }
        },
        required: ["kind", "legs", "names", "tame", "weight"]
      }
      const body = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", {
          messages,
          response_format: { type: "json_schema", json_schema: { name: "animal", schema, strict: true } }
        }),
        readChat
      )
      assert.strictEqual(
        body.choices[0]?.message.content,
        `{"kind":"mammal","legs":2,"names":["aaa"],"tame":false,"weight":2.5}`
      )
      assert.strictEqual(body.choices[0]?.finish_reason, "stop")
      const object = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", { messages, response_format: { type: "json_object" } }),
        readChat
      )
      assert.strictEqual(object.choices[0]?.message.content, "{}")
    })
  )

  it.effect("calls a tool that is forced, and none that it may call", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const tools = [
        {
          type: "function",
          function: {
            name: "weather",
            parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
          }
        }
      ]
      const ask = (tool_choice: unknown) =>
        postJson(engine, "/v1/chat/completions", { messages, tools, tool_choice })
      const required = yield* Effect.flatMap(ask("required"), readChat)
      assert.strictEqual(required.choices[0]?.finish_reason, "tool_calls")
      assert.deepStrictEqual(required.choices[0]?.message.tool_calls[0]?.function, {
        name: "weather",
        arguments: `{"city":""}`
      })
      const named = yield* Effect.flatMap(ask({ type: "function", function: { name: "weather" } }), readChat)
      assert.strictEqual(named.choices[0]?.finish_reason, "stop")
      assert.lengthOf(named.choices[0]?.message.tool_calls ?? [], 1)
      const auto = yield* Effect.flatMap(ask("auto"), readChat)
      assert.lengthOf(auto.choices[0]?.message.tool_calls ?? [], 0)
      const wrong = yield* ask({ type: "function", function: { name: "time" } })
      assert.strictEqual(wrong.status, 400)
    })
  )
})

describe("stop sequences", () => {
  const engine = Vllm.make(script("one", " E", "N", "D two", " three"), { modelId })

  it.effect("are cut off, in a stream too, where what may become one is held back", () =>
    Effect.gen(function* () {
      const body = { messages, stop: ["END"] }
      const whole = yield* Effect.flatMap(postJson(engine, "/v1/chat/completions", body), readChat)
      assert.strictEqual(whole.choices[0]?.message.content, "one ")
      assert.strictEqual(whole.choices[0]?.finish_reason, "stop")
      const streamed = yield* postJson(engine, "/v1/chat/completions", { ...body, stream: true })
      const chunks = yield* events(Chunk)(streamed)
      const texts = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ""))
      assert.strictEqual(texts.join(""), "one ")
      const none = yield* Effect.flatMap(
        postJson(engine, "/v1/chat/completions", { messages, stop: "ENE" }),
        readChat
      )
      assert.strictEqual(none.choices[0]?.message.content, "one END two three")
    })
  )
})

layer(NGram.layer)("completions", (it) => {
  it.effect("go on from texts or tokens, 16 tokens when nothing is said", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const engine = Vllm.make(model, { modelId })
      const readCompletion = read(
        Schema.Struct({
          id: Schema.String,
          choices: Schema.Array(Schema.Struct({ text: Schema.String, finish_reason: Schema.String })),
          usage: Usage
        })
      )
      const ask = (prompt: unknown, more = {}) =>
        Effect.flatMap(
          postJson(engine, "/v1/completions", { model: modelId, prompt, ignore_eos: true, ...more }),
          readCompletion
        )
      const text = yield* ask("the act of")
      assert.match(text.id, /^cmpl-/)
      assert.strictEqual(text.usage.completion_tokens, 16)
      const ids = model.tokenize("the act of").map(({ id }) => id)
      assert.deepStrictEqual((yield* ask(ids)).choices, text.choices)
      const both = yield* ask([ids, ids], { n: 2 })
      assert.lengthOf(both.choices, 4)
      const echoed = yield* ask("the act of", { echo: true })
      assert.strictEqual(echoed.choices[0]?.text, `the act of${text.choices[0]?.text}`)
      const streamed = yield* postJson(engine, "/v1/completions", {
        prompt: "the act of",
        ignore_eos: true,
        stream: true
      })
      const chunks = yield* events(
        Schema.Struct({ choices: Schema.Array(Schema.Struct({ text: Schema.String })) })
      )(streamed)
      const whole = chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join("")
      assert.strictEqual(whole, text.choices[0]?.text)
    })
  )
})

layer(NGram.layer)("refusals", (it) => {
  it.effect("do not know a model of another name", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      for (const model of ["/repository", "tgi", "dummy"]) {
        const answer = yield* postJson(engine, "/v1/chat/completions", { model, messages })
        assert.strictEqual(answer.status, 404)
        assert.deepStrictEqual(yield* readJson(answer), {
          error: {
            message: `The model \`${model}\` does not exist.`,
            type: "NotFoundError",
            param: "model",
            code: 404
          }
        })
      }
      const streamed = yield* postJson(engine, "/v1/completions", { model: "x", prompt: "a", stream: true })
      assert.strictEqual(streamed.status, 404)
    })
  )

  it.effect("say 400 to what is too long or out of bounds", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(slow, { modelId })
      const ask = (body: object) =>
        Effect.flatMap(postJson(engine, "/v1/chat/completions", { messages, ...body }), readFailure)
      assert.strictEqual(
        (yield* ask({ max_tokens: 90 })).error.message,
        "This model's maximum context length is 100 tokens. However, you requested 90 output tokens and your " +
          "prompt contains 14 input tokens, for a total of 104 tokens. Please reduce the length of the input " +
          "prompt or the number of requested output tokens. (parameter=input_tokens, value=14)"
      )
      const long = yield* ask({ messages: [{ role: "user", content: "a".repeat(101) }] })
      assert.strictEqual(long.error.type, "BadRequestError")
      assert.include(long.error.message, "at least 101 input tokens")
      assert.strictEqual(
        (yield* ask({ temperature: -1 })).error.message,
        "temperature must be non-negative, got -1."
      )
      assert.strictEqual(
        (yield* ask({ max_tokens: 0 })).error.message,
        "max_tokens must be at least 1, got 0."
      )
      assert.strictEqual((yield* ask({ top_p: 2 })).error.message, "top_p must be in (0, 1], got 2.")
      assert.strictEqual(
        (yield* ask({ stream_options: { include_usage: true } })).error.message,
        "Stream options can only be defined when `stream=True`."
      )
    })
  )

  it.effect("say what is no request", () =>
    Effect.gen(function* () {
      const engine = Vllm.make(yield* NGram, { modelId })
      const statuses = [
        [415, yield* post(engine, "/v1/chat/completions", "{}", "text/plain")],
        [400, yield* post(engine, "/v1/chat/completions", "{")],
        [400, yield* postJson(engine, "/v1/chat/completions", { model: modelId })],
        [400, yield* postJson(engine, "/v1/embeddings", { input: "a" })]
      ] as const
      for (const [status, answer] of statuses) {
        assert.strictEqual(answer.status, status)
        assert.strictEqual((yield* readFailure(answer)).error.code, status)
      }
      const root = yield* get(engine, "GET /")
      assert.deepStrictEqual([root.status, yield* readJson(root)], [404, { detail: "Not Found" }])
      assert.strictEqual((yield* get(engine, "GET /v1/chat/completions")).status, 405)
    })
  )
})
