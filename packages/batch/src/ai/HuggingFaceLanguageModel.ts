/**
 * The endpoint that is held as a `LanguageModel` of `effect/ai`: text, streams, tools and objects, over
 * `/v1/chat/completions` as vLLM, SGLang, TGI and llama.cpp serve it.
 *
 * One attempt each: nothing is retried here. An `AiError` says with `isRetryable` whether another try may help, and the
 * fault as it was classified is in its reason's `metadata.huggingface`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Telemetry from "effect/ai/Telemetry"
import * as Inference from "../Inference.ts"
import * as AnswerShape from "../internal/answer/answerShape.ts"
import * as SchemaInPrompt from "../internal/answer/schemaInPrompt.ts"
import { safe } from "../internal/input/problemText.ts"
import { CurrentEndpoint } from "../ManagedEndpoint.ts"
import type { Fault } from "../Fault.ts"
import { protocolOf } from "../Protocol.ts"
import * as Asked from "./internal/asked.ts"
import type * as Calls from "./internal/calls.ts"
import * as Events from "./internal/events.ts"
import * as Messages from "./internal/messages.ts"
import * as Reasons from "./internal/reasons.ts"
import * as Whole from "./internal/whole.ts"
import * as Streamed from "./internal/streamed.ts"

/**
 * What requests say beside the prompt, as the engine calls it: `max_tokens`, `temperature`, `seed`. See
 * {@link withConfigOverride}.
 *
 * **Example** (As a layer)
 *
 * ```ts
 * import { HuggingFaceLanguageModel } from "@stint/batch/ai"
 * import { Layer } from "effect"
 *
 * export const brief = Layer.succeed(HuggingFaceLanguageModel.Config, { max_tokens: 50 })
 * ```
 */
export class Config extends Context.Service<Config, Inference.Parameters>()(
  "@stint/batch/ai/HuggingFaceLanguageModel/Config"
) {}

/** How the endpoint is asked. */
export interface Options {
  /**
   * The model's name in requests. Default: the one that the endpoint itself gives. vLLM refuses any other than its own, and
   * TGI and llama.cpp take any.
   */
  readonly model?: string | undefined
  /** What each request says beside the prompt, as in `{ max_tokens: 200 }`. Default: what the engine takes for granted. */
  readonly config?: Inference.Parameters | undefined
}

const path = "/v1/chat/completions"

const numberAt = (parameters: Inference.Parameters, key: string) => {
  const value = parameters[key]
  return typeof value === "number" ? value : undefined
}

/**
 * The endpoint that is held now as a language model.
 *
 * A prompt's text and a user's images are sent; any other file, the results of tools that another provider ran and tools
 * that it runs fail before anything is sent. `generateObject` sends the schema as `response_format`, and objects are
 * closed. An engine that refuses a schema is told it in the prompt from then on, and answers are checked all the same. A call
 * of a tool that was cut off or is no JSON is an error, and so is an object that was cut off, or a stream
 * that ends before its answer does.
 *
 * **Example** (A text)
 *
 * ```ts
 * import { withEndpoint } from "@stint/batch"
 * import { HuggingFaceLanguageModel } from "@stint/batch/ai"
 * import { Effect } from "effect"
 *
 * export const program = withEndpoint({ name: "batch-chat" }, () =>
 *   Effect.gen(function* () {
 *     const model = yield* HuggingFaceLanguageModel.make({ config: { max_tokens: 100 } })
 *     const { text, usage } = yield* model.generateText({ prompt: "What is a dog?" })
 *     return [text, usage.outputTokens.total]
 *   })
 * )
 * ```
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<LanguageModel.LanguageModel, never, CurrentEndpoint> {
  const held = yield* CurrentEndpoint
  const protocol = protocolOf(held.endpoint)
  const given = Option.getOrUndefined(yield* Effect.serviceOption(Config))
  /** Learnt of this endpoint, for as long as it is held. */
  let refusesSchemas = false

  /** The request, and where its answer belongs; refused here is refused before anything is sent. */
  const prepare = Effect.fnUntraced(function* (
    provided: LanguageModel.ProviderOptions,
    method: string,
    isPrompted = refusesSchemas
  ): Effect.fn.Return<readonly [Inference.Request, Calls.Asked], AiError.AiError> {
    const where: Reasons.Where = {
      module: "HuggingFaceLanguageModel",
      method,
      url: new URL(path, held.url).href,
      conceal: held.conceal
    }
    const override = Option.getOrUndefined(yield* Effect.serviceOption(Config))
    const parameters = { ...options.config, ...given, ...override }
    const prompt = yield* Messages.fromPrompt(provided.prompt, where)
    const schema = yield* Asked.schemaOfAnswer(provided, where)
    const more = yield* Asked.from(provided, protocol, where, isPrompted ? undefined : schema)
    const messages =
      isPrompted && schema !== undefined
        ? SchemaInPrompt.instructed(prompt, SchemaInPrompt.instruction(schema))
        : prompt
    const model = options.model === undefined ? {} : { model: options.model }
    Telemetry.addGenAIAnnotations(provided.span, {
      provider: { name: "huggingface" },
      operation: { name: "chat" },
      request: {
        model: options.model ?? held.endpoint.model?.repository,
        temperature: numberAt(parameters, "temperature"),
        topP: numberAt(parameters, "top_p"),
        maxTokens: numberAt(parameters, "max_tokens"),
        seed: numberAt(parameters, "seed")
      }
    })
    const stream = method === "streamText" ? { stream: true, stream_options: { include_usage: true } } : {}
    const request = Inference.chatRequest(messages, { ...model, ...parameters, ...more, ...stream })
    const named = yield* Effect.provideService(Inference.withModel(request), CurrentEndpoint, held)
    return [named, { where, options: provided, taken: new Set(Messages.callIds(provided.prompt)) }]
  })

  const send = Effect.fnUntraced(function* ([request, asked]: readonly [Inference.Request, Calls.Asked]) {
    const { body } = yield* Effect.provideService(Inference.request(request), CurrentEndpoint, held)
    // Some engines put an error into an answer of 200.
    const fault = AnswerShape.faultOf("", body)
    return fault === undefined ? ([body, asked] as const) : yield* Effect.fail(fault)
  })

  /** The same with the schema in the prompt. Only what is answered then was refused for the schema. */
  const sendPrompted = Effect.fnUntraced(function* (provided: LanguageModel.ProviderOptions, refusal: Fault) {
    const prepared = yield* prepare(provided, "generateText", true)
    const sent = yield* Effect.mapError(send(prepared), Reasons.fromFault(prepared[1].where))
    if (refusesSchemas) return sent
    refusesSchemas = true
    yield* Effect.logWarning(
      `The endpoint ${held.endpoint.name} does not take a schema (${safe(held.conceal(refusal.message))}): from here on it stands in the prompt, and answers are checked as before.`
    )
    return sent
  })

  const generateText = Effect.fnUntraced(function* (provided: LanguageModel.ProviderOptions) {
    const isObject = provided.responseFormat.type !== "text"
    const wasPrompted = refusesSchemas
    const prepared = yield* prepare(provided, "generateText", wasPrompted)
    const [body, asked] = yield* Effect.catch(send(prepared), (fault) =>
      isObject && !wasPrompted && SchemaInPrompt.refusesFormat(fault)
        ? sendPrompted(provided, fault)
        : Effect.fail(Reasons.fromFault(prepared[1].where)(fault))
    )
    const parts = yield* Whole.read(body, asked)
    // What a model is asked for in words it may put into a fence, or say something with.
    return isObject && refusesSchemas ? parts.map(Whole.plain) : parts
  })

  return yield* LanguageModel.make({
    codecTransformer: Asked.codecTransformer,
    generateText,
    streamText: (provided) =>
      Stream.unwrap(
        Effect.map(prepare(provided, "streamText"), ([request, asked]) =>
          Streamed.read(Stream.mapError(Events.ask(held, request), Reasons.fromFault(asked.where)), asked)
        )
      )
  })
})

/**
 * {@link make} as a layer.
 *
 * **Example** (Beside the endpoint)
 *
 * ```ts
 * import { ManagedEndpoint } from "@stint/batch"
 * import { HuggingFaceLanguageModel } from "@stint/batch/ai"
 * import { Layer } from "effect"
 *
 * // The endpoint is awake while the layer is.
 * export const Chat = HuggingFaceLanguageModel.layer({ config: { temperature: 0 } }).pipe(
 *   Layer.provide(ManagedEndpoint.layer({ name: "batch-chat" }))
 * )
 * ```
 */
export const layer = (options?: Options): Layer.Layer<LanguageModel.LanguageModel, never, CurrentEndpoint> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * The same as a `Model`, for an `ExecutionPlan`: requests are sent with this name, and traces tell it.
 *
 * **Example** (Another endpoint where the first fails)
 *
 * ```ts
 * import { ManagedEndpoint } from "@stint/batch"
 * import { HuggingFaceLanguageModel } from "@stint/batch/ai"
 * import { Effect, ExecutionPlan, Layer } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const on = (name: string, model: string) =>
 *   HuggingFaceLanguageModel.model(model).pipe(Layer.provide(ManagedEndpoint.layer({ name })))
 *
 * const plan = ExecutionPlan.make({ provide: on("large", "Qwen/Qwen3-32B") }, { provide: on("small", "Qwen/Qwen3-4B") })
 * export const program = LanguageModel.generateText({ prompt: "What is a dog?" }).pipe(Effect.withExecutionPlan(plan))
 * ```
 */
export const model = <const Name extends string>(
  name: Name,
  config?: Inference.Parameters
): Model.Model<"huggingface", LanguageModel.LanguageModel, CurrentEndpoint> =>
  Model.make("huggingface", name, layer({ model: name, config }))

/**
 * Asks with other parameters for as long as an effect runs: over those of the model, key by key.
 *
 * **Example** (One long answer)
 *
 * ```ts
 * import { HuggingFaceLanguageModel } from "@stint/batch/ai"
 * import { LanguageModel } from "effect/ai"
 *
 * export const essay = LanguageModel.generateText({ prompt: "What is a dog?" }).pipe(
 *   HuggingFaceLanguageModel.withConfigOverride({ max_tokens: 2000 })
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
