/** What TGI says of itself, of what it refuses, and of what an answer cost. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as Axum from "./axum.ts"
import type { Generation, Generations } from "./generations.ts"
import * as Prometheus from "./prometheus.ts"

/** The release whose habits are kept: the last one before maintenance mode, with its fixes. */
export const version = "3.3.6"

/** What an error is, in TGI's words: its status, and the body's `error_type`. */
export const judge = ({
  message,
  reason
}: Engine.Refusal): { readonly status: number; readonly type: string } => {
  if (reason === "Overloaded") return { status: 429, type: "overloaded" }
  if (reason === "Unsupported") {
    // Generation that failed, which nothing here does by itself.
    return { status: 424, type: "generation" }
  }
  return { status: 422, type: message.startsWith("Tool error: ") ? "tool_error" : "validation" }
}

/** TGI's words: `{"error", "error_type"}`. An overload says nothing of when to come back. */
export const dialect: Engine.Dialect = (refusal) => {
  const { status, type } = judge(refusal)
  return (
    Axum.refuse(refusal) ??
    HttpServerResponse.jsonUnsafe({ error: refusal.message, error_type: type }, { status })
  )
}

/** An error inside a stream that has answered 200 already. */
export const event = (refusal: Engine.Refusal) => ({
  error: refusal.message,
  error_type: judge(refusal).type
})

/** The same, inside a stream of OpenAI's protocol. */
export const openAiEvent = ({ message }: Engine.Refusal) => ({ error: { message, http_status_code: 422 } })

/** Headers of a whole answer. */
export const costs = (
  generation: Generation,
  characters: number,
  tokens: number
): Readonly<Record<string, string>> => {
  const { finished, queued, started } = generation.timing
  const total = finished - queued
  return {
    "x-compute-type": "1-stint",
    "x-compute-time": String(total / 1000),
    "x-compute-characters": String(characters),
    "x-total-time": String(Math.round(total)),
    "x-validation-time": "0",
    "x-queue-time": String(Math.round(started - queued)),
    "x-inference-time": String(Math.round(finished - started)),
    "x-time-per-token": String(Math.round((finished - started) / Math.max(1, tokens))),
    "x-prompt-tokens": String(generation.promptTokens),
    "x-generated-tokens": String(tokens)
  }
}

/** Headers of a stream, whose cost nobody knows yet. */
export const streamHeaders = (characters: number): Readonly<Record<string, string>> => ({
  "x-compute-type": "1-stint",
  "x-compute-characters": String(characters),
  "x-accel-buffering": "no"
})

/** How often something was asked, and refused by kind. */
export interface Requests {
  count: number
  readonly failures: Record<string, number>
}

/** TGI's `/metrics`. */
export const metrics = (
  { counts, load }: Generations,
  requests: Requests
): Effect.Effect<ReadonlyArray<Prometheus.Family>> =>
  Effect.map(load, (load) => {
    const one = (
      name: string,
      type: Prometheus.Family["type"],
      help: string,
      value: number
    ): Prometheus.Family => ({ name, type, help, samples: [{ value }] })
    const histogram = (name: string, help: string, of: Prometheus.Histogram): Prometheus.Family => ({
      name,
      type: "histogram",
      help,
      samples: of.samples()
    })
    const { abort: _, ...finished } = counts.finished
    const success = Object.values(finished).reduce((sum, count) => sum + count, 0)
    return [
      one("tgi_request_count", "counter", "Total number of requests", requests.count),
      one("tgi_request_success", "counter", "Number of successful requests", success),
      {
        name: "tgi_request_failure",
        type: "counter",
        samples: Object.entries(requests.failures).map(([err, value]) => ({ labels: { err }, value }))
      },
      one("tgi_queue_size", "gauge", "Current queue size", load.waiting),
      one("tgi_batch_current_size", "gauge", "Current batch size", load.running),
      histogram("tgi_request_duration", "Request duration", counts.totalSeconds),
      histogram("tgi_request_queue_duration", "Request queue duration", counts.queueSeconds),
      histogram("tgi_request_inference_duration", "Request inference duration", counts.inferenceSeconds),
      histogram("tgi_request_generated_tokens", "Generated tokens per request", counts.generatedLength),
      histogram("tgi_request_input_length", "Input token length per request", counts.promptLength)
    ]
  })
