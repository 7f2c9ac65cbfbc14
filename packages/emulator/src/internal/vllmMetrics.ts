/** What vLLM and SGLang count, under the names that they give it. */
import * as Effect from "effect/Effect"
import type { Generations } from "./generations.ts"
import type { Family, Sample } from "./prometheus.ts"

/** vLLM's `/metrics`. */
export const vllm = ({ counts, load }: Generations, modelId: string): Effect.Effect<ReadonlyArray<Family>> =>
  Effect.map(load, (load) => {
    const labels = { engine: "0", model_name: modelId }
    const one = (value: number): ReadonlyArray<Sample> => [{ labels, value }]
    const { finished } = counts
    const reasons = { stop: finished.stop + finished.eos, length: finished.length, abort: finished.abort }
    const gauge = (name: string, help: string, value: number): Family => ({
      name: `vllm:${name}`,
      type: "gauge",
      help,
      samples: one(value)
    })
    const counter = (name: string, help: string, samples: ReadonlyArray<Sample>): Family => ({
      name: `vllm:${name}`,
      type: "counter",
      help,
      samples
    })
    const histogram = (name: string, help: string, of: Generations["counts"]["queueSeconds"]): Family => ({
      name: `vllm:${name}`,
      type: "histogram",
      help,
      samples: of.samples(labels)
    })
    return [
      gauge("num_requests_running", "Number of requests in model execution batches.", load.running),
      gauge("num_requests_waiting", "Number of requests waiting to be processed.", load.waiting),
      gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", load.cacheUsage),
      counter(
        "num_preemptions_total",
        "Cumulative number of preemption from the engine.",
        one(load.preemptions)
      ),
      counter("prompt_tokens_total", "Number of prefill tokens processed.", one(counts.promptTokens)),
      counter(
        "generation_tokens_total",
        "Number of generation tokens processed.",
        one(counts.generatedTokens)
      ),
      counter(
        "request_success_total",
        "Count of successfully processed requests.",
        Object.entries(reasons).map(([finished_reason, value]) => ({
          labels: { ...labels, finished_reason },
          value
        }))
      ),
      histogram("request_prompt_tokens", "Number of prefill tokens processed.", counts.promptLength),
      histogram(
        "request_generation_tokens",
        "Number of generation tokens processed.",
        counts.generatedLength
      ),
      histogram(
        "time_to_first_token_seconds",
        "Histogram of time to first token in seconds.",
        counts.firstTokenSeconds
      ),
      histogram(
        "e2e_request_latency_seconds",
        "Histogram of e2e request latency in seconds.",
        counts.totalSeconds
      ),
      histogram(
        "request_queue_time_seconds",
        "Histogram of time spent in WAITING phase for request.",
        counts.queueSeconds
      ),
      histogram(
        "request_inference_time_seconds",
        "Histogram of time spent in RUNNING phase for request.",
        counts.inferenceSeconds
      )
    ]
  })

/** SGLang's `/metrics`. */
export const sgLang = (
  { counts, load }: Generations,
  modelId: string
): Effect.Effect<ReadonlyArray<Family>> =>
  Effect.map(load, (load) => {
    const labels = { model_name: modelId }
    const family = (name: string, type: Family["type"], help: string, value: number): Family => ({
      name: `sglang:${name}`,
      type,
      help,
      samples: [{ labels, value }]
    })
    const { finished } = counts
    const requests = finished.eos + finished.stop + finished.length
    return [
      family("num_running_reqs", "gauge", "The number of running requests.", load.running),
      family("num_queue_reqs", "gauge", "The number of requests in the waiting queue.", load.waiting),
      family("token_usage", "gauge", "The token usage.", load.cacheUsage),
      family("prompt_tokens_total", "counter", "Number of prefill tokens processed.", counts.promptTokens),
      family(
        "generation_tokens_total",
        "counter",
        "Number of generation tokens processed.",
        counts.generatedTokens
      ),
      family("num_requests_total", "counter", "Number of requests processed.", requests),
      {
        name: "sglang:time_to_first_token_seconds",
        type: "histogram",
        help: "Histogram of time to first token in seconds.",
        samples: counts.firstTokenSeconds.samples(labels)
      },
      {
        name: "sglang:e2e_request_latency_seconds",
        type: "histogram",
        help: "Histogram of End-to-end request latency in seconds",
        samples: counts.totalSeconds.samples(labels)
      }
    ]
  })
