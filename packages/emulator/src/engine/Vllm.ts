/**
 * vLLM, and SGLang: OpenAI's routes for text ({@link make}) and for embeddings ({@link embedding}).
 *
 * It never says 429: up to `maxNumSeqs` generations run, the others wait in order. A `model` of another name is
 * 404 `NotFoundError`, and there is nothing at `GET /`. `response_format` with a schema and a forced tool call
 * are answered with the smallest JSON that the schema allows, since no model here can follow one; tools that
 * the model may call it never calls.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"
import type { WordNetEmbedding } from "../WordNetEmbedding.ts"
import * as ChatMessages from "../internal/chatMessages.ts"
import * as Generations from "../internal/generations.ts"
import * as OpenAiChat from "../internal/openAiChat.ts"
import * as OpenAiCompletions from "../internal/openAiCompletions.ts"
import * as OpenAiEmbeddings from "../internal/openAiEmbeddings.ts"
import type * as OpenAiText from "../internal/openAiText.ts"
import * as Prometheus from "../internal/prometheus.ts"
import * as SimulatedHeader from "../internal/simulatedHeader.ts"
import * as VllmMetrics from "../internal/vllmMetrics.ts"
import * as Vllm from "../internal/vllmProtocol.ts"

/** How a model is served. */
export interface Options {
  /** The name that requests must give: on an endpoint, the repository. The model's own when left out. */
  readonly modelId?: string | undefined
  /** `--max-num-seqs`: how many generations run at a time; 256 when left out. */
  readonly maxNumSeqs?: number | undefined
  /** `--max-model-len`: tokens of prompt and answer together; the model's own when left out. */
  readonly maxModelLength?: number | undefined
  /** Whose metrics to give; vLLM's when left out. */
  readonly flavor?: "vLLM" | "sGLang" | undefined
}

const decodeTokenize = Engine.decoder(
  Schema.Struct({
    model: Schema.optionalKey(Schema.NullOr(Schema.String)),
    prompt: Schema.optionalKey(Schema.String),
    messages: Schema.optionalKey(ChatMessages.Messages),
    return_token_strs: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
  })
)

const decodeDetokenize = Engine.decoder(
  Schema.Struct({
    model: Schema.optionalKey(Schema.NullOr(Schema.String)),
    tokens: Schema.Array(Schema.Int)
  })
)

const invalid = (message: string) => new Engine.Refusal({ reason: "Invalid", message })

/** What vLLM finds wrong with how to sample. */
const problem = (request: OpenAiText.Common): string | undefined => {
  const { max_tokens, n, stream, stream_options, temperature, top_p } = request
  if (typeof max_tokens === "number" && max_tokens < 1)
    return `max_tokens must be at least 1, got ${max_tokens}.`
  if (typeof temperature === "number" && temperature < 0)
    return `temperature must be non-negative, got ${temperature}.`
  if (typeof top_p === "number" && (top_p <= 0 || top_p > 1)) return `top_p must be in (0, 1], got ${top_p}.`
  if (typeof n === "number" && n < 1) return `n must be at least 1, got ${n}.`
  if (stream_options && stream !== true) return "Stream options can only be defined when `stream=True`."
  return undefined
}

/**
 * Serves a text generator: `/v1/chat/completions` and `/v1/completions` (also as streams, with
 * `stream_options.include_usage`), `/v1/models`, `/tokenize`, `/detokenize`, `/health`, `/version`, `/metrics`.
 *
 * @example
 * ```ts
 * import { Vllm, WordNetNGram } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetNGram.load, (model) =>
 *   Vllm.make(model, { modelId: "meta-llama/Llama-3.2-1B", maxNumSeqs: 8 })
 * )
 * ```
 */
export const make = (model: TextModel, options: Options = {}): Engine.Engine => {
  const modelId = options.modelId ?? model.name
  const maxLength = Math.min(options.maxModelLength ?? model.maxLength, model.maxLength)
  const generations = Generations.make(model, options.maxNumSeqs ?? 256)
  const headers = SimulatedHeader.headers(model)

  const server: OpenAiText.Server = {
    generations,
    json: Vllm.json,
    dialect: Vllm.dialect,
    resolve: Effect.fnUntraced(function* (request, promptTokens, kind) {
      yield* Vllm.checkModel(request.model, modelId)
      const wrong = problem(request)
      if (wrong !== undefined) return yield* invalid(wrong)
      const room = maxLength - promptTokens
      const asked = request.max_tokens ?? (kind === "chat" ? undefined : 16)
      if (room < 1 || (typeof request.max_tokens === "number" && request.max_tokens > room)) {
        const output = request.max_tokens ?? 0
        const input = `${room < 1 ? "at least " : ""}${promptTokens}`
        return yield* invalid(
          `This model's maximum context length is ${maxLength} tokens. However, you requested ${output} ` +
            `output tokens and your prompt contains ${input} input tokens, for a total of ` +
            `${room < 1 ? "at least " : ""}${promptTokens + output} tokens. Please reduce the length of the ` +
            `input prompt or the number of requested output tokens. ` +
            `(parameter=input_tokens, value=${promptTokens})`
        )
      }
      return { model: modelId, maxTokens: Math.min(asked ?? room, room) }
    }),
    idPrefix: { chat: "chatcmpl-", completion: "cmpl-" },
    opening: { role: "assistant", content: "" },
    more: {},
    headers
  }

  const tokenize = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* decodeTokenize(json)
    yield* Vllm.checkModel(body.model, modelId)
    const text = body.messages ? model.chatPrompt(ChatMessages.read(body.messages)) : body.prompt
    if (text === undefined)
      return yield* new Engine.Refusal({ reason: "Malformed", message: "`prompt` or `messages` is required" })
    const pieces = model.tokenize(text)
    return {
      count: pieces.length,
      max_model_len: maxLength,
      tokens: pieces.map(({ id }) => id),
      token_strs: body.return_token_strs === true ? pieces.map(({ text }) => text) : null
    }
  })

  const detokenize = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* decodeDetokenize(json)
    yield* Vllm.checkModel(body.model, modelId)
    return { prompt: model.detokenize(body.tokens) }
  })

  const metrics = options.flavor === "sGLang" ? VllmMetrics.sgLang : VllmMetrics.vllm
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Engine.router(
      {
        ...Vllm.routes({ modelId, maxLength, headers }),
        "POST /v1/chat/completions": OpenAiChat.handle(server),
        "POST /v1/completions": OpenAiCompletions.handle(server),
        "POST /v1/embeddings": Vllm.unsupported("Embeddings"),
        "POST /tokenize": answered(tokenize),
        "POST /detokenize": answered(detokenize),
        "GET /metrics": () => Prometheus.answer(metrics(generations, modelId))
      },
      Vllm.otherwise
    )
  }
}

const answered =
  (work: (json: unknown) => Effect.Effect<unknown, Engine.Refusal>): Engine.Engine["handle"] =>
  (request) =>
    Vllm.json(request).pipe(
      Effect.flatMap(work),
      Effect.map((body) => HttpServerResponse.jsonUnsafe(body)),
      Engine.refuseWith(Vllm.dialect)
    )

/**
 * Serves an embedding model: `/v1/embeddings`, `/v1/models`, `/health`, `/version`. A text that is too long is
 * refused.
 *
 * @example
 * ```ts
 * import { Vllm, WordNetEmbedding } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetEmbedding.load(), (model) =>
 *   Vllm.embedding(model, { modelId: "intfloat/e5-small" })
 * )
 * ```
 */
export const embedding = (model: WordNetEmbedding, options: Pick<Options, "modelId"> = {}): Engine.Engine => {
  const modelId = options.modelId ?? model.name

  const embed = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* OpenAiEmbeddings.decode(json)
    yield* Vllm.checkModel(body.model, modelId)
    if (typeof body.dimensions === "number")
      return yield* invalid(`Model "${modelId}" does not support matryoshka representation`)
    let tokens = 0
    const vectors: Array<Float32Array<ArrayBuffer>> = []
    for (const item of OpenAiEmbeddings.items(body.input).items) {
      const text = typeof item === "string" ? item : model.decode(item)
      const count = model.countTokens(text)
      if (count > model.maxTokens) {
        return yield* invalid(
          `This model's maximum context length is ${model.maxTokens} tokens. However, you requested 0 output ` +
            `tokens and your prompt contains ${count} input tokens, for a total of ${count} tokens. Please ` +
            `reduce the length of the input prompt. (parameter=input_tokens, value=${count})`
        )
      }
      tokens += count
      vectors.push(model.embed(text).vector)
    }
    return OpenAiEmbeddings.answer({ model: modelId, vectors, tokens, format: body.encoding_format })
  })

  return {
    name: model.name,
    healthRoute: "/health",
    handle: Engine.router(
      {
        ...Vllm.routes({ modelId, maxLength: model.maxTokens, headers: {} }),
        "POST /v1/embeddings": answered(embed),
        "POST /v1/chat/completions": Vllm.unsupported("Chat Completions"),
        "POST /v1/completions": Vllm.unsupported("Completions")
      },
      Vllm.otherwise
    )
  }
}
