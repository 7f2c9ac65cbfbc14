/**
 * The endpoint that is held as an `EmbeddingModel` of `effect/ai`, in its engine's protocol: TEI's, OpenAI's, the toolkit's.
 *
 * One attempt for each request: nothing is retried here. An `AiError` says with `isRetryable` whether another try may help.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Model from "effect/ai/Model"
import type * as Inference from "../Inference.ts"
import { CurrentEndpoint } from "../ManagedEndpoint.ts"
import * as Reasons from "./internal/reasons.ts"
import * as VectorsOf from "./internal/vectorsOf.ts"

/**
 * What requests say beside the texts, as the engine calls it: `dimensions` (OpenAI's routes), `normalize`, `prompt_name`,
 * `truncate` (TEI). See {@link withConfigOverride}.
 *
 * **Example** (As a layer)
 *
 * ```ts
 * import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
 * import { Layer } from "effect"
 *
 * export const raw = Layer.succeed(HuggingFaceEmbeddingModel.Config, { normalize: false })
 * ```
 */
export class Config extends Context.Service<Config, Inference.Parameters>()(
  "@stint/batch/ai/HuggingFaceEmbeddingModel/Config"
) {}

/** How the endpoint is asked. */
export interface Options {
  /** The model's name in requests, where the engine's protocol has room for one. Default: the one that the endpoint gives. */
  readonly model?: string | undefined
  /** How many numbers a vector has. Not sent; an answer of another length is an error. Default: any. */
  readonly dimensions?: number | undefined
  /** The most texts that share a request, at least 1; an engine that takes fewer is sent halves. Default: 32, as TEI has it. */
  readonly maxBatchSize?: number | undefined
  /** How many requests of one `embedMany` are under way at once, at least 1. Default: 4. */
  readonly concurrency?: number | undefined
  /** What each request says beside the texts. Default: nothing. */
  readonly config?: Inference.Parameters | undefined
}

const atLeastOne = (count: number) => Math.max(1, Math.floor(count) || 1)

/**
 * The endpoint that is held now as an embedding model. `embed`s that are asked for at the same time share requests.
 *
 * TEI is told not to cut a long text in silence: it is an error. The tokens that were read are known where the engine
 * tells them: OpenAI's routes do.
 *
 * **Example** (Many texts)
 *
 * ```ts
 * import { withEndpoint } from "@stint/batch"
 * import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
 * import { Effect } from "effect"
 *
 * export const program = withEndpoint({ name: "batch-embed" }, () =>
 *   Effect.flatMap(HuggingFaceEmbeddingModel.make(), (model) => model.embedMany(["the sea at night", "a dog"]))
 * )
 * ```
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<EmbeddingModel.EmbeddingModel, never, CurrentEndpoint> {
  const held = yield* CurrentEndpoint
  const given = Option.getOrUndefined(yield* Effect.serviceOption(Config))
  const maxBatchSize = atLeastOne(options.maxBatchSize ?? 32)
  const concurrency = atLeastOne(options.concurrency ?? 4)
  const where: Reasons.Where = {
    module: "HuggingFaceEmbeddingModel",
    method: "embedMany",
    url: held.url.href,
    conceal: held.conceal
  }

  const embedMany = Effect.fnUntraced(function* ({ inputs }: EmbeddingModel.ProviderOptions) {
    const override = Option.getOrUndefined(yield* Effect.serviceOption(Config))
    const parameters = { ...options.config, ...given, ...override }
    const { inputTokens, vectors } = yield* VectorsOf.embed(inputs, {
      model: options.model,
      parameters,
      maxBatchSize,
      concurrency
    }).pipe(Effect.provideService(CurrentEndpoint, held), Effect.mapError(Reasons.fromFault(where)))
    const { dimensions } = options
    const other = vectors.find(({ length }) => dimensions !== undefined && length !== dimensions)
    if (other !== undefined) {
      const description = `a vector has ${other.length} numbers where ${dimensions} were expected`
      return yield* Reasons.make(where, new AiError.InvalidResponseError({ description }))
    }
    return { results: vectors.map((vector) => [...vector]), usage: { inputTokens } }
  })

  return yield* EmbeddingModel.make({
    embedMany,
    // Those that are asked for with other parameters are other requests.
    batchKey: (context) => Option.getOrUndefined(Context.getOption(context, Config))
  })
})

/**
 * {@link make} as a layer.
 *
 * **Example** (Beside the endpoint)
 *
 * ```ts
 * import { ManagedEndpoint } from "@stint/batch"
 * import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
 * import { Layer } from "effect"
 *
 * // The endpoint is awake while the layer is.
 * export const Embedder = HuggingFaceEmbeddingModel.layer({ maxBatchSize: 64 }).pipe(
 *   Layer.provide(ManagedEndpoint.layer({ name: "batch-embed" }))
 * )
 * ```
 */
export const layer = (
  options?: Options
): Layer.Layer<EmbeddingModel.EmbeddingModel, never, CurrentEndpoint> =>
  Layer.effect(EmbeddingModel.EmbeddingModel, make(options))

/**
 * The same as a `Model`, for an `ExecutionPlan`: its vectors have so many numbers, which `EmbeddingModel.Dimensions` tells,
 * and an answer with another number of them is an error.
 *
 * **Example** (A model of 384 dimensions)
 *
 * ```ts
 * import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
 *
 * export const E5 = HuggingFaceEmbeddingModel.model("intfloat/e5-small-v2", { dimensions: 384 })
 * ```
 */
export const model = <const Name extends string>(
  name: Name,
  options: Omit<Options, "dimensions" | "model"> & { readonly dimensions: number }
): Model.Model<"huggingface", EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions, CurrentEndpoint> =>
  Model.make(
    "huggingface",
    name,
    Layer.merge(
      layer({ ...options, model: name }),
      Layer.succeed(EmbeddingModel.Dimensions, options.dimensions)
    )
  )

/**
 * Asks with other parameters for as long as an effect runs: over those of the model, key by key.
 *
 * **Example** (Queries have a prompt of their own)
 *
 * ```ts
 * import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
 * import { Effect } from "effect"
 * import { EmbeddingModel } from "effect/ai"
 *
 * export const query = EmbeddingModel.EmbeddingModel.use((model) => model.embed("what floats?")).pipe(
 *   HuggingFaceEmbeddingModel.withConfigOverride({ prompt_name: "query" })
 * )
 * ```
 */
export const withConfigOverride: {
  (override: Inference.Parameters): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, override: Inference.Parameters): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, override: Inference.Parameters): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.serviceOption(Config), (outer) =>
    Effect.provideService(self, Config, { ...Option.getOrUndefined(outer), ...override })
  )
)
