/**
 * Many inputs in one request: how a job says that it can, and how much one request may hold.
 *
 * Results stay one per item: each has its own outcome, record and place in the report. A request that fails for one input's
 * sake is halved until that input stands alone and has its own fault; the others lose nothing but a little time.
 */
import type * as Effect from "effect/Effect"
import type { Fault } from "./Fault.ts"
import type { CurrentEndpoint } from "./ManagedEndpoint.ts"

/** What one request may hold. Numbers below 1 count as 1. */
export interface Bounds {
  /** Inputs, where nothing else is asked for: 1 where nothing is known of lists. */
  readonly items: number
  /** Inputs by the engine's own word: no more are sent, whatever is asked for. */
  readonly most?: number | undefined
  /** What the inputs weigh together. Default: no bound. One input alone may weigh more. */
  readonly weight?: number | undefined
  /** What the inputs come to in bytes, about. Default: no bound. One input alone may be larger. */
  readonly bytes?: number | undefined
}

/**
 * How a job does many inputs with one request.
 *
 * **Example** (Lengths, many at a time)
 *
 * ```ts
 * import { Inference, Job } from "@stint/batch"
 * import { Effect, Schema } from "effect"
 *
 * const norm = (vector: ReadonlyArray<number>) => Math.hypot(...vector)
 * const norms = Job.make({
 *   name: "norm",
 *   key: (text: string) => text,
 *   fingerprint: (text) => text,
 *   output: Schema.Finite,
 *   run: (text) => Effect.map(Inference.featureExtraction(text), norm),
 *   pack: {
 *     bounds: Effect.succeed({ items: 16 }),
 *     run: (texts) => Effect.map(Inference.featureExtractions(texts), (vectors) => vectors.map(norm))
 *   }
 * })
 * ```
 */
export interface Packing<In, Out, E = Fault, R = CurrentEndpoint> {
  /** What one request may hold: asked once a run, when the endpoint is ready. */
  readonly bounds: Effect.Effect<Bounds, never, R>
  /**
   * One attempt for two inputs or more: an output for each, in their order. Another number of outputs is a fault. A failure is
   * every input's, and is looked into by halves.
   */
  readonly run: (inputs: ReadonlyArray<In>) => Effect.Effect<ReadonlyArray<Out>, E, R>
  /** How heavy an input is. Default: its tokens, about. */
  readonly weight?: ((input: In) => number) | undefined
  /** Whether this input may share a request. Default: all may. */
  readonly accepts?: ((input: In) => boolean) | undefined
}

/** What a run may ask for; what the engine itself says is kept to. */
export interface Options {
  /** Inputs a request at most, 1 or more. Default: as many as the engine is known to like. */
  readonly maxItems?: number | undefined
  /** What the inputs of a request may weigh, tokens where the job says nothing else. Default: 4,096 tokens. */
  readonly maxWeight?: number | undefined
}
