/** What llama.cpp's server says of what it refuses, and what it counts. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Generations } from "./generations.ts"
import type { Family } from "./prometheus.ts"

const bodyLimit = ByteSize.mebibytes(64)

/** Reads a JSON body. The content type is not looked at. */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, Engine.Refusal> =>
  Engine.json(request, bodyLimit)

/** llama.cpp's words: `{"error": {"code", "message", "type"}}`. */
export const error = (
  code: number,
  type: string,
  message: string,
  more: Readonly<Record<string, unknown>> = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ error: { code, message, type, ...more } }, { status: code })

/** Words for refusals. */
export const dialect: Engine.Dialect = ({ message, reason }) => {
  switch (reason) {
    case "Invalid": {
      const [, tokens, room] = /^request \((\d+) tokens\).*\((\d+) tokens\)/.exec(message) ?? []
      return tokens === undefined
        ? error(400, "invalid_request_error", message)
        : error(400, "exceed_context_size_error", message, {
            n_prompt_tokens: Number(tokens),
            n_ctx: Number(room)
          })
    }
    case "Unsupported":
      return error(501, "not_supported_error", message)
    case "UnknownModel":
      return error(404, "not_found_error", message)
    case "Overloaded":
      return error(503, "unavailable_error", message)
    case "Unreadable":
      // A body that is no JSON ends in an exception, which is a 500 there.
      return error(500, "server_error", `[json.exception.parse_error.101] ${message.slice(0, 300)}`)
    default:
      return error(400, "invalid_request_error", message)
  }
}

/** What it says where no route is. */
export const otherwise = (): HttpServerResponse.HttpServerResponse =>
  error(404, "not_found_error", "File Not Found")

/** llama.cpp's `/metrics`. */
export const metrics = ({ counts, load }: Generations): Effect.Effect<ReadonlyArray<Family>> =>
  Effect.map(load, (load) => {
    const family = (name: string, type: Family["type"], help: string, value: number): Family => ({
      name: `llamacpp:${name}`,
      type,
      help,
      samples: [{ value }]
    })
    const perSecond = (tokens: number, millis: number) => (millis > 0 ? (1000 * tokens) / millis : 0)
    const promptSeconds = counts.promptMillis / 1000
    const predictedSeconds = counts.generationMillis / 1000
    return [
      family("prompt_tokens_total", "counter", "Number of prompt tokens processed.", counts.promptTokens),
      family("prompt_seconds_total", "counter", "Prompt process time", promptSeconds),
      family(
        "tokens_predicted_total",
        "counter",
        "Number of generation tokens processed.",
        counts.generatedTokens
      ),
      family("tokens_predicted_seconds_total", "counter", "Predict process time", predictedSeconds),
      // Each token of each text is a decode here: texts do not share steps.
      family("n_decode_total", "counter", "Total number of llama_decode() calls", counts.generatedTokens),
      family(
        "prompt_tokens_seconds",
        "gauge",
        "Average prompt throughput in tokens/s.",
        perSecond(counts.promptTokens, counts.promptMillis)
      ),
      family(
        "predicted_tokens_seconds",
        "gauge",
        "Average generation throughput in tokens/s.",
        perSecond(counts.generatedTokens, counts.generationMillis)
      ),
      family("requests_processing", "gauge", "Number of requests processing.", load.running),
      family("requests_deferred", "gauge", "Number of requests deferred.", load.waiting),
      family(
        "n_busy_slots_per_decode",
        "counter",
        "Average number of busy slots per llama_decode() call",
        load.running
      )
    ]
  })
