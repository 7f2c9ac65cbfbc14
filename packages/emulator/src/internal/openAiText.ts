/** What OpenAI's two protocols for text, chat and completions, have in common on the servers that speak them. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Engine from "../Engine.ts"
import type { GenerateOptions, Token } from "../TextModel.ts"
import type { Generation, Generations } from "./generations.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The fields that both requests have; what a server does not know it does not look at. */
export const fields = {
  model: optional(Schema.String),
  max_tokens: optional(Schema.Int),
  temperature: optional(Schema.Finite),
  top_p: optional(Schema.Finite),
  n: optional(Schema.Int),
  seed: optional(Schema.Int),
  stop: optional(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  stream: optional(Schema.Boolean),
  stream_options: optional(Schema.Struct({ include_usage: optional(Schema.Boolean) })),
  min_tokens: optional(Schema.Int),
  ignore_eos: optional(Schema.Boolean)
}

const Common = Schema.Struct(fields)

/** A request's common fields. */
export interface Common extends Schema.Schema.Type<typeof Common> {}

/** A server that speaks OpenAI's protocols, and what is its own about them. */
export interface Server {
  readonly generations: Generations
  readonly json: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<unknown, Engine.Refusal>
  readonly dialect: Engine.Dialect
  /** Refuses what the server refuses; else how many tokens to generate, and what to call the model. */
  readonly resolve: (
    request: Common,
    promptTokens: number,
    kind: "chat" | "completion"
  ) => Effect.Effect<{ readonly model: string; readonly maxTokens: number }, Engine.Refusal>
  /** What the ids of answers start with. */
  readonly idPrefix: { readonly chat: string; readonly completion: string }
  /** The first piece of a chat's stream, before any text. */
  readonly opening: Readonly<Record<string, unknown>>
  /** Fields that every answer and every event has besides the protocol's. */
  readonly more: Readonly<Record<string, unknown>>
  /** Fields of whole answers and of a stream's last event, made of what they cost. */
  readonly cost?: ((generation: Generation, tokens: number) => Readonly<Record<string, unknown>>) | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** The sequences that end a text. */
export const stops = (stop: Common["stop"]): ReadonlyArray<string> =>
  typeof stop === "string" ? [stop] : (stop ?? [])

/** How to generate the choice of that number. */
export const sampling = (
  request: Common,
  maxTokens: number,
  choice: number
): GenerateOptions & { readonly stop: ReadonlyArray<string> } => ({
  maxTokens,
  minTokens: request.ignore_eos === true ? maxTokens : (request.min_tokens ?? 0),
  temperature: request.temperature ?? 1,
  // Several choices of one prompt are several texts; the same request again gives the same ones.
  seed: typeof request.seed === "number" ? request.seed + choice : choice === 0 ? undefined : choice,
  stop: stops(request.stop),
  streaming: request.stream === true
})

/** What every answer starts with. */
export const stamp = Effect.fnUntraced(function* (prefix: string) {
  const words = yield* Effect.forEach([0, 1, 2, 3], () => Random.nextIntBetween(0, 2 ** 32 - 1))
  const id = `${prefix}${words.map((word) => word.toString(16).padStart(8, "0")).join("")}`
  return { id, created: Math.floor((yield* Clock.currentTimeMillis) / 1000) }
})

/** What was spent, in the protocol's words. */
export const usage = (promptTokens: number, completionTokens: number) => ({
  prompt_tokens: promptTokens,
  total_tokens: promptTokens + completionTokens,
  completion_tokens: completionTokens,
  prompt_tokens_details: null
})

/** A token, and the text that it adds to what a client sees. */
export interface Shown {
  readonly token: Token
  readonly text: string
}

/** How much of a text's end may be the start of a sequence. */
const heldBack = (text: string, sequences: ReadonlyArray<string>): number => {
  let most = 0
  for (const sequence of sequences)
    for (let length = Math.min(sequence.length - 1, text.length); length > most; length--)
      if (text.endsWith(sequence.slice(0, length))) most = length
  return most
}

/**
 * The text that a client sees: a stop sequence is cut off, and what may become one is held back until it is
 * known.
 */
export const show =
  (stop: ReadonlyArray<string>) =>
  (tokens: Stream.Stream<Token>): Stream.Stream<Shown> => {
    const sequences = stop.filter((sequence) => sequence !== "")
    return Stream.mapAccum(
      tokens,
      () => "",
      (pending: string, token: Token): readonly [string, ReadonlyArray<Shown>] => {
        const text = token.special ? pending : pending + token.text
        if (token.finishReason === "stop") {
          const cuts = sequences.map((sequence) => text.indexOf(sequence)).filter((at) => at !== -1)
          return ["", [{ token, text: text.slice(0, Math.min(text.length, ...cuts)) }]]
        }
        const kept = token.finishReason === undefined ? heldBack(text, sequences) : 0
        return [text.slice(text.length - kept), [{ token, text: text.slice(0, text.length - kept) }]]
      }
    )
  }

/** A whole text: what a client sees of it, its tokens, and why it ended. */
export const whole = Effect.fnUntraced(function* (generation: Generation, stop: ReadonlyArray<string>) {
  const shown = yield* Stream.runCollect(generation.tokens.pipe(show(stop)))
  return {
    generation,
    text: shown.map(({ text }) => text).join(""),
    tokens: shown.map(({ token }) => token),
    finishReason: shown.at(-1)?.token.finishReason ?? "stop"
  }
})

/** Why a text ended, in the protocol's words. */
export const finishReason = (reason: Token["finishReason"]): "stop" | "length" | null =>
  reason === undefined ? null : reason === "length" ? "length" : "stop"
