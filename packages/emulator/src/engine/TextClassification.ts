/**
 * Serves the source-language classifier as an endpoint would: from Hugging Face's own image ({@link toolkit})
 * or from Text Embeddings Inference ({@link tei}).
 *
 * Scores are the network's probabilities. It gives no logits, so where raw ones are asked for
 * (`function_to_apply: "none"`, `raw_scores`) they are the probabilities' logarithms, whose softmax is the
 * same.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Engine from "../Engine.ts"
import * as SourceLanguage from "../SourceLanguage.ts"
import * as Tei from "../internal/tei.ts"
import * as TeiTokens from "../internal/teiTokens.ts"
import * as TeiVertex from "../internal/teiVertex.ts"
import * as Toolkit from "../internal/toolkit.ts"

/** Whose habits Text Embeddings Inference has, and its bounds. */
export interface TeiOptions extends Tei.Options {}

// A probability that underflowed still has a logarithm, and JSON has no infinity.
const logit = (probability: number): number => Math.log(Math.max(probability, Number.MIN_VALUE))

const functions: Readonly<Record<string, (probability: number) => number>> = {
  SOFTMAX: (probability) => probability,
  SIGMOID: (probability) => 1 / (1 + Math.exp(-logit(probability))),
  NONE: logit
}

const decodeParameters = Engine.decoder(
  Schema.Struct({
    top_k: Schema.optionalKey(Schema.NullOr(Schema.Int)),
    function_to_apply: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
)

/**
 * The classifier in Hugging Face's own image. `POST /` and `/predict` take `{"inputs": text | texts,
 * "parameters"?}`. Without `top_k` each text has its likeliest label, and the answer is one flat list:
 * `[{"label", "score"}]` for a text, one entry a text for a list. With `top_k` (`null` for all) a text has a
 * list of its own: flat for a text, a list of lists for a list. Errors are 400 `{"error"}`.
 *
 * @example
 * ```ts
 * import { SourceLanguage, TextClassification } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(SourceLanguage.make, TextClassification.toolkit)
 * ```
 */
export const toolkit = (model: SourceLanguage.SourceLanguage): Engine.Engine => {
  const pipeline = Effect.fnUntraced(function* (call: Toolkit.Call) {
    const inputs = yield* Toolkit.text(call.inputs)
    const { function_to_apply: name, top_k: top } = yield* decodeParameters(call.parameters)
    const apply = functions[(name ?? "softmax").toUpperCase()]
    if (apply === undefined) {
      // Python's KeyError has no more to say than the key.
      return yield* new Engine.Refusal({ reason: "Invalid", message: `'${name?.toUpperCase()}'` })
    }
    const count = top === undefined ? 1 : (top ?? undefined)
    const classify = (text: string) =>
      Effect.map(model.classify(text), (classes) =>
        classes.slice(0, count).map(({ label, score }) => ({ label, score: apply(score) }))
      )
    if (typeof inputs === "string") return yield* classify(inputs)
    const results = yield* Effect.forEach(inputs, (text) => classify(text))
    return top === undefined ? results.flat() : results
  })
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Toolkit.serve(pipeline)
  }
}

const Text = Schema.Tuple([Schema.String])
const Pair = Schema.Tuple([Schema.String, Schema.String])

// A flat list is one text or a pair of them; a batch is a list of such lists.
const decodePredict = Engine.decoder(
  Schema.Struct({
    inputs: Schema.Union([Schema.String, Text, Pair, Schema.NonEmptyArray(Schema.Union([Text, Pair]))]),
    truncate: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    raw_scores: Schema.optionalKey(Schema.Boolean)
  })
)

/**
 * The classifier in Text Embeddings Inference. `POST /predict` and `/` take `{"inputs", "raw_scores"?}`,
 * where inputs are a text, `[text]`, a pair `[text, text]` (read as one text of two lines), or a batch of
 * such lists. The answer has every label, likeliest first: `[{"score", "label"}]`, or a list of those for a
 * batch. At most 32 inputs and 2 MB a request.
 *
 * @example
 * ```ts
 * import { SourceLanguage, TextClassification } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(SourceLanguage.make, (model) => TextClassification.tei(model))
 * ```
 */
export const tei = (model: SourceLanguage.SourceLanguage, options?: TeiOptions): Engine.Engine => {
  const server = Tei.open(options)

  const predict = Effect.fnUntraced(function* (json: unknown): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const { inputs, raw_scores: raw } = yield* decodePredict(json)
    const { batch, isBatch } = readInputs(inputs)
    const classify = Effect.gen(function* () {
      for (const text of batch) yield* Tei.checkText(text)
      return yield* Effect.forEach(batch, (text) =>
        Effect.map(model.classify(text), (classes) =>
          classes.map(({ label, score }) => ({ score: raw === true ? logit(score) : score, label }))
        )
      )
    })
    const results = yield* isBatch ? Tei.batch(server, batch.length, classify) : Tei.single(server, classify)
    const characters = batch.reduce((sum, text) => sum + Tei.characters(text), 0)
    return { output: isBatch ? results : results[0], characters, tokens: characters }
  })

  const rerank = () => Effect.fail(Tei.unsupported("model is not a re-ranker model"))
  const notEmbedding = Tei.route(server, () =>
    Effect.fail(Tei.unsupported("Model is not an embedding model"))
  )
  const answer = Tei.route(server, predict)
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Tei.serve(
      server,
      {
        model_dtype: "float32",
        model_type: {
          classifier: {
            id2label: Object.fromEntries(SourceLanguage.labels.map((label, id) => [String(id), label])),
            label2id: Object.fromEntries(SourceLanguage.labels.map((label, id) => [label, id]))
          }
        },
        max_input_length: maxTokens
      },
      {
        "POST /": answer,
        "POST /invocations": answer,
        "POST /predict": answer,
        "POST /rerank": Tei.route(server, rerank),
        "POST /embed": notEmbedding,
        "POST /embed_all": notEmbedding,
        "POST /embed_sparse": notEmbedding,
        "POST /similarity": notEmbedding,
        ...TeiTokens.routes(server, Characters),
        ...TeiVertex.route(server, { own: predict, rerank })
      }
    )
  }
}

const Characters: TeiTokens.Tokenizer = {
  tokenize: (text) =>
    Array.from(text, (character, start) => ({
      id: character.codePointAt(0) ?? 0,
      text: character,
      start,
      stop: start + 1
    })),
  decode: (ids) => ids.map((id) => (id <= 0x10ffff ? String.fromCodePoint(id) : "")).join("")
}

// The network's tokens are characters, and it cuts what is longer by itself.
const maxTokens = 100_000

type Predict = string | ReadonlyArray<string | ReadonlyArray<string>>

const readInputs = (
  inputs: Predict
): { readonly batch: ReadonlyArray<string>; readonly isBatch: boolean } => {
  if (typeof inputs === "string") return { batch: [inputs], isBatch: false }
  const isBatch = inputs.some((input) => typeof input !== "string")
  const texts = inputs.map((input) => (typeof input === "string" ? input : input.join("\n")))
  return isBatch ? { batch: texts, isBatch } : { batch: [texts.join("\n")], isBatch }
}
