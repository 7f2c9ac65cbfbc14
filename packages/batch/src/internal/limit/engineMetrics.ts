/** What an engine says about itself on `/metrics`, in Prometheus' text: how much runs, how much waits. */

/** One replica's load. */
export interface Reading {
  /** Absent where the engine tells its queue alone. */
  readonly running: number | undefined
  readonly waiting: number
}

interface Names {
  readonly running?: string
  readonly waiting: string
}

/** By engine: vLLM, SGLang, TGI, llama.cpp, TEI. */
const engines: ReadonlyArray<Names> = [
  { running: "vllm:num_requests_running", waiting: "vllm:num_requests_waiting" },
  { running: "sglang:num_running_reqs", waiting: "sglang:num_queue_reqs" },
  { running: "tgi_batch_current_size", waiting: "tgi_queue_size" },
  { running: "llamacpp:requests_processing", waiting: "llamacpp:requests_deferred" },
  { waiting: "te_queue_size" }
]

/** The sum of a gauge over its labels, or `undefined` where there is none. */
const gauge = (text: string, name: string): number | undefined => {
  let sum: number | undefined
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + name.length)) {
    if (at > 0 && text[at - 1] !== "\n") continue
    const end = text.indexOf("\n", at)
    const rest = text.slice(at + name.length, end === -1 ? undefined : end)
    const found = /^(?:\{.*\})?\s+(\S+)/.exec(rest)?.[1]
    const value = found === undefined ? Number.NaN : Number(found)
    if (Number.isFinite(value) && value >= 0) sum = (sum ?? 0) + value
  }
  return sum
}

/** Reads a load; `undefined` where the text has none of a known engine. */
export const parse = (text: string): Reading | undefined => {
  for (const names of engines) {
    const running = names.running === undefined ? undefined : gauge(text, names.running)
    const waiting = gauge(text, names.waiting)
    if (waiting !== undefined && (names.running === undefined || running !== undefined)) {
      return { running, waiting }
    }
  }
  return undefined
}
