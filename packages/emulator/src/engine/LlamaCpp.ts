/**
 * llama.cpp's server: OpenAI's routes and its own, over a text generator ({@link make}) or an embedding model
 * ({@link embedding}).
 *
 * It has a few slots; what finds none free waits, and is never refused for it. Any `model` is taken, and
 * answers name the file that is served. A schema and a forced tool call are answered as {@link Vllm} does.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"
import type { WordNetEmbedding } from "../WordNetEmbedding.ts"
import * as ChatMessages from "../internal/chatMessages.ts"
import * as Generations from "../internal/generations.ts"
import * as LlamaCpp from "../internal/llamaCppProtocol.ts"
import * as OpenAiChat from "../internal/openAiChat.ts"
import * as OpenAiCompletions from "../internal/openAiCompletions.ts"
import * as OpenAiEmbeddings from "../internal/openAiEmbeddings.ts"
import * as OpenAiText from "../internal/openAiText.ts"
import * as Prometheus from "../internal/prometheus.ts"
import * as ServerSentEvents from "../internal/serverSentEvents.ts"
import * as SimulatedHeader from "../internal/simulatedHeader.ts"

/** How a model is served. */
export interface Options {
  /** What answers name as the model: the file's path, or `LLAMA_ARG_ALIAS`. The model's own when left out. */
  readonly modelId?: string | undefined
  /** `LLAMA_ARG_N_PARALLEL`: how many generations run at a time; 4 when left out. */
  readonly slots?: number | undefined
  /** `LLAMA_ARG_CTX_SIZE`: tokens of all slots together; as many as the model reads in each when left out. */
  readonly contextSize?: number | undefined
}

const decodeContent = Engine.decoder(Schema.Struct({ content: Schema.String }))
const decodeTokens = Engine.decoder(Schema.Struct({ tokens: Schema.Array(Schema.Int) }))
const decodeMessages = Engine.decoder(Schema.Struct({ messages: ChatMessages.Messages }))
const decodeCompletion = Engine.decoder(
  Schema.Struct({
    ...OpenAiText.fields,
    prompt: Schema.String,
    n_predict: Schema.optionalKey(Schema.NullOr(Schema.Int))
  })
)

const answered =
  (work: (json: unknown) => Effect.Effect<unknown, Engine.Refusal>): Engine.Engine["handle"] =>
  (request) =>
    LlamaCpp.json(request).pipe(
      Effect.flatMap(work),
      Effect.map((body) => HttpServerResponse.jsonUnsafe(body)),
      Engine.refuseWith(LlamaCpp.dialect)
    )

const refused =
  (message: string): Engine.Engine["handle"] =>
  () =>
    Effect.succeed(LlamaCpp.dialect(new Engine.Refusal({ reason: "Unsupported", message })))

const common = (modelId: string, contextSize: number): Engine.Routes => {
  const healthy = () => Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "ok" }))
  const models = () =>
    Effect.succeed(
      HttpServerResponse.jsonUnsafe({
        object: "list",
        data: [
          {
            id: modelId,
            object: "model",
            created: 0,
            owned_by: "llamacpp",
            meta: { n_ctx_train: contextSize }
          }
        ]
      })
    )
  return {
    "GET /": () => Effect.succeed(HttpServerResponse.html("<!doctype html><title>llama.cpp</title>")),
    "GET /health": healthy,
    "GET /v1/health": healthy,
    "GET /models": models,
    "GET /v1/models": models
  }
}

/** What a text cost, as every answer tells it. */
const timings = ({ promptTokens, timing }: Generations.Generation, tokens: number) => {
  const prompt = Math.max(0, timing.first - timing.started)
  const predicted = Math.max(0, timing.finished - timing.first)
  return {
    timings: {
      cache_n: 0,
      prompt_n: promptTokens,
      prompt_ms: prompt,
      predicted_n: tokens,
      predicted_ms: predicted
    }
  }
}

/**
 * Serves a text generator: `/v1/chat/completions`, `/v1/completions`, `/completion`, `/v1/models`, `/tokenize`,
 * `/detokenize`, `/apply-template`, `/props`, `/slots`, `/health`, `/metrics`.
 *
 * @example
 * ```ts
 * import { LlamaCpp, WordNetNGram } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetNGram.load, (model) =>
 *   LlamaCpp.make(model, { modelId: "/repository/model.Q4_K_M.gguf", slots: 2 })
 * )
 * ```
 */
export const make = (model: TextModel, options: Options = {}): Engine.Engine => {
  const modelId = options.modelId ?? model.name
  const slots = options.slots ?? 4
  const room = Math.min(model.maxLength, Math.floor((options.contextSize ?? slots * model.maxLength) / slots))
  const generations = Generations.make(model, slots)
  const headers = SimulatedHeader.headers(model)

  const server: OpenAiText.Server = {
    generations,
    json: LlamaCpp.json,
    dialect: LlamaCpp.dialect,
    resolve: (request, promptTokens) => {
      const left = room - promptTokens
      if (left < 1) {
        const message =
          `request (${promptTokens} tokens) exceeds the available context size (${room} tokens), ` +
          "try increasing it"
        return Effect.fail(new Engine.Refusal({ reason: "Invalid", message }))
      }
      // -1 is as much as there is room for, which is the default.
      const asked = request.max_tokens ?? -1
      return Effect.succeed({ model: modelId, maxTokens: asked < 1 ? left : Math.min(asked, left) })
    },
    idPrefix: { chat: "chatcmpl-", completion: "chatcmpl-" },
    opening: { role: "assistant", content: null },
    more: { system_fingerprint: "b6000-stint" },
    cost: timings,
    headers
  }

  const completion = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* decodeCompletion(json)
    const request = { ...body, max_tokens: body.n_predict ?? body.max_tokens ?? null }
    const { maxTokens } = yield* server.resolve(request, model.countTokens(body.prompt), "completion")
    const generation = generations.start(body.prompt, OpenAiText.sampling(request, maxTokens, 0))
    const stop = OpenAiText.stops(request.stop)
    const last = (reason: OpenAiText.Shown["token"]["finishReason"], tokens: number) => ({
      index: 0,
      model: modelId,
      stop: true,
      stop_type: reason === "length" ? "limit" : reason === "stop" ? "word" : "eos",
      tokens_predicted: tokens,
      tokens_evaluated: generation.promptTokens,
      truncated: false,
      ...timings(generation, tokens)
    })
    if (request.stream !== true) {
      const { finishReason, text, tokens } = yield* OpenAiText.whole(generation, stop)
      const answer = { content: text, prompt: body.prompt, ...last(finishReason, tokens.length) }
      return HttpServerResponse.jsonUnsafe(answer, { headers })
    }
    let count = 0
    const events = generation.tokens.pipe(
      OpenAiText.show(stop),
      Stream.map(({ text, token }) => {
        count += 1
        return token.finishReason === undefined
          ? { index: 0, content: text, tokens: [token.id], stop: false }
          : { content: text, tokens: [], ...last(token.finishReason, count) }
      })
    )
    return yield* ServerSentEvents.answer(events, headers)
  })

  const slotList = Effect.map(generations.load, ({ running }) =>
    HttpServerResponse.jsonUnsafe(
      Array.from({ length: slots }, (_, id) => ({ id, n_ctx: room, is_processing: id < running }))
    )
  )
  const props = {
    default_generation_settings: { id: 0, n_ctx: room },
    total_slots: slots,
    model_path: modelId,
    chat_template: "",
    build_info: "stint"
  }
  const complete: Engine.Engine["handle"] = (request) =>
    LlamaCpp.json(request).pipe(Effect.flatMap(completion), Engine.refuseWith(LlamaCpp.dialect))
  const chat = OpenAiChat.handle(server)
  const noEmbeddings = refused("This server does not support embeddings. Start it with `--embeddings`")
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Engine.router(
      {
        ...common(modelId, room),
        "POST /v1/chat/completions": chat,
        "POST /chat/completions": chat,
        "POST /v1/completions": OpenAiCompletions.handle(server),
        "POST /completion": complete,
        "POST /completions": complete,
        "POST /tokenize": answered((json) =>
          Effect.map(decodeContent(json), ({ content }) => ({
            tokens: model.tokenize(content).map(({ id }) => id)
          }))
        ),
        "POST /detokenize": answered((json) =>
          Effect.map(decodeTokens(json), ({ tokens }) => ({ content: model.detokenize(tokens) }))
        ),
        "POST /apply-template": answered((json) =>
          Effect.map(decodeMessages(json), ({ messages }) => ({
            prompt: model.chatPrompt(ChatMessages.read(messages))
          }))
        ),
        "POST /embedding": noEmbeddings,
        "POST /embeddings": noEmbeddings,
        "POST /v1/embeddings": noEmbeddings,
        "GET /props": () => Effect.succeed(HttpServerResponse.jsonUnsafe(props)),
        "GET /slots": () => slotList,
        "GET /metrics": () => Prometheus.answer(LlamaCpp.metrics(generations))
      },
      LlamaCpp.otherwise
    )
  }
}

/**
 * Serves an embedding model, as with `--embeddings`: `/v1/embeddings` and `/embedding` (`{"content"}`, or
 * `{"input"}`).
 *
 * @example
 * ```ts
 * import { LlamaCpp, WordNetEmbedding } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetEmbedding.load(), (model) => LlamaCpp.embedding(model))
 * ```
 */
export const embedding = (model: WordNetEmbedding, options: Pick<Options, "modelId"> = {}): Engine.Engine => {
  const modelId = options.modelId ?? model.name
  const text = (item: OpenAiEmbeddings.Input) => (typeof item === "string" ? item : model.decode(item))

  const openAi = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* OpenAiEmbeddings.decode(json)
    const texts = OpenAiEmbeddings.items(body.input).items.map(text)
    const tokens = texts.reduce((sum, text) => sum + model.countTokens(text), 0)
    const vectors = texts.map((text) => model.embed(text).vector)
    return OpenAiEmbeddings.answer({ model: modelId, vectors, tokens, format: body.encoding_format })
  })
  const decodeNative = Engine.decoder(
    Schema.Union([
      Schema.Struct({ content: OpenAiEmbeddings.Inputs }),
      Schema.Struct({ input: OpenAiEmbeddings.Inputs })
    ])
  )
  const native = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* decodeNative(json)
    const { items } = OpenAiEmbeddings.items("content" in body ? body.content : body.input)
    return items.map((item, index) => ({ index, embedding: [Array.from(model.embed(text(item)).vector)] }))
  })
  const noText = refused("This server does not support completions. Start it without `--embeddings`")
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Engine.router(
      {
        ...common(modelId, model.maxTokens),
        "POST /v1/embeddings": answered(openAi),
        "POST /embeddings": answered(native),
        "POST /embedding": answered(native),
        "POST /v1/chat/completions": noText,
        "POST /v1/completions": noText,
        "POST /completion": noText
      },
      LlamaCpp.otherwise
    )
  }
}
