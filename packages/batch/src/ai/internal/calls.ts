/**
 * The tool calls of an answer, the reason it ended, and what it has cost.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AiError from "effect/ai/AiError"
import * as IdGenerator from "effect/ai/IdGenerator"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import { isCut } from "../../Truncation.ts"
import * as Reasons from "./reasons.ts"

/** TGI gives arguments as JSON, the others as a text of it. */
export const Arguments = Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.JsonObject])))
export const Text = Schema.optionalKey(Schema.NullOr(Schema.String))
const Count = Schema.optionalKey(Schema.NullOr(Schema.Int))

export const Usage = Schema.optionalKey(
  Schema.NullOr(
    Schema.Struct({
      prompt_tokens: Count,
      completion_tokens: Count,
      prompt_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ cached_tokens: Count }))),
      completion_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ reasoning_tokens: Count })))
    })
  )
)

/** What an engine says that it has cost. */
export type Usage = typeof Usage.Type | undefined

/** A call as the engine said it: its arguments may be cut, or no JSON. */
export interface Said {
  readonly id: string
  readonly name: string
  readonly arguments: string | Schema.JsonObject
}

/** Where the answer belongs: its request, and the ids that are taken. */
export interface Asked {
  readonly where: Reasons.Where
  readonly options: LanguageModel.ProviderOptions
  readonly taken: Set<string>
}

/** The engine's id; another one where there is none, or where the conversation has a call of that id. */
export const freshId = Effect.fnUntraced(function* (
  said: string | null | undefined,
  { taken }: Asked
): Effect.fn.Return<string, never, IdGenerator.IdGenerator> {
  const { generateId } = yield* IdGenerator.IdGenerator
  let id = said ?? ""
  while (id === "" || taken.has(id)) id = yield* generateId()
  taken.add(id)
  return id
})

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

const cutCall = (name: string) =>
  `The call of tool "${name}" was cut off at the limit of tokens. Raise max_tokens, or ask for less.`

/** A call whose arguments are JSON; another one is an error, because no tool can be called with it. */
export const read = (
  said: Said,
  finishReason: string | undefined,
  usage: Usage,
  { where }: Asked
): Effect.Effect<Response.ToolCallPartEncoded, AiError.AiError> => {
  const { arguments: given, id, name } = said
  // Some engines say nothing where a tool takes nothing.
  const isNothing = typeof given === "string" && given.trim() === "" && !isCut(finishReason)
  const params = isNothing
    ? Option.some({})
    : typeof given === "string"
      ? parseJson(given)
      : Option.some(given)
  if (Option.isSome(params)) return Effect.succeed({ type: "tool-call", id, name, params: params.value })
  return Effect.fail(
    Reasons.make(
      where,
      isCut(finishReason)
        ? new AiError.InvalidOutputError({ description: cutCall(name), usage: usageInfo(usage) })
        : new AiError.ToolParameterValidationError({
            toolName: name,
            description: "The model called it with arguments that are no JSON. Ask again."
          })
    )
  )
}

/** An object that was cut off is no object. */
export const checkWhole = (
  text: string,
  finishReason: string | undefined,
  usage: Usage,
  { options, where }: Asked
): Effect.Effect<void, AiError.AiError> =>
  options.responseFormat.type === "json" && isCut(finishReason)
    ? Effect.fail(
        Reasons.make(
          where,
          new AiError.StructuredOutputError({
            description: "The answer was cut off at the limit of tokens. Raise max_tokens, or ask for less.",
            responseText: text,
            usage: usageInfo(usage)
          })
        )
      )
    : Effect.void

const reasons: Readonly<Record<string, Response.FinishReason>> = {
  stop: "stop",
  eos_token: "stop",
  stop_sequence: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  abort: "error",
  error: "error"
}

/** What an engine that gave up has said is no answer. */
const gaveUp = (where: Reasons.Where, reason: string) =>
  Reasons.make(
    where,
    new AiError.InternalProviderError({
      description: `the engine gave up on it (finish_reason: ${reason})`
    })
  )

/** The last part: why the answer ended, and what it has cost. */
export const finish = (
  said: string | undefined,
  hasCalls: boolean,
  usage: Usage,
  { options, where }: Asked
): Effect.Effect<Response.FinishPartEncoded, AiError.AiError> => {
  const known = said === undefined ? "unknown" : (reasons[said] ?? "other")
  if (known === "error") return Effect.fail(gaveUp(where, said ?? ""))
  // vLLM says "stop" after a call that was asked for by name.
  const reason = hasCalls && known === "stop" ? "tool-calls" : known
  Telemetry.addGenAIAnnotations(options.span, {
    response: { finishReasons: [reason] },
    usage: { inputTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens }
  })
  return Effect.succeed({ type: "finish", reason, usage: spent(usage) })
}

/** What is not told stays unknown. */
const spent = (usage: Usage): Response.FinishPartEncoded["usage"] => {
  const input = usage?.prompt_tokens ?? undefined
  const output = usage?.completion_tokens ?? undefined
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? undefined
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens ?? undefined
  const without = (total: number | undefined, part: number | undefined) =>
    total === undefined || part === undefined ? undefined : total - part
  return {
    inputTokens: { total: input, uncached: without(input, cached), cacheRead: cached, cacheWrite: undefined },
    outputTokens: { total: output, text: without(output, reasoning), reasoning }
  }
}

const usageInfo = (usage: Usage): typeof AiError.UsageInfo.Type => ({
  promptTokens: usage?.prompt_tokens ?? undefined,
  completionTokens: usage?.completion_tokens ?? undefined
})

/** The first part: what the engine calls the answer and the model. */
export const metadata = (answer: {
  readonly id?: string | null | undefined
  readonly model?: string | null | undefined
}): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  // TGI gives an empty one.
  id: answer.id || undefined,
  modelId: answer.model ?? undefined,
  timestamp: undefined
})
