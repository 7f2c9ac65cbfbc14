/**
 * The vectors of many texts, by as few requests as the engine's limits allow.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import * as Inference from "../../Inference.ts"
import * as AnswerShape from "../../internal/answer/answerShape.ts"
import * as Spelling from "../../internal/protocol/spelling.ts"
import * as TooLong from "../../internal/protocol/tooLong.ts"
import * as Vectors from "../../internal/protocol/vectors.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import { protocolOf } from "../../Protocol.ts"

/** Vectors, and the tokens that the engine says it read: TEI's own route and the toolkit say nothing. */
export interface Embedded {
  readonly vectors: ReadonlyArray<ReadonlyArray<number>>
  readonly inputTokens: number | undefined
}

/** What each request says. */
export interface Options {
  readonly model: string | undefined
  readonly parameters: Inference.Parameters
  readonly maxBatchSize: number
  readonly concurrency: number
}

const isJsonObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

const tokensOf = (body: Schema.Json): number | undefined => {
  const usage = Predicate.hasProperty(body, "usage") ? body.usage : undefined
  const tokens = Predicate.hasProperty(usage, "prompt_tokens") ? usage.prompt_tokens : undefined
  return typeof tokens === "number" ? tokens : undefined
}

const once = Effect.fnUntraced(function* (
  texts: ReadonlyArray<string>,
  { model, parameters }: Options
): Effect.fn.Return<Embedded, Fault, CurrentEndpoint> {
  const { client, endpoint } = yield* CurrentEndpoint
  const request = Inference.embedRequest(protocolOf(endpoint), texts)
  // Only the OpenAI routes know of a model's name.
  const named = model === undefined || !request.path.startsWith("/v1/") ? {} : { model }
  const body = isJsonObject(request.body) ? { ...named, ...request.body, ...parameters } : request.body
  const answer = yield* Spelling.ask(client, { ...request, body }, (what) =>
    Effect.flatMap(Inference.withModel(what), Inference.request)
  )
  const fault = AnswerShape.faultOf("", answer.body)
  if (fault !== undefined) return yield* fault
  const vectors = yield* Effect.fromResult(Vectors.decode(answer.body, texts.length))
  return { vectors, inputTokens: tokensOf(answer.body) }
})

/** Half of what is not known is not known. */
const summed = (parts: ReadonlyArray<Embedded>): Embedded => ({
  vectors: parts.flatMap(({ vectors }) => vectors),
  inputTokens: parts.reduce<number | undefined>(
    (sum, { inputTokens }) =>
      sum === undefined || inputTokens === undefined ? undefined : sum + inputTokens,
    0
  )
})

/** In halves, where the engine takes fewer at once. */
const pack = (
  texts: ReadonlyArray<string>,
  options: Options
): Effect.Effect<Embedded, Fault, CurrentEndpoint> =>
  Effect.catchIf(
    once(texts, options),
    ({ reason }) => reason === "tooLarge" && texts.length > 1,
    () => {
      const middle = Math.ceil(texts.length / 2)
      const halves = [texts.slice(0, middle), texts.slice(middle)]
      return Effect.map(
        Effect.forEach(halves, (half) => pack(half, options)),
        summed
      )
    }
  )

/** A vector for each text, in the texts' order. */
export const embed = (
  texts: ReadonlyArray<string>,
  options: Options
): Effect.Effect<Embedded, Fault, CurrentEndpoint> => {
  const packs = Array.from({ length: Math.ceil(texts.length / options.maxBatchSize) }, (_, at) =>
    texts.slice(at * options.maxBatchSize, (at + 1) * options.maxBatchSize)
  )
  return Effect.forEach(packs, (texts) => pack(texts, options), { concurrency: options.concurrency }).pipe(
    Effect.map(summed),
    Effect.mapError(TooLong.explained)
  )
}
