/**
 * The text that a model answers, why it ended, and what it has cost.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import * as Inference from "../../Inference.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import { protocolOf } from "../../Protocol.ts"
import { isCut } from "../../Truncation.ts"
import { decoding } from "../protocol/decoding.ts"

/** What a model said. */
export interface Said {
  /** Nothing where a model that thinks first did not come to speak. */
  readonly text: string | null
  readonly finishReason: string | undefined
  readonly isCut: boolean
  /** What a limit of tokens is called in such a request. */
  readonly limitName: "max_tokens" | "max_new_tokens"
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

const Reason = Schema.optionalKey(Schema.NullOr(Schema.String))
const Count = Schema.optionalKey(Schema.NullOr(Schema.Finite))
const Usage = Schema.optionalKey(
  Schema.NullOr(Schema.Struct({ prompt_tokens: Count, completion_tokens: Count }))
)

const Chat = Schema.Struct({
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      message: Schema.Struct({ content: Schema.optionalKey(Schema.NullOr(Schema.String)) }),
      finish_reason: Reason
    })
  ),
  usage: Usage
})

const Completion = Schema.Struct({
  choices: Schema.NonEmptyArray(Schema.Struct({ text: Schema.String, finish_reason: Reason })),
  usage: Usage
})

const Generated = Schema.Struct({
  generated_text: Schema.String,
  details: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ finish_reason: Reason, generated_tokens: Count }))
  )
})

const decodeChat = decoding(Chat, "a chat model")
const decodeGenerated = decoding(
  Schema.Union([Completion, Generated, Schema.Tuple([Generated])]),
  "a text-generation model"
)

/** An engine that gave up has not answered. */
const gaveUp = new Set(["abort", "error"])

const said = (
  text: string | null,
  reason: string | null | undefined,
  usage: (typeof Chat.Type)["usage"],
  limitName: Said["limitName"] = "max_tokens"
): Effect.Effect<Said, Fault> =>
  typeof reason === "string" && gaveUp.has(reason)
    ? Effect.fail(
        new Fault({ reason: "engine", detail: `the engine gave up on it (finish_reason: ${reason})` })
      )
    : Effect.succeed({
        text,
        finishReason: reason ?? undefined,
        isCut: isCut(reason),
        limitName,
        inputTokens: usage?.prompt_tokens ?? undefined,
        outputTokens: usage?.completion_tokens ?? undefined
      })

/** What a chat model says next. */
export const chat = (
  messages: ReadonlyArray<Inference.Message>,
  parameters?: Inference.Parameters
): Effect.Effect<Said, Fault, CurrentEndpoint> =>
  Inference.withModel(Inference.chatRequest(messages, parameters)).pipe(
    Effect.flatMap(Inference.request),
    Effect.flatMap(decodeChat),
    Effect.flatMap(({ choices: [{ finish_reason, message }], usage }) =>
      said(message.content ?? null, finish_reason, usage)
    )
  )

/**
 * What a model writes after a text. TGI's own route says why it ended in its details alone, which hold every token as well:
 * they are asked for only where `tells` says so.
 */
export const generate = Effect.fnUntraced(function* (
  text: string,
  parameters: Inference.Parameters | undefined,
  tells: boolean
): Effect.fn.Return<Said, Fault, CurrentEndpoint> {
  const { endpoint } = yield* CurrentEndpoint
  const protocol = protocolOf(endpoint)
  const more = tells && protocol === "tgi" ? { details: true, ...parameters } : parameters
  const what = yield* Inference.withModel(Inference.generateRequest(protocol, text, more))
  const answer = yield* Effect.flatMap(Inference.request(what), decodeGenerated)
  if ("choices" in answer) {
    const [{ finish_reason, text }] = answer.choices
    return yield* said(text, finish_reason, answer.usage)
  }
  const { details, generated_text } = "generated_text" in answer ? answer : answer[0]
  const usage = { completion_tokens: details?.generated_tokens ?? null }
  return yield* said(generated_text, details?.finish_reason, usage, "max_new_tokens")
})
