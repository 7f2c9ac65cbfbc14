import { assert, layer } from "@effect/vitest"
import { SpeechRecognition, TextGeneration } from "@stint/emulator"
import { Effect, Schema } from "effect"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"
import { NGram, script } from "./fixture/textModels.ts"

layer(NGram.layer)("text-generation in the toolkit", (it) => {
  const Texts = Schema.Array(Schema.Struct({ generated_text: Schema.String }))

  it.effect("answers prompt and text together, a list of lists for a list", () =>
    Effect.gen(function* () {
      const engine = TextGeneration.toolkit(script(" red", " blue"))
      for (const route of ["/", "/predict"]) {
        const one = yield* postJson(engine, route, { inputs: "a" })
        assert.deepStrictEqual(yield* readJson(one), [{ generated_text: "a red blue" }])
      }
      const bare = yield* postJson(engine, "/", {
        inputs: ["a", "b"],
        parameters: { return_full_text: false, max_new_tokens: 1 }
      })
      assert.deepStrictEqual(yield* readJson(bare), [
        [{ generated_text: " red" }],
        [{ generated_text: " red" }]
      ])
    })
  )

  it.effect("generates as many texts as asked for, the same ones again", () =>
    Effect.gen(function* () {
      const engine = TextGeneration.toolkit(yield* NGram)
      const ask = Effect.flatMap(
        postJson(engine, "/", {
          inputs: "the act of",
          parameters: { num_return_sequences: 3, min_new_tokens: 10, max_new_tokens: 10 }
        }),
        read(Texts)
      )
      const texts = yield* ask
      assert.strictEqual(new Set(texts.map(({ generated_text }) => generated_text)).size, 3)
      assert.deepStrictEqual(yield* ask, texts)
    })
  )

  it.effect("says 400 with an error, whatever is wrong", () =>
    Effect.gen(function* () {
      const engine = TextGeneration.toolkit(yield* NGram)
      const answers = yield* Effect.all([
        postJson(engine, "/", { inputs: 1 }),
        postJson(engine, "/", { prompt: "a" }),
        postJson(engine, "/", { inputs: "a", parameters: { temperature: 0 } }),
        postJson(engine, "/", { inputs: "a", parameters: { max_new_tokens: -1 } }),
        postJson(engine, "/", { inputs: "dog ".repeat(5000) })
      ])
      for (const answer of answers) {
        assert.strictEqual(answer.status, 400)
        yield* read(Schema.Struct({ error: Schema.NonEmptyString }))(answer)
      }
      assert.strictEqual((yield* get(engine, "GET /health")).text, "Ok")
    })
  )

  it.effect("has no model of speech, and says so", () =>
    Effect.gen(function* () {
      const engine = SpeechRecognition.toolkit
      const answer = yield* post(engine, "/", "RIFF", "audio/wav")
      assert.strictEqual(answer.status, 400)
      assert.include(answer.text, "no model for automatic-speech-recognition")
      assert.strictEqual((yield* get(engine, "GET /health")).status, 200)
    })
  )
})
