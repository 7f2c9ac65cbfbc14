/**
 * What every model served by Text Embeddings Inference (`tei`) has in common: its bounds, its answers to what
 * is outside them, `/info`, `/health` and the `x-compute-*` headers.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as Admission from "./admission.ts"
import * as Axum from "./axum.ts"
import * as Prometheus from "./prometheus.ts"
import * as TeiCounts from "./teiCounts.ts"

/**
 * Whose habits to have. Up to 1.8 what is out of bounds, a batch over the limit included, is **413** and a
 * text that is too long is refused; from 1.9 it is **422**, and such a text is cut unless the request says
 * not to.
 */
export type Release = "1.8" | "1.9"

/** How a model is served. */
export interface Options {
  /** `1.8` when left out. */
  readonly release?: Release | undefined
  /** Inputs a request may hold; 32 when left out. On an endpoint it is `model.env.MAX_CLIENT_BATCH_SIZE`. */
  readonly maxClientBatchSize?: number | undefined
  /** `MAX_CONCURRENT_REQUESTS`: single inputs at a time, of which one more is 429; 512 when left out. */
  readonly maxConcurrentRequests?: number | undefined
  /** What answers name as the model; `/repository`, as on an endpoint, when left out. */
  readonly modelId?: string | undefined
}

/**
 * {@link Options} with every default filled in, the bounds that follow from them, and what a server keeps: the
 * requests that are in, and what it counts.
 */
export interface Server {
  readonly release: Release
  readonly maxClientBatchSize: number
  readonly maxConcurrentRequests: number
  readonly modelId: string
  readonly admission: Admission.Admission
  readonly counts: TeiCounts.Counts
  /** Whether a text that is too long is cut when the request does not say. */
  readonly autoTruncate: boolean
}

/** Starts a server: fills in what {@link Options} leaves out. */
export const open = (options: Options = {}): Server => {
  const maxConcurrentRequests = options.maxConcurrentRequests ?? 512
  return {
    release: options.release ?? "1.8",
    maxClientBatchSize: options.maxClientBatchSize ?? 32,
    maxConcurrentRequests,
    modelId: options.modelId ?? "/repository",
    autoTruncate: options.release === "1.9",
    admission: Admission.make(maxConcurrentRequests),
    counts: TeiCounts.make()
  }
}

const judge = (
  release: Release,
  reason: Engine.Reason
): { readonly status: number; readonly type: string } => {
  switch (reason) {
    case "Empty":
      return { status: 400, type: "Empty" }
    case "Overloaded":
      return { status: 429, type: "Overloaded" }
    case "Unsupported":
      return { status: 424, type: "Backend" }
    default:
      return { status: release === "1.8" ? 413 : 422, type: "Validation" }
  }
}

/** TEI's words on its own routes: `{"error", "error_type"}`. Refusals are counted. */
export const dialect =
  ({ counts, release }: Server): Engine.Dialect =>
  (refusal) => {
    const { status, type } = judge(release, refusal.reason)
    counts.failed(refusal)
    return (
      Axum.refuse(refusal) ??
      HttpServerResponse.jsonUnsafe({ error: refusal.message, error_type: type }, { status })
    )
  }

/** TEI's words on its OpenAI routes: `{"message", "code", "type"}`. */
export const openAiDialect =
  ({ counts, release }: Server): Engine.Dialect =>
  (refusal) => {
    const { status, type } = judge(release, refusal.reason)
    counts.failed(refusal)
    return (
      Axum.refuse(refusal) ??
      HttpServerResponse.jsonUnsafe({ message: refusal.message, code: status, type }, { status })
    )
  }

/** Refuses work that a model of another type does: {@link Options} cannot help. */
export const unsupported = (message: string): Engine.Refusal =>
  new Engine.Refusal({ reason: "Unsupported", message: `Backend error: ${message}` })

/**
 * Works on one input, which is refused when too many are in. Two inputs that come together are in together,
 * although computing takes the thread to itself.
 */
export const single = <A>(
  { admission, counts }: Server,
  work: Effect.Effect<A, Engine.Refusal>
): Effect.Effect<A, Engine.Refusal> =>
  Effect.gen(function* () {
    counts.requests.single += 1
    yield* admission.enter
    yield* Effect.yieldNow
    const result = yield* work
    counts.successes.single += 1
    return result
  }).pipe(Effect.scoped)

/** Works on a batch, whose inputs wait for a place instead of being refused. */
export const batch = <A>(
  server: Server,
  size: number,
  work: Effect.Effect<A, Engine.Refusal>
): Effect.Effect<A, Engine.Refusal> =>
  Effect.gen(function* () {
    server.counts.requests.batch += 1
    yield* checkBatch(size, server)
    const result = yield* work
    server.counts.successes.batch += 1
    return result
  })

/**
 * A refusal in TEI's own words: `Input validation error: ` starts those of its core, but not its server's.
 */
export const refused = (reason: "Empty" | "Invalid", message: string): Engine.Refusal =>
  new Engine.Refusal({ reason, message })

/** Refuses a batch of none, or of more than the limit. */
export const checkBatch = (
  size: number,
  { maxClientBatchSize }: Server
): Effect.Effect<void, Engine.Refusal> =>
  size === 0
    ? Effect.fail(refused("Empty", "`inputs` cannot be empty"))
    : size > maxClientBatchSize
      ? Effect.fail(
          refused("Invalid", `batch size ${size} > maximum allowed batch size ${maxClientBatchSize}`)
        )
      : Effect.void

/** Refuses a text that is empty. */
export const checkText = (text: string): Effect.Effect<void, Engine.Refusal> =>
  text === ""
    ? Effect.fail(refused("Empty", "Input validation error: `inputs` cannot be empty"))
    : Effect.void

/** Refuses a text of more tokens than the model reads, for a request that does not let it be cut. */
export const checkLength = (tokens: number, maxTokens: number): Effect.Effect<void, Engine.Refusal> =>
  tokens > maxTokens
    ? Effect.fail(
        refused(
          "Invalid",
          `Input validation error: \`inputs\` must have less than ${maxTokens} tokens. Given: ${tokens}`
        )
      )
    : Effect.void

/** A text's length as TEI counts it: code points, not UTF-16 units. */
export const characters = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

/** What was worked on, as the `x-compute-*` headers tell it. */
export interface Work {
  readonly output: unknown
  readonly characters: number
  readonly tokens: number
}

/** Sends what was computed, with what it cost. */
export const respond = <R>(
  { counts }: Server,
  work: Effect.Effect<Work, Engine.Refusal, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, Engine.Refusal, R> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const { characters, output, tokens } = yield* work
    const taken = (yield* Clock.currentTimeMillis) - start
    counts.duration.observe(taken / 1000)
    counts.inputLength.observe(tokens)
    const millis = String(taken)
    return HttpServerResponse.jsonUnsafe(output, {
      headers: {
        "x-compute-type": "cpu",
        "x-compute-time": millis,
        "x-compute-characters": String(characters),
        "x-compute-tokens": String(tokens),
        "x-total-time": millis,
        "x-tokenization-time": "0",
        "x-queue-time": "0",
        "x-inference-time": millis
      }
    })
  })

/** Answers a route whose work is {@link Work}. */
export const route =
  (server: Server, work: (json: unknown) => Effect.Effect<Work, Engine.Refusal>): Engine.Engine["handle"] =>
  (request) =>
    respond(server, Effect.flatMap(Axum.json(request), work)).pipe(Engine.refuseWith(dialect(server)))

/** Answers a route whose work costs nothing worth telling. */
export const plain =
  (
    server: Server,
    work: (json: unknown) => Effect.Effect<unknown, Engine.Refusal>
  ): Engine.Engine["handle"] =>
  (request) =>
    Axum.json(request).pipe(
      Effect.flatMap(work),
      Effect.map((body) => HttpServerResponse.jsonUnsafe(body)),
      Engine.refuseWith(dialect(server))
    )

/** What `GET /info` says of a model besides the server's own bounds. */
export interface ModelInfo {
  readonly model_dtype: string
  readonly model_type: Schema.Json
  readonly max_input_length: number
}

/**
 * Makes an engine's `handle`: the model's own routes, `GET /info` and `/metrics`, and `GET /health`, `/ping` and
 * `/`, which answer 200 without a body.
 */
export const serve = (server: Server, model: ModelInfo, routes: Engine.Routes): Engine.Engine["handle"] => {
  const { autoTruncate, maxClientBatchSize, maxConcurrentRequests, modelId, release } = server
  const healthy = () => Effect.succeed(HttpServerResponse.empty({ status: 200 }))
  const info = {
    model_id: modelId,
    model_sha: null,
    ...(release === "1.9" ? { served_model_name: modelId } : {}),
    ...model,
    max_concurrent_requests: maxConcurrentRequests,
    max_batch_tokens: 16_384,
    max_batch_requests: null,
    max_client_batch_size: maxClientBatchSize,
    auto_truncate: autoTruncate,
    tokenization_workers: 1,
    version: release === "1.8" ? "1.8.3" : "1.9.3",
    sha: null,
    docker_label: null
  }
  return Engine.router(
    {
      "GET /": healthy,
      "GET /health": healthy,
      "GET /ping": healthy,
      "GET /metrics": () => Prometheus.answer(TeiCounts.families(server.counts, server.admission)),
      "GET /info": () => Effect.succeed(HttpServerResponse.jsonUnsafe(info)),
      ...routes
    },
    (status) => HttpServerResponse.empty({ status })
  )
}
