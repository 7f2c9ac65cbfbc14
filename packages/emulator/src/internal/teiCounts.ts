/** What TEI counts, under the names that it gives it. */
import * as Effect from "effect/Effect"
import type * as Engine from "../Engine.ts"
import type { Admission } from "./admission.ts"
import * as Prometheus from "./prometheus.ts"

/** A server's counts. */
export interface Counts {
  readonly requests: Record<"single" | "batch", number>
  readonly successes: Record<"single" | "batch", number>
  readonly failures: Record<string, number>
  readonly failed: (refusal: Engine.Refusal) => void
  readonly duration: Prometheus.Histogram
  readonly inputLength: Prometheus.Histogram
}

const kind = ({ message, reason }: Engine.Refusal): string => {
  if (reason === "Overloaded") return "overloaded"
  if (reason === "Unsupported") return "model_type"
  return message.startsWith("batch size ") ? "batch_size" : "validation"
}

/** Starts counting. */
export const make = (): Counts => {
  const failures: Record<string, number> = {}
  return {
    requests: { single: 0, batch: 0 },
    successes: { single: 0, batch: 0 },
    failures,
    failed: (refusal) => {
      const err = kind(refusal)
      failures[err] = (failures[err] ?? 0) + 1
    },
    duration: Prometheus.histogram(Prometheus.seconds),
    inputLength: Prometheus.histogram(Prometheus.tokens)
  }
}

const labelled = (
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>
): Prometheus.Family => ({
  name,
  type: "counter",
  help,
  samples: Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }))
})

/** `GET /metrics`. Work takes the thread to itself, so that its queue is whoever is in and waits for it. */
export const families = (
  counts: Counts,
  admission: Admission
): Effect.Effect<ReadonlyArray<Prometheus.Family>> =>
  Effect.sync(() => [
    labelled("te_request_count", "Total number of requests", "method", counts.requests),
    labelled("te_request_success", "Number of successful requests", "method", counts.successes),
    labelled("te_request_failure", "Number of failed requests", "err", counts.failures),
    {
      name: "te_queue_size",
      type: "gauge",
      help: "Current queue size",
      samples: [{ value: admission.inFlight() }]
    },
    {
      name: "te_request_duration",
      type: "histogram",
      help: "Request duration",
      samples: counts.duration.samples()
    },
    {
      name: "te_request_inference_duration",
      type: "histogram",
      help: "Request inference duration",
      samples: counts.duration.samples()
    },
    {
      name: "te_request_input_length",
      type: "histogram",
      help: "Input token length per request",
      samples: counts.inputLength.samples()
    }
  ])
