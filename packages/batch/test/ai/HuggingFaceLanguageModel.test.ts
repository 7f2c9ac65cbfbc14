/** The endpoint as a language model: on the emulator's vLLM, TGI and llama.cpp. */
import { assert, describe, it, layer } from "@effect/vitest"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import { Effect, Schema, Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import * as World from "../../../../test/batchWorld.ts"
import { chat, emulated, images, on, repository } from "./chatWorld.ts"

const Weather = Tool.make("weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String, days: Schema.Int }),
  success: Schema.Struct({ degrees: Schema.Int })
})
const tools = Toolkit.make(Weather)

const City = Schema.Struct({ name: Schema.String, people: Schema.Int })

const engines = ["vLLM", "tgi", "llamacpp"] as const satisfies ReadonlyArray<keyof typeof images>

for (const image of engines) {
  layer(emulated)(`the emulator's ${image}`, (it) => {
    const run = <A, E, R>(program: Effect.Effect<A, E, R>, config = {}) =>
      chat(program, { config: { max_tokens: 20, seed: 1, ...config } }, on(image))

    it.effect("says a text, why it ended, and what it cost", () =>
      Effect.gen(function* () {
        const { content, finishReason, text, usage } = yield* run(
          LanguageModel.generateText({ prompt: "What is a dog?" })
        )
        assert.isAbove(text.length, 0)
        assert.include(["stop", "length"], finishReason)
        assert.isAbove(usage.inputTokens.total ?? 0, 0)
        assert.isAtMost(usage.outputTokens.total ?? 99, 20)
        const about = content.find((part) => part.type === "response-metadata")
        assert.isString(about?.modelId)
      })
    )

    it.effect("says the same text in pieces, and what it cost", () =>
      Effect.gen(function* () {
        const prompt = "What is a dog?"
        const [whole, parts] = yield* run(
          Effect.all([
            LanguageModel.generateText({ prompt }),
            Stream.runCollect(LanguageModel.streamText({ prompt }))
          ])
        )
        const pieces = parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : []))
        assert.isAbove(pieces.length, 1)
        assert.strictEqual(pieces.join(""), whole.text)
        const types = parts.map(({ type }) => type)
        assert.strictEqual(types[0], "response-metadata")
        assert.deepStrictEqual(types.filter((type) => type !== "text-delta").slice(1), [
          "text-start",
          "text-end",
          "finish"
        ])
        const last = parts.at(-1)
        assert.strictEqual(last?.type, "finish")
        if (last?.type === "finish") assert.deepStrictEqual(last.usage, whole.usage)
      })
    )

    it.effect("makes an object of a schema", () =>
      Effect.gen(function* () {
        const { usage, value } = yield* run(
          LanguageModel.generateObject({ prompt: "A city", schema: City, objectName: "city" }),
          { max_tokens: 200 }
        )
        assert.isTrue(Schema.is(City)(value))
        assert.isAbove(usage.outputTokens.total ?? 0, 0)
      })
    )

    for (const toolChoice of ["required", { tool: "weather" }] as const) {
      it.effect(`calls a tool with what it takes, where the choice is ${JSON.stringify(toolChoice)}`, () =>
        Effect.gen(function* () {
          const called: Array<unknown> = []
          const handlers = tools.toLayer({
            weather: (params) => {
              called.push(params)
              return Effect.succeed({ degrees: 7 })
            }
          })
          const { finishReason, toolResults } = yield* run(
            LanguageModel.generateText({ prompt: "Oslo?", toolkit: tools, toolChoice }).pipe(
              Effect.provide(handlers)
            ),
            { max_tokens: 100 }
          )
          assert.lengthOf(called, 1)
          assert.isTrue(Schema.is(Weather.parametersSchema)(called[0]))
          assert.deepStrictEqual(
            toolResults.map(({ result }) => result),
            [{ degrees: 7 }]
          )
          assert.strictEqual(finishReason, "tool-calls")
        })
      )
    }

    it.effect("calls a tool in pieces: its parameters, then the call, whole", () =>
      Effect.gen(function* () {
        const parts = yield* run(
          Stream.runCollect(
            LanguageModel.streamText({
              prompt: "Oslo?",
              toolkit: tools,
              toolChoice: "required",
              disableToolCallResolution: true
            })
          ),
          { max_tokens: 100 }
        )
        const call = parts.find((part) => part.type === "tool-call")
        const said = parts.flatMap((part) => (part.type === "tool-params-delta" ? [part.delta] : []))
        assert.deepStrictEqual(
          yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))(said.join("")),
          call?.params
        )
        assert.strictEqual(parts.filter(({ type }) => type === "tool-params-end").length, 1)
        assert.strictEqual(parts.at(-1)?.type, "finish")
      })
    )
  })
}

describe("a request", () => {
  it.effect("names the model that the endpoint serves, and another one is the engine's to refuse", () =>
    Effect.gen(function* () {
      const ask = LanguageModel.generateText({ prompt: "a" })
      const good = yield* Effect.provide(
        chat(ask, { model: repository, config: { max_tokens: 5 } }),
        emulated
      )
      assert.isAbove(good.text.length, 0)
      const error = yield* Effect.flip(Effect.provide(chat(ask, { model: "gpt-4" }), emulated))
      assert.strictEqual(error._tag, "AiError")
      if (error._tag !== "AiError") return
      assert.strictEqual(error.reason._tag, "InvalidRequestError")
      assert.include(error.message, "gpt-4")
      assert.isFalse(error.isRetryable)
    })
  )

  it.effect("is one: nothing is retried here", () =>
    Effect.gen(function* () {
      const ask = LanguageModel.generateText({ prompt: "a" })
      yield* Effect.flip(chat(ask, { config: { max_tokens: 0 } }))
      assert.lengthOf(yield* World.inferences, 1)
    }).pipe(Effect.provide(emulated))
  )

  it.effect("takes its parameters from the model, then from who asks, key by key", () =>
    Effect.gen(function* () {
      const ask = LanguageModel.generateText({ prompt: "What is a dog?" })
      const { usage } = yield* chat(
        HuggingFaceLanguageModel.withConfigOverride(
          HuggingFaceLanguageModel.withConfigOverride(ask, { max_tokens: 3 }),
          { max_tokens: 4, min_tokens: 3 }
        ),
        { config: { max_tokens: 200, min_tokens: 100, ignore_eos: true } }
      )
      assert.strictEqual(usage.outputTokens.total, 3)
    }).pipe(Effect.provide(emulated))
  )
})
