/**
 * Serves the WordNet embedding as an endpoint would: from Hugging Face's own image ({@link toolkit}) or from
 * Text Embeddings Inference ({@link tei}). OpenAI's `/v1/embeddings` and `/v1/models` answer in both.
 *
 * The engines take no more time than computing does, so they are never overloaded: latency, queues and 429
 * belong to what stands in front of them.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as WordNetEmbedding from "../WordNetEmbedding.ts"
import * as OpenAiEmbeddings from "../internal/openAiEmbeddings.ts"
import * as Tei from "../internal/tei.ts"
import * as Toolkit from "../internal/toolkit.ts"

/** Whose habits Text Embeddings Inference has, and its bounds. */
export interface TeiOptions extends Tei.Options {}

/** How the toolkit serves the model. */
export interface ToolkitOptions {
  /**
   * The endpoint's `model.task`. `feature-extraction`, the default, nests a text's vector as its model's
   * first output, of shape (1, dimensions); `sentence-embeddings` answers `{"embeddings"}` without that
   * nesting.
   */
  readonly task?: "feature-extraction" | "sentence-embeddings" | undefined
  /** What the OpenAI routes name as the model; `/repository`, as on an endpoint, when left out. */
  readonly modelId?: string | undefined
}

/**
 * The model in Hugging Face's own image. `POST /` and `/predict` take `{"inputs": text | texts}` and answer
 * nested arrays: `[vector]` for a text and `[[vector], …]` for a list. Errors are 400 `{"error"}`.
 *
 * @example
 * ```ts
 * import { FeatureExtraction, WordNetEmbedding } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetEmbedding.load(), (model) => FeatureExtraction.toolkit(model))
 * ```
 */
export const toolkit = (
  model: WordNetEmbedding.WordNetEmbedding,
  options: ToolkitOptions = {}
): Engine.Engine => {
  const modelId = options.modelId ?? "/repository"
  const vector = (text: string) => Array.from(model.embed(text).vector)
  const shape: (inputs: string | ReadonlyArray<string>) => unknown =
    options.task === "sentence-embeddings"
      ? (inputs) => ({
          embeddings: typeof inputs === "string" ? vector(inputs) : inputs.map(vector)
        })
      : (inputs) => (typeof inputs === "string" ? [vector(inputs)] : inputs.map((text) => [vector(text)]))

  const openAi: Engine.Engine["handle"] = (request) =>
    Toolkit.json(request).pipe(
      Effect.flatMap(OpenAiEmbeddings.decode),
      Effect.flatMap((body) =>
        embedOpenAi(model, OpenAiEmbeddings.items(body.input).items, { body, modelId, truncate: true })
      ),
      Effect.map(({ output }) => HttpServerResponse.jsonUnsafe(output)),
      Engine.refuseWith(Toolkit.dialect)
    )
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Toolkit.serve(({ inputs }) => Effect.map(Toolkit.text(inputs), shape), {
      "POST /v1/embeddings": openAi,
      "GET /v1/models": OpenAiEmbeddings.models(modelId)
    })
  }
}

const decodeEmbed = Engine.decoder(
  Schema.Struct({
    inputs: OpenAiEmbeddings.Inputs,
    truncate: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    normalize: Schema.optionalKey(Schema.Boolean),
    dimensions: Schema.optionalKey(OpenAiEmbeddings.Dimensions),
    prompt_name: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
)

/**
 * The model in Text Embeddings Inference. `POST /embed` and `/` take `{"inputs", "normalize"?, "truncate"?,
 * "dimensions"?}` and answer `[vector, …]`, also for one text. At most 32 inputs and 2 MB a request.
 *
 * @example
 * ```ts
 * import { FeatureExtraction, WordNetEmbedding } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetEmbedding.load(), (model) =>
 *   FeatureExtraction.tei(model, { release: "1.9", maxClientBatchSize: 128 })
 * )
 * ```
 */
export const tei = (model: WordNetEmbedding.WordNetEmbedding, options?: TeiOptions): Engine.Engine => {
  const settings = Tei.settings(options)

  const checked = <A>(
    inputs: OpenAiEmbeddings.Inputs,
    work: (items: ReadonlyArray<OpenAiEmbeddings.Input>) => Effect.Effect<A, Engine.Refusal>
  ) => {
    const { isList, items } = OpenAiEmbeddings.items(inputs)
    return isList ? Effect.andThen(Tei.checkBatch(items.length, settings), work(items)) : work(items)
  }

  const embed = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const body = yield* Effect.flatMap(Tei.json(request), decodeEmbed)
    if (typeof body.prompt_name === "string") return yield* noPrompts(body.prompt_name)
    const { characters, tokens, vectors } = yield* checked(body.inputs, (items) =>
      embedAll(model, items, {
        truncate: body.truncate ?? settings.autoTruncate,
        normalize: body.normalize ?? true,
        dimensions: body.dimensions ?? undefined
      })
    )
    return { characters, tokens, output: vectors.map((vector) => Array.from(vector)) }
  })

  const openAi = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const body = yield* Effect.flatMap(Tei.json(request), OpenAiEmbeddings.decode)
    return yield* checked(body.input, (items) =>
      embedOpenAi(model, items, { body, modelId: settings.modelId, truncate: settings.autoTruncate })
    )
  })

  const answerEmbed: Engine.Engine["handle"] = (request) =>
    Engine.refuseWith(Tei.dialect(settings))(Tei.respond(embed(request)))
  const answerOpenAi: Engine.Engine["handle"] = (request) =>
    Engine.refuseWith(Tei.openAiDialect(settings))(Tei.respond(openAi(request)))

  return {
    name: model.name,
    healthRoute: "/health",
    handle: Tei.serve(
      settings,
      {
        model_dtype: "int8",
        model_type: { embedding: { pooling: "mean" } },
        max_input_length: model.maxTokens
      },
      {
        "POST /": answerEmbed,
        "POST /embed": answerEmbed,
        "POST /v1/embeddings": answerOpenAi,
        "POST /embeddings": answerOpenAi,
        "GET /v1/models": OpenAiEmbeddings.models(settings.modelId)
      }
    )
  }
}

const noPrompts = (name: string) =>
  Tei.refused(
    "Invalid",
    `Input validation error: \`default-prompt-name\` is set to \`${name}\` but no prompts were found in ` +
      "the Sentence Transformers configuration"
  )

const embedAll = Effect.fnUntraced(function* (
  model: WordNetEmbedding.WordNetEmbedding,
  items: ReadonlyArray<OpenAiEmbeddings.Input>,
  options: {
    readonly truncate: boolean
    readonly normalize: boolean
    readonly dimensions: number | undefined
  }
) {
  const { dimensions = model.dimensions, normalize, truncate } = options
  const texts = items.map((item) => (typeof item === "string" ? item : model.decode(item)))
  for (const text of texts) {
    yield* Tei.checkText(text)
    if (!truncate) yield* Tei.checkLength(model.countTokens(text), model.maxTokens)
  }
  if (dimensions === 0) {
    return yield* Tei.refused("Invalid", "Input validation error: `dimensions` should be positive")
  }
  if (dimensions > model.dimensions) {
    return yield* Tei.refused(
      "Invalid",
      "Input validation error: `dimensions` should be smaller than the maximum embedding dimension."
    )
  }
  let tokens = 0
  let characters = 0
  const vectors = texts.map((text) => {
    const embedding = normalize ? model.embed(text) : model.pool(text)
    tokens += embedding.tokens
    characters += Tei.characters(text)
    if (dimensions === model.dimensions) return embedding.vector
    return normalize
      ? WordNetEmbedding.truncate(embedding.vector, dimensions)
      : embedding.vector.slice(0, dimensions)
  })
  return { vectors, tokens, characters }
})

const embedOpenAi = Effect.fnUntraced(function* (
  model: WordNetEmbedding.WordNetEmbedding,
  items: ReadonlyArray<OpenAiEmbeddings.Input>,
  options: {
    readonly body: OpenAiEmbeddings.Request
    readonly modelId: string
    readonly truncate: boolean
  }
): Effect.fn.Return<Tei.Work, Engine.Refusal> {
  const { body, modelId, truncate } = options
  const { characters, tokens, vectors } = yield* embedAll(model, items, {
    truncate,
    normalize: true,
    dimensions: body.dimensions ?? undefined
  })
  const output = OpenAiEmbeddings.answer({ model: modelId, vectors, tokens, format: body.encoding_format })
  return { characters, tokens, output }
})
