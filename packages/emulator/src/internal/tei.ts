/**
 * What every model served by Text Embeddings Inference (`tei`) has in common: its bounds, its answers to what
 * is outside them, `/info`, `/health` and the `x-compute-*` headers.
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

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
  /** What answers name as the model; `/repository`, as on an endpoint, when left out. */
  readonly modelId?: string | undefined
}

/** {@link Options} with every default filled in, and the bounds that follow from them. */
export interface Settings {
  readonly release: Release
  readonly maxClientBatchSize: number
  readonly modelId: string
  /** Whether a text that is too long is cut when the request does not say. */
  readonly autoTruncate: boolean
}

/** Fills in what {@link Options} leaves out. */
export const settings = (options: Options = {}): Settings => ({
  release: options.release ?? "1.8",
  maxClientBatchSize: options.maxClientBatchSize ?? 32,
  modelId: options.modelId ?? "/repository",
  autoTruncate: options.release === "1.9"
})

const bodyLimit = ByteSize.bytes(2_000_000)

/** Reads a JSON body of at most 2 MB. */
export const json = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<unknown, Engine.Refusal> => {
  const contentType = request.headers["content-type"] ?? ""
  return /^application\/([^;]+\+)?json\s*(;|$)/i.test(contentType)
    ? Engine.json(request, bodyLimit)
    : Effect.fail(
        new Engine.Refusal({
          reason: "NotJson",
          message: "Expected request with `Content-Type: application/json`"
        })
      )
}

/** Words for what the web framework refuses before the server's own code runs: plain text, not JSON. */
const framework = ({
  message,
  reason
}: Engine.Refusal): HttpServerResponse.HttpServerResponse | undefined => {
  switch (reason) {
    case "NotJson":
      return HttpServerResponse.text(message, { status: 415 })
    case "Unreadable":
      return HttpServerResponse.text(`Failed to parse the request body as JSON: ${message}`, { status: 400 })
    case "TooLarge":
      return HttpServerResponse.text("Failed to buffer the request body: length limit exceeded", {
        status: 413
      })
    case "Malformed":
      return HttpServerResponse.text(
        `Failed to deserialize the JSON body into the target type: ${message.slice(0, 1000)}`,
        { status: 422 }
      )
    case "Empty":
    case "Invalid":
      return undefined
  }
}

const judge = (release: Release, reason: Engine.Reason): { readonly status: number; readonly type: string } =>
  reason === "Empty"
    ? { status: 400, type: "Empty" }
    : { status: release === "1.8" ? 413 : 422, type: "Validation" }

/** TEI's words on its own routes: `{"error", "error_type"}`. */
export const dialect =
  ({ release }: Settings): Engine.Dialect =>
  (refusal) => {
    const { status, type } = judge(release, refusal.reason)
    return (
      framework(refusal) ??
      HttpServerResponse.jsonUnsafe({ error: refusal.message, error_type: type }, { status })
    )
  }

/** TEI's words on its OpenAI routes: `{"message", "code", "type"}`. */
export const openAiDialect =
  ({ release }: Settings): Engine.Dialect =>
  (refusal) => {
    const { status, type } = judge(release, refusal.reason)
    return (
      framework(refusal) ??
      HttpServerResponse.jsonUnsafe({ message: refusal.message, code: status, type }, { status })
    )
  }

/**
 * A refusal in TEI's own words: `Input validation error: ` starts those of its core, but not its server's.
 */
export const refused = (reason: "Empty" | "Invalid", message: string): Engine.Refusal =>
  new Engine.Refusal({ reason, message })

/** Refuses a batch of none, or of more than the limit. */
export const checkBatch = (
  size: number,
  { maxClientBatchSize }: Settings
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
  work: Effect.Effect<Work, Engine.Refusal, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, Engine.Refusal, R> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const { characters, output, tokens } = yield* work
    const millis = String((yield* Clock.currentTimeMillis) - start)
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

/** What `GET /info` says of a model besides the server's own bounds. */
export interface ModelInfo {
  readonly model_dtype: string
  readonly model_type: Schema.Json
  readonly max_input_length: number
}

/**
 * Makes an engine's `handle`: the model's own routes, `GET /info`, and `GET /health`, `/ping` and `/`, which
 * answer 200 without a body.
 */
export const serve = (
  { autoTruncate, maxClientBatchSize, modelId, release }: Settings,
  model: ModelInfo,
  routes: Engine.Routes
): Engine.Engine["handle"] => {
  const healthy = () => Effect.succeed(HttpServerResponse.empty({ status: 200 }))
  const info = {
    model_id: modelId,
    model_sha: null,
    ...(release === "1.9" ? { served_model_name: modelId } : {}),
    ...model,
    max_concurrent_requests: 512,
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
      "GET /info": () => Effect.succeed(HttpServerResponse.jsonUnsafe(info)),
      ...routes
    },
    (status) => HttpServerResponse.empty({ status })
  )
}
