/**
 * Text Generation Inference: its own routes and OpenAI's.
 *
 * One request more than `maxConcurrentRequests` is 429 `{"error": "Model is overloaded", "error_type":
 * "overloaded"}`, without a `Retry-After`. A stream answers 200 first and tells what is wrong as an event.
 * Grammars, schemas and forced tool calls are answered with the smallest JSON that they allow, since no model
 * here can follow one.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"
import * as Admission from "../internal/admission.ts"
import * as Axum from "../internal/axum.ts"
import * as ChatMessages from "../internal/chatMessages.ts"
import * as Generations from "../internal/generations.ts"
import * as Prometheus from "../internal/prometheus.ts"
import * as SimulatedHeader from "../internal/simulatedHeader.ts"
import * as TgiGenerate from "../internal/tgiGenerate.ts"
import * as TgiOpenAi from "../internal/tgiOpenAi.ts"
import * as Tgi from "../internal/tgiProtocol.ts"
import type * as TgiServer from "../internal/tgiServer.ts"

/** How a model is served. */
export interface Options {
  /** What answers name as the model; `/repository`, as on an endpoint, when left out. */
  readonly modelId?: string | undefined
  /** `MAX_CONCURRENT_REQUESTS`: requests at a time, queued ones included; 128 when left out. */
  readonly maxConcurrentRequests?: number | undefined
  /** `MAX_INPUT_TOKENS`: tokens of a prompt; one less than of all when left out. */
  readonly maxInputTokens?: number | undefined
  /** `MAX_TOTAL_TOKENS`: tokens of prompt and answer; what the model reads when left out. */
  readonly maxTotalTokens?: number | undefined
  /** `MAX_CLIENT_BATCH_SIZE`: prompts of a completion request; 4 when left out. */
  readonly maxClientBatchSize?: number | undefined
}

const decodeChat = Engine.decoder(TgiOpenAi.Chat)
const decodeCompletion = Engine.decoder(TgiOpenAi.Completion)
const decodeVertex = Engine.decoder(Schema.Struct({ instances: Schema.Array(TgiGenerate.Request) }))
const decodeAny = Engine.decoder(Schema.Union([TgiGenerate.Request, TgiOpenAi.Chat, TgiOpenAi.Completion]))

const offsets = (pieces: ReadonlyArray<{ readonly id: number; readonly text: string }>) => {
  let start = 0
  return pieces.map(({ id, text }) => ({ id, text, start, stop: (start += Array.from(text).length) }))
}

/**
 * Serves a text generator: `/`, `/generate`, `/generate_stream`, `/v1/chat/completions`, `/v1/completions`,
 * `/tokenize`, `/chat_tokenize`, `/invocations`, `/vertex`, `/info`, `/v1/models`, `/health`, `/metrics`.
 *
 * @example
 * ```ts
 * import { Tgi, WordNetNGram } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetNGram.load, (model) => Tgi.make(model, { maxConcurrentRequests: 8 }))
 * ```
 */
export const make = (model: TextModel, options: Options = {}): Engine.Engine => {
  const maxConcurrentRequests = options.maxConcurrentRequests ?? 128
  const maxTotalTokens = Math.min(options.maxTotalTokens ?? model.maxLength, model.maxLength)
  const maxInputTokens = Math.min(options.maxInputTokens ?? maxTotalTokens - 1, maxTotalTokens - 1)
  const modelId = options.modelId ?? "/repository"
  const server: TgiServer.Server = {
    model,
    modelId,
    bounds: { maxInputTokens, maxTotalTokens, maxBestOf: 2, maxStopSequences: 4, maxTopNTokens: 5 },
    maxClientBatchSize: options.maxClientBatchSize ?? 4,
    admission: Admission.make(maxConcurrentRequests),
    generations: Generations.make(model, maxConcurrentRequests),
    requests: { count: 0, failures: {} },
    headers: SimulatedHeader.headers(model)
  }
  const info = {
    model_id: modelId,
    model_sha: null,
    model_pipeline_tag: "text-generation",
    max_concurrent_requests: maxConcurrentRequests,
    max_best_of: server.bounds.maxBestOf,
    max_stop_sequences: server.bounds.maxStopSequences,
    max_input_tokens: maxInputTokens,
    max_total_tokens: maxTotalTokens,
    validation_workers: 2,
    max_client_batch_size: server.maxClientBatchSize,
    router: "text-generation-router",
    version: Tgi.version,
    sha: null,
    docker_label: null,
    ...(model.isSimulated ? { simulated: true, simulation: model.name } : {})
  }

  const generate = (request: TgiGenerate.Request, isWrapped: boolean) =>
    Effect.map(TgiGenerate.generate(server, request, isWrapped), ({ headers, output }) =>
      HttpServerResponse.jsonUnsafe(isWrapped ? [output] : output, { headers })
    )
  /** The route at `/` answers prompt and text in a list, as a pipeline does. */
  const compatible = (request: TgiGenerate.Request) =>
    request.stream === true ? TgiGenerate.stream(server, request, true) : generate(request, true)

  const chatTokenize = Effect.fnUntraced(function* (json: unknown) {
    const { messages } = yield* decodeChat(json)
    const text = model.chatPrompt(ChatMessages.read(messages))
    const body = { tokenize_response: offsets(model.tokenize(text)), templated_text: text }
    return HttpServerResponse.jsonUnsafe(body)
  })
  const vertex = Effect.fnUntraced(function* (json: unknown) {
    const { instances } = yield* decodeVertex(json)
    const texts = yield* Effect.forEach(instances, (instance) => TgiGenerate.whole(server, instance), {
      concurrency: "unbounded"
    })
    return HttpServerResponse.jsonUnsafe({ predictions: texts.map(({ text }) => text) })
  })
  const invocation = Effect.fnUntraced(function* (json: unknown) {
    const request = yield* decodeAny(json)
    if ("inputs" in request) return yield* compatible(request)
    return "messages" in request
      ? yield* TgiOpenAi.chat(server, request)
      : yield* TgiOpenAi.completions(server, request)
  })

  const route =
    (
      work: (json: unknown) => Effect.Effect<HttpServerResponse.HttpServerResponse, Engine.Refusal>
    ): Engine.Engine["handle"] =>
    (request) =>
      Axum.json(request).pipe(Effect.flatMap(work), Engine.refuseWith(Tgi.dialect))
  const healthy = () => Effect.succeed(HttpServerResponse.empty({ status: 200 }))
  const models = { object: "list", data: [{ id: modelId, object: "model", created: 0, owned_by: modelId }] }
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Engine.router(
      {
        "POST /": route((json) => Effect.flatMap(TgiGenerate.decode(json), compatible)),
        "POST /generate": route((json) =>
          Effect.flatMap(TgiGenerate.decode(json), (request) => generate(request, false))
        ),
        "POST /generate_stream": route((json) =>
          Effect.flatMap(TgiGenerate.decode(json), (request) => TgiGenerate.stream(server, request, false))
        ),
        "POST /v1/chat/completions": route((json) =>
          Effect.flatMap(decodeChat(json), (request) => TgiOpenAi.chat(server, request))
        ),
        "POST /v1/completions": route((json) =>
          Effect.flatMap(decodeCompletion(json), (request) => TgiOpenAi.completions(server, request))
        ),
        "POST /tokenize": route((json) =>
          Effect.map(TgiGenerate.decode(json), ({ inputs }) =>
            HttpServerResponse.jsonUnsafe(offsets(model.tokenize(inputs)))
          )
        ),
        "POST /chat_tokenize": route(chatTokenize),
        "POST /invocations": route(invocation),
        "POST /vertex": route(vertex),
        "GET /": healthy,
        "GET /health": healthy,
        "GET /ping": healthy,
        "GET /info": () => Effect.succeed(HttpServerResponse.jsonUnsafe(info, { headers: server.headers })),
        "GET /v1/models": () => Effect.succeed(HttpServerResponse.jsonUnsafe(models)),
        "GET /metrics": () => Prometheus.answer(Tgi.metrics(server.generations, server.requests))
      },
      (status) => HttpServerResponse.empty({ status })
    )
  }
}
