/**
 * Serves the WordNet embedding as an endpoint would: from Hugging Face's own image ({@link toolkit}) or from
 * Text Embeddings Inference ({@link tei}). OpenAI's `/v1/embeddings` and `/v1/models` answer in both.
 *
 * The engines take no more time than computing does. Text Embeddings Inference still says 429 to whoever comes
 * together with more others than it lets in.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as WordNetEmbedding from "../WordNetEmbedding.ts"
import * as Axum from "../internal/axum.ts"
import * as OpenAiEmbeddings from "../internal/openAiEmbeddings.ts"
import * as Tei from "../internal/tei.ts"
import * as TeiTokens from "../internal/teiTokens.ts"
import * as TeiVertex from "../internal/teiVertex.ts"
import * as Toolkit from "../internal/toolkit.ts"

/** Whose habits Text Embeddings Inference has, and its bounds. */
export interface TeiOptions extends Tei.Options {
  /** The endpoint's `model.task`: `sentence-similarity` makes `POST /` answer as `/similarity` does. */
  readonly task?: "feature-extraction" | "sentence-embeddings" | "sentence-similarity" | undefined
}

/** How the toolkit serves the model. */
export interface ToolkitOptions {
  /**
   * The endpoint's `model.task`. `feature-extraction`, the default, nests a text's vector as its model's
   * first output, of shape (1, dimensions); `sentence-embeddings` answers `{"embeddings"}` without that
   * nesting.
   */
  readonly task?: "feature-extraction" | "sentence-embeddings" | "sentence-similarity" | undefined
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

  const compare = (pair: typeof SentencePairs.Type) => {
    const source = model.embed(pair.source_sentence).vector
    return {
      similarities: pair.sentences.map((text) => WordNetEmbedding.cosine(source, model.embed(text).vector))
    }
  }
  const work = (inputs: unknown) =>
    options.task === "sentence-similarity"
      ? Effect.map(decodePairs(inputs), compare)
      : Effect.map(Toolkit.text(inputs), shape)

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
    handle: Toolkit.serve(({ inputs }) => work(inputs), {
      "POST /v1/embeddings": openAi,
      "GET /v1/models": OpenAiEmbeddings.models(modelId)
    })
  }
}

/** One sentence, and those that it is compared with. */
const SentencePairs = Schema.Struct({
  source_sentence: Schema.String,
  sentences: Schema.Array(Schema.String)
})

const decodePairs = Engine.decoder(SentencePairs)

const decodeEmbed = Engine.decoder(
  Schema.Struct({
    inputs: OpenAiEmbeddings.Inputs,
    truncate: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    normalize: Schema.optionalKey(Schema.Boolean),
    dimensions: Schema.optionalKey(OpenAiEmbeddings.Dimensions),
    prompt_name: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
)

const decodeEmbedAll = Engine.decoder(
  Schema.Struct({
    inputs: OpenAiEmbeddings.Inputs,
    truncate: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    prompt_name: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
)

const decodeSimilarity = Engine.decoder(
  Schema.Struct({
    inputs: SentencePairs,
    parameters: Schema.optionalKey(
      Schema.NullOr(Schema.Struct({ truncate: Schema.optionalKey(Schema.NullOr(Schema.Boolean)) }))
    )
  })
)

/**
 * The model in Text Embeddings Inference. `POST /embed` and `/` take `{"inputs", "normalize"?, "truncate"?,
 * "dimensions"?}` and answer `[vector, …]`, also for one text; `/embed_all` answers the vectors of tokens,
 * `/similarity` cosines, `/tokenize` and `/decode` what they say. At most 32 inputs and 2 MB a request.
 *
 * `/rerank`, `/predict` and `/embed_sparse` are for models of other types, and answered as TEI does for this
 * one: 424. {@link Reranking} and {@link TextClassification} have the first two.
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
export const tei = (model: WordNetEmbedding.WordNetEmbedding, options: TeiOptions = {}): Engine.Engine => {
  const server = Tei.open(options)

  const checked = <A>(
    inputs: OpenAiEmbeddings.Inputs,
    work: (items: ReadonlyArray<OpenAiEmbeddings.Input>) => Effect.Effect<A, Engine.Refusal>
  ) => {
    const { isList, items } = OpenAiEmbeddings.items(inputs)
    return isList ? Tei.batch(server, items.length, work(items)) : Tei.single(server, work(items))
  }

  const embed = Effect.fnUntraced(function* (json: unknown): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const body = yield* decodeEmbed(json)
    if (typeof body.prompt_name === "string") return yield* noPrompts(body.prompt_name)
    const { characters, tokens, vectors } = yield* checked(body.inputs, (items) =>
      embedAll(model, items, {
        truncate: body.truncate ?? server.autoTruncate,
        normalize: body.normalize ?? true,
        dimensions: body.dimensions ?? undefined
      })
    )
    return { characters, tokens, output: vectors.map((vector) => Array.from(vector)) }
  })

  const embedTokens = Effect.fnUntraced(function* (
    json: unknown
  ): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const body = yield* decodeEmbedAll(json)
    if (typeof body.prompt_name === "string") return yield* noPrompts(body.prompt_name)
    const texts = yield* checked(body.inputs, (items) =>
      readTexts(model, items, body.truncate ?? server.autoTruncate)
    )
    const vectors = texts.map(model.embedTokens)
    return {
      characters: texts.reduce((sum, text) => sum + Tei.characters(text), 0),
      tokens: vectors.reduce((sum, list) => sum + list.length, 0),
      output: vectors.map((list) => list.map((vector) => Array.from(vector)))
    }
  })

  const similarity = Effect.fnUntraced(function* (json: unknown): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const { inputs, parameters } = yield* decodeSimilarity(json)
    if (inputs.sentences.length === 0)
      return yield* Tei.refused("Empty", "`inputs.sentences` cannot be empty")
    // The sentence that the others are compared with counts too.
    const items = [inputs.source_sentence, ...inputs.sentences]
    const { characters, tokens, vectors } = yield* Tei.batch(
      server,
      items.length,
      embedAll(model, items, {
        truncate: parameters?.truncate ?? server.autoTruncate,
        normalize: true,
        dimensions: undefined
      })
    )
    const [source = new Float32Array(0), ...others] = vectors
    return { characters, tokens, output: others.map((vector) => WordNetEmbedding.cosine(source, vector)) }
  })

  const openAi = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* OpenAiEmbeddings.decode(json)
    return yield* checked(body.input, (items) =>
      embedOpenAi(model, items, { body, modelId: server.modelId, truncate: server.autoTruncate })
    )
  })
  const answerOpenAi: Engine.Engine["handle"] = (request) =>
    Tei.respond(server, Effect.flatMap(Axum.json(request), openAi)).pipe(
      Engine.refuseWith(Tei.openAiDialect(server))
    )

  const rerank = () => Effect.fail(Tei.unsupported("model is not a re-ranker model"))
  const own = Tei.route(server, options.task === "sentence-similarity" ? similarity : embed)
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Tei.serve(
      server,
      {
        model_dtype: "int8",
        model_type: { embedding: { pooling: "mean" } },
        max_input_length: model.maxTokens
      },
      {
        "POST /": own,
        "POST /invocations": own,
        "POST /embed": Tei.route(server, embed),
        "POST /embed_all": Tei.route(server, embedTokens),
        "POST /embed_sparse": Tei.route(server, () =>
          Effect.fail(Tei.unsupported("Model is not an embedding model with SPLADE pooling"))
        ),
        "POST /similarity": Tei.route(server, similarity),
        "POST /predict": Tei.route(server, () =>
          Effect.fail(Tei.unsupported("Model is not a classifier model"))
        ),
        "POST /rerank": Tei.route(server, rerank),
        "POST /v1/embeddings": answerOpenAi,
        "POST /embeddings": answerOpenAi,
        "GET /v1/models": OpenAiEmbeddings.models(server.modelId),
        ...TeiTokens.routes(server, model),
        ...TeiVertex.route(server, { own: embed, rerank })
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

/** The texts of inputs, each with something in it and short enough. */
const readTexts = Effect.fnUntraced(function* (
  model: WordNetEmbedding.WordNetEmbedding,
  items: ReadonlyArray<OpenAiEmbeddings.Input>,
  truncate: boolean
): Effect.fn.Return<ReadonlyArray<string>, Engine.Refusal> {
  const texts = items.map((item) => (typeof item === "string" ? item : model.decode(item)))
  for (const text of texts) {
    yield* Tei.checkText(text)
    if (!truncate) yield* Tei.checkLength(model.countTokens(text), model.maxTokens)
  }
  return texts
})

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
  const texts = yield* readTexts(model, items, truncate)
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
