/** The endpoint as a language model: what is sent, and what becomes of answers that are none, on a server that follows a script. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema, Stream } from "effect"
import { AiError, LanguageModel, Prompt, Tool, Toolkit } from "effect/ai"
import { HttpServerResponse } from "effect/http"
import { adds, against, calls, ends, event, says, streams } from "./chatWorld.ts"

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Int, b: Schema.Int }),
  success: Schema.Int
})
const tools = Toolkit.make(Add)
const adder = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })

/** The reason of an `AiError`. */
const reasonOf = (exit: Exit.Exit<unknown, unknown>): AiError.AiErrorReason => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return AiError.isAiError(error) ? error.reason : assert.fail(`no AiError: ${JSON.stringify(exit)}`)
}

const valueOf = <A>(exit: Exit.Exit<A, unknown>): A =>
  Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))

const ask = LanguageModel.generateText({ prompt: "a" })
const askTool = LanguageModel.generateText({ prompt: "a", toolkit: tools }).pipe(Effect.provide(adder))
const askStream = Stream.runCollect(LanguageModel.streamText({ prompt: "a" }))
const streamTool = Stream.runCollect(LanguageModel.streamText({ prompt: "a", toolkit: tools })).pipe(
  Effect.provide(adder)
)

describe("what is sent", () => {
  it.effect("is the whole conversation, calls and results of tools included", () =>
    Effect.gen(function* () {
      const prompt = Prompt.make([
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "1 + " },
            { type: "text", text: "2?" }
          ]
        },
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "hm" },
            { type: "text", text: "Let me see." },
            { type: "tool-call", id: "c", name: "add", params: { a: 1, b: 2 } }
          ]
        },
        {
          role: "tool",
          content: [{ type: "tool-result", id: "c", name: "add", isFailure: false, result: 3 }]
        }
      ])
      const { asked, exit } = yield* against(
        LanguageModel.generateText({ prompt, toolkit: tools }).pipe(Effect.provide(adder)),
        says({ content: "3" })
      )
      assert.strictEqual(valueOf(exit).text, "3")
      const [{ messages, model, tool_choice, tools: sent } = {}] = asked
      assert.strictEqual(model, "acme/talker")
      assert.strictEqual(tool_choice, "auto")
      assert.deepStrictEqual(messages, [
        { role: "system", content: "Be brief." },
        { role: "user", content: "1 + 2?" },
        {
          role: "assistant",
          content: "Let me see.",
          tool_calls: [{ id: "c", type: "function", function: { name: "add", arguments: '{"a":1,"b":2}' } }]
        },
        { role: "tool", tool_call_id: "c", content: "3" }
      ])
      const [first] = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ function: Schema.Json })))(sent)
      const said = Schema.decodeUnknownSync(
        Schema.Struct({ name: Schema.String, parameters: Schema.Struct({ required: Schema.Json }) })
      )(first?.function)
      assert.deepStrictEqual(said, { name: "add", parameters: { required: ["a", "b"] } })
    })
  )

  it.effect("holds a user's images, as bytes or by their URL", () =>
    Effect.gen(function* () {
      const prompt = Prompt.make([
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
            { type: "file", mediaType: "image/jpeg", data: new URL("https://example.org/a.jpg") },
            { type: "file", mediaType: "image/*", data: "AQID" }
          ]
        }
      ])
      const { asked } = yield* against(LanguageModel.generateText({ prompt }), says({ content: "a dog" }))
      const image = (url: string) => ({ type: "image_url", image_url: { url } })
      assert.deepStrictEqual(asked[0]?.["messages"], [
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            image("data:image/png;base64,AQID"),
            image("https://example.org/a.jpg"),
            image("data:image/jpeg;base64,AQID")
          ]
        }
      ])
    })
  )

  const file = { type: "file", mediaType: "application/pdf", fileName: "a.pdf", data: "AQID" } as const
  const image = { type: "file", mediaType: "image/png", data: "AQID" } as const
  const refusals: Readonly<Record<string, ReadonlyArray<Prompt.MessageEncoded>>> = {
    "a file that is no image": [{ role: "user", content: [file] }],
    "a file of an assistant": [{ role: "assistant", content: [image] }],
    "a file of a tool": [
      {
        role: "tool",
        content: [
          { type: "tool-result", id: "c", name: "add", isFailure: false, result: 1, modelOutput: [image] }
        ]
      }
    ],
    "a result of another provider's tool": [
      {
        role: "assistant",
        content: [{ type: "tool-result", id: "c", name: "web", isFailure: false, result: 1 }]
      }
    ]
  }
  for (const [what, prompt] of Object.entries(refusals)) {
    it.effect(`is not ${what}: one error says so, and nothing goes out`, () =>
      Effect.gen(function* () {
        for (const program of [
          LanguageModel.generateText({ prompt }),
          Stream.runCollect(LanguageModel.streamText({ prompt }))
        ]) {
          const { asked, exit } = yield* against<unknown, unknown, LanguageModel.LanguageModel>(
            program,
            says({ content: "a" })
          )
          const reason = reasonOf(exit)
          assert.strictEqual(reason._tag, "InvalidUserInputError")
          assert.include(reason.message, "Nothing was sent")
          assert.lengthOf(asked, 0)
        }
      })
    )
  }

  it.effect("is no tool that another provider runs", () =>
    Effect.gen(function* () {
      const Search = Tool.providerDefined({
        id: "openai.web_search",
        customName: "Search",
        providerName: "web_search"
      })
      const { asked, exit } = yield* against(
        LanguageModel.generateText({ prompt: "a", toolkit: Toolkit.make(Search()) }),
        says({ content: "a" })
      )
      assert.strictEqual(reasonOf(exit)._tag, "ToolConfigurationError")
      assert.lengthOf(asked, 0)
    })
  )

  it.effect("is the schema of an object, closed, and its values are read from their JSON", () =>
    Effect.gen(function* () {
      const Founded = Schema.Struct({ city: Schema.String, since: Schema.Date })
      const { asked, exit } = yield* against(
        LanguageModel.generateObject({ prompt: "a", schema: Founded, objectName: "founded" }),
        says({ content: '{"city":"Oslo","since":"1048-01-01T00:00:00.000Z"}' })
      )
      assert.strictEqual(valueOf(exit).value.since.getUTCFullYear(), 1048)
      const format = Schema.decodeUnknownSync(
        Schema.Struct({
          type: Schema.String,
          json_schema: Schema.Struct({
            name: Schema.String,
            strict: Schema.Boolean,
            schema: Schema.Struct({ additionalProperties: Schema.Json, required: Schema.Json })
          })
        })
      )(asked[0]?.["response_format"])
      assert.deepStrictEqual(format, {
        type: "json_schema",
        json_schema: {
          name: "founded",
          strict: true,
          schema: { additionalProperties: false, required: ["city", "since"] }
        }
      })
    })
  )
})

describe("an answer", () => {
  it.effect("tells what was thought, and what was read from a cache", () =>
    Effect.gen(function* () {
      const usage = {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 3 }
      }
      const { exit } = yield* against(ask, says({ content: "b", reasoning_content: "hm" }, "stop", { usage }))
      const answer = valueOf(exit)
      assert.strictEqual(answer.reasoningText, "hm")
      assert.deepStrictEqual(
        { ...answer.usage.inputTokens, ...answer.usage.outputTokens },
        { total: 5, uncached: 6, cacheRead: 4, cacheWrite: undefined, text: 2, reasoning: 3 }
      )
    })
  )

  it.effect("in pieces tells what was thought before what is said", () =>
    Effect.gen(function* () {
      const { exit } = yield* against(
        askStream,
        streams(
          adds({ role: "assistant", reasoning_content: "h" }),
          adds({ reasoning_content: "m" }),
          adds({ content: "b" }),
          adds({}, "stop"),
          ends
        )
      )
      assert.deepStrictEqual(
        valueOf(exit).map(({ type }) => type),
        [
          "response-metadata",
          "reasoning-start",
          "reasoning-delta",
          "reasoning-delta",
          "reasoning-end",
          "text-start",
          "text-delta",
          "text-end",
          "finish"
        ]
      )
    })
  )

  it.effect("calls a tool by JSON in a text, by JSON itself, or by nothing where it takes nothing", () =>
    Effect.gen(function* () {
      const Now = Tool.make("now", { success: Schema.Int })
      const both = Toolkit.make(Add, Now)
      const layer = both.toLayer({ add: ({ a, b }) => Effect.succeed(a + b), now: () => Effect.succeed(9) })
      const program = LanguageModel.generateText({ prompt: "a", toolkit: both }).pipe(Effect.provide(layer))
      const results = (name: string, args: Schema.Json) =>
        Effect.map(against(program, says(calls(name, args), "tool_calls")), ({ exit }) =>
          valueOf(exit).toolResults.map(({ result }) => result)
        )
      assert.deepStrictEqual(yield* results("add", '{"a":1,"b":2}'), [3])
      assert.deepStrictEqual(yield* results("add", { a: 1, b: 2 }), [3])
      assert.deepStrictEqual(yield* results("now", ""), [9])
    })
  )

  it.effect("whose calls have one id, or none, or one of an earlier turn, gets other ids", () =>
    Effect.gen(function* () {
      const call = (id: string | null) => ({
        id,
        type: "function",
        function: { name: "add", arguments: '{"a":1,"b":2}' }
      })
      const prompt = Prompt.make([
        { role: "assistant", content: [{ type: "tool-call", id: "0", name: "add", params: { a: 1, b: 1 } }] },
        {
          role: "tool",
          content: [{ type: "tool-result", id: "0", name: "add", isFailure: false, result: 2 }]
        }
      ])
      const program = LanguageModel.generateText({ prompt, toolkit: tools }).pipe(Effect.provide(adder))
      const tool_calls = [call("0"), call("0"), call("x"), call("x"), call(null)]
      const { exit } = yield* against(program, says({ content: null, tool_calls }, "tool_calls"))
      const ids = valueOf(exit).toolCalls.map(({ id }) => id)
      assert.lengthOf(new Set(ids), 5)
      assert.notInclude(ids, "0")
      assert.include(ids, "x")
    })
  )

  const cut = '{"a":1,'
  it.effect("with a call that was cut off is an error, whole and in pieces; so is one that is no JSON", () =>
    Effect.gen(function* () {
      const piece = (reason: string) =>
        streams(
          adds({ tool_calls: [{ index: 0, id: "c", function: { name: "add", arguments: "" } }] }),
          adds({ tool_calls: [{ index: 0, function: { arguments: cut } }] }),
          adds({}, reason),
          ends
        )
      const reasons = (why: string) =>
        Effect.all([
          Effect.map(against(askTool, says(calls("add", cut), why)), ({ exit }) => reasonOf(exit)),
          Effect.map(against(streamTool, piece(why)), ({ exit }) => reasonOf(exit))
        ])
      for (const reason of yield* reasons("length")) {
        assert.strictEqual(reason._tag, "InvalidOutputError")
        assert.include(reason.message, "Raise max_tokens")
        if (reason._tag === "InvalidOutputError") assert.strictEqual(reason.usage?.completionTokens, 5)
      }
      for (const reason of yield* reasons("tool_calls")) {
        assert.strictEqual(reason._tag, "ToolParameterValidationError")
        assert.include(reason.message, "add")
      }
    })
  )

  it.effect("with an object that was cut off is an error, though what is there be JSON", () =>
    Effect.gen(function* () {
      const program = LanguageModel.generateObject({ prompt: "a", schema: Schema.Struct({ n: Schema.Int }) })
      const { exit } = yield* against(program, says({ content: '{"n":1}' }, "length"))
      const reason = reasonOf(exit)
      assert.strictEqual(reason._tag, "StructuredOutputError")
      assert.include(reason.message, "cut off")
    })
  )

  it.effect("that ends in its middle, breaks, is no stream or is no answer, is an error", () =>
    Effect.gen(function* () {
      const reason = <A, E>(
        program: Effect.Effect<A, E, LanguageModel.LanguageModel>,
        answer: HttpServerResponse.HttpServerResponse
      ) => Effect.map(against(program, answer), ({ exit }) => reasonOf(exit))
      const error = { error: { message: "CUDA error", code: 500 } }
      assert.strictEqual((yield* reason(askStream, streams(adds({ content: "b" }))))._tag, "NetworkError")
      assert.strictEqual(
        (yield* reason(askStream, streams(adds({ content: "b" }), event(error))))._tag,
        "InternalProviderError"
      )
      assert.strictEqual((yield* reason(askStream, streams("data: <html>\n\n")))._tag, "InvalidResponseError")
      assert.strictEqual((yield* reason(askStream, says({ content: "b" })))._tag, "InvalidRequestError")
      assert.strictEqual(
        (yield* reason(ask, HttpServerResponse.jsonUnsafe(error)))._tag,
        "InternalProviderError"
      )
      assert.strictEqual(
        (yield* reason(ask, HttpServerResponse.jsonUnsafe({ generated_text: "b" })))._tag,
        "InvalidResponseError"
      )
      assert.strictEqual((yield* reason(ask, says({ content: "" }, "abort")))._tag, "InternalProviderError")
    })
  )

  it.effect.prop(
    "in pieces is the same wherever its bytes are cut",
    { cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 }))) },
    ({ cuts }) =>
      Effect.gen(function* () {
        const text = [
          ": a comment\r\n\r\nretry: 10\n\n",
          adds({ role: "assistant", content: "" }),
          adds({ content: "naïve " }),
          adds({ content: "🦦\n\ndata: x" }),
          adds({ tool_calls: [{ index: 0, id: "c", function: { name: "add", arguments: '{"a":1' } }] }),
          adds({
            tool_calls: [{ index: 1, id: "d", function: { name: "add", arguments: '{"a":3,"b":4}' } }]
          }),
          adds({ tool_calls: [{ index: 0, function: { arguments: ',"b":2}' } }] }),
          adds({}, "tool_calls"),
          ends
        ].join("")
        const bytes = new TextEncoder().encode(text)
        const at = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length]
        const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end))
        const parts = valueOf((yield* against(streamTool, streams(...pieces))).exit)
        const said = parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : []))
        assert.strictEqual(said.join(""), "naïve 🦦\n\ndata: x")
        assert.deepStrictEqual(
          parts.flatMap((part) => (part.type === "tool-result" ? [[part.id, part.result]] : [])).toSorted(),
          [
            ["c", 3],
            ["d", 7]
          ]
        )
        const last = parts.find((part) => part.type === "finish")
        assert.strictEqual(last?.usage.outputTokens.total, 5)
      }),
    { arbitrary: { runs: 12 } }
  )
})

it.effect("an error never tells the token, though the engine says again what it was sent", () =>
  Effect.gen(function* () {
    const token = "hf_emulator"
    const error = { error: { message: `who is Bearer ${token}?`, code: 400 } }
    const answers = [
      [ask, HttpServerResponse.jsonUnsafe(error, { status: 400 })],
      [ask, HttpServerResponse.jsonUnsafe(error)],
      [ask, HttpServerResponse.jsonUnsafe({ choices: [{ message: { content: { token } } }] })],
      [askStream, HttpServerResponse.jsonUnsafe(error, { status: 400 })],
      [askStream, streams(event(error))],
      [askStream, streams(`data: ${token}\n\n`)]
    ] as const
    for (const [program, answer] of answers) {
      const { exit } = yield* against<unknown, unknown, LanguageModel.LanguageModel>(program, answer)
      const told = `${reasonOf(exit).message} ${JSON.stringify(exit)}`
      assert.notInclude(told, token)
    }
  })
)

describe("a refusal", () => {
  const table: ReadonlyArray<
    readonly [status: number, body: Schema.Json, reason: string, isRetryable: boolean, ours: string]
  > = [
    [429, { error: "Model is overloaded", error_type: "overloaded" }, "RateLimitError", true, "busy"],
    [402, { error: "Payment required" }, "QuotaExhaustedError", false, "account"],
    [401, { error: "Invalid token" }, "AuthenticationError", false, "account"],
    [403, { error: "Forbidden" }, "AuthenticationError", false, "account"],
    [400, { error: { message: "max_tokens must be at least 1" } }, "InvalidRequestError", false, "row"],
    [400, { error: "Bad Request: Invalid state" }, "UnknownError", false, "gone"],
    [413, { error: "too large" }, "InvalidRequestError", false, "tooLarge"],
    [404, { error: "The model `a` does not exist." }, "InvalidRequestError", false, "config"],
    [500, { error: "CUDA error" }, "InternalProviderError", true, "engine"],
    [503, { error: "SERVICE_UNAVAILABLE" }, "InternalProviderError", true, "cold"]
  ]
  for (const [status, body, tag, isRetryable, ours] of table) {
    it.effect(`of ${status} that means "${ours}" is ${tag}, whole and in pieces`, () =>
      Effect.gen(function* () {
        const answer = HttpServerResponse.jsonUnsafe(body, { status, headers: { "retry-after": "7" } })
        for (const program of [ask, askStream]) {
          const { exit } = yield* against<unknown, unknown, LanguageModel.LanguageModel>(program, answer)
          const reason = reasonOf(exit)
          assert.strictEqual(reason._tag, tag)
          assert.strictEqual(reason.isRetryable, isRetryable)
          const metadata = "metadata" in reason ? reason.metadata : {}
          const said = Schema.decodeUnknownSync(Schema.Struct({ reason: Schema.String, status: Schema.Int }))(
            metadata["huggingface"]
          )
          assert.deepStrictEqual(said, { reason: ours, status })
          if (reason._tag === "RateLimitError") assert.include(reason.message, "7s")
        }
      })
    )
  }
})
