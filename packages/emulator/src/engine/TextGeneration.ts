/**
 * Serves a text generator from Hugging Face's own image, as the pipeline `text-generation`: prompt and text
 * together, nothing streamed, and 400 `{"error"}` for whatever is wrong.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"
import * as Toolkit from "../internal/toolkit.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const Positive = Schema.Int.check(Schema.isGreaterThan(0))

const decodeParameters = Engine.decoder(
  Schema.Struct({
    max_new_tokens: optional(Positive),
    max_length: optional(Positive),
    min_new_tokens: optional(Schema.Int),
    temperature: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
    do_sample: optional(Schema.Boolean),
    num_return_sequences: optional(Positive),
    return_full_text: optional(Schema.Boolean),
    stop: optional(Schema.Array(Schema.String)),
    stop_strings: optional(Schema.Array(Schema.String)),
    seed: optional(Schema.Int)
  })
)

// As the pipeline does without being told.
const defaultTokens = 256

/**
 * The generator in the toolkit. `POST /` and `/predict` take `{"inputs": text | texts, "parameters"?}` and answer
 * `[{"generated_text"}]`, or a list of those for a list. Every text starts with its prompt unless
 * `return_full_text` is false.
 *
 * @example
 * ```ts
 * import { TextGeneration, WordNetNGram } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetNGram.load, TextGeneration.toolkit)
 * ```
 */
export const toolkit = (model: TextModel): Engine.Engine => {
  const pipeline = Effect.fnUntraced(function* (call: Toolkit.Call) {
    const inputs = yield* Toolkit.text(call.inputs)
    const parameters = yield* decodeParameters(call.parameters)

    const generate = Effect.fnUntraced(function* (prompt: string) {
      const promptTokens = model.countTokens(prompt)
      const room = model.maxLength - promptTokens
      if (room < 1) {
        return yield* new Engine.Refusal({
          reason: "Invalid",
          message: `Input length of input_ids is ${promptTokens}, but \`max_length\` is set to ${model.maxLength}.`
        })
      }
      const byLength =
        typeof parameters.max_length === "number" ? parameters.max_length - promptTokens : defaultTokens
      const maxTokens = Math.max(1, Math.min(room, parameters.max_new_tokens ?? byLength))
      return yield* Effect.forEach(
        Array.from({ length: parameters.num_return_sequences ?? 1 }),
        (_, choice) =>
          model
            .generate(prompt, {
              maxTokens,
              minTokens: parameters.min_new_tokens ?? 0,
              temperature: parameters.do_sample === false ? 0 : (parameters.temperature ?? 1),
              seed: parameters.seed ?? (choice === 0 ? undefined : choice),
              stop: parameters.stop ?? parameters.stop_strings ?? [],
              streaming: false
            })
            .pipe(
              Stream.runCollect,
              Effect.map((tokens) => {
                const text = tokens.map(({ special, text }) => (special ? "" : text)).join("")
                return { generated_text: parameters.return_full_text === false ? text : prompt + text }
              })
            )
      )
    })
    return typeof inputs === "string" ? yield* generate(inputs) : yield* Effect.forEach(inputs, generate)
  })
  return { name: model.name, healthRoute: "/health", handle: Toolkit.serve(pipeline) }
}
