/**
 * An answer of `/v1/chat/completions` that comes in pieces, as parts.
 *
 * Calls of tools are given whole, after everything else: half a call is none. An answer that just ends is an error.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import type * as IdGenerator from "effect/ai/IdGenerator"
import type * as Response from "effect/ai/Response"
import { classify } from "../../Fault.ts"
import * as AnswerShape from "../../internal/answer/answerShape.ts"
import * as Calls from "./calls.ts"
import * as Reasons from "./reasons.ts"

const CallDelta = Schema.Struct({
  index: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  id: Calls.Text,
  function: Schema.optionalKey(Schema.NullOr(Schema.Struct({ name: Calls.Text, arguments: Calls.Arguments })))
})

const Event = Schema.Struct({
  id: Calls.Text,
  model: Calls.Text,
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.optionalKey(Schema.NullOr(Schema.Int)),
      delta: Schema.optionalKey(
        Schema.NullOr(
          Schema.Struct({
            content: Calls.Text,
            reasoning_content: Calls.Text,
            reasoning: Calls.Text,
            tool_calls: Schema.optionalKey(Schema.NullOr(Schema.Array(CallDelta)))
          })
        )
      ),
      finish_reason: Calls.Text
    })
  ),
  usage: Calls.Usage
})

const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))
const decodeEvent = Schema.decodeUnknownEffect(Event)

type Part = Response.StreamPartEncoded
type Kind = "text" | "reasoning"

interface Growing {
  readonly id: string
  readonly name: string
  said: string
  whole: Schema.JsonObject | undefined
}

const noCall = (where: Reasons.Where) =>
  Reasons.make(
    where,
    new AiError.InvalidResponseError({ description: "the arguments of a tool call came before its name" })
  )

/** Makes the reader of one answer: what an event adds, and what its end does. */
const make = (asked: Calls.Asked) => {
  const { where } = asked
  const calls = new Map<number, Growing>()
  let begun = false
  let open: { readonly kind: Kind; readonly id: string } | undefined
  let opened = 0
  let text = ""
  let why: string | undefined
  let usage: Calls.Usage

  const close = (): ReadonlyArray<Part> => {
    const last = open
    open = undefined
    return last === undefined ? [] : [{ type: `${last.kind}-end`, id: last.id }]
  }

  const say = (kind: Kind, delta: string | null | undefined): ReadonlyArray<Part> => {
    if (delta === null || delta === undefined || delta === "") return []
    if (kind === "text") text += delta
    if (open?.kind === kind) return [{ type: `${kind}-delta`, id: open.id, delta }]
    const ended = close()
    open = { kind, id: String(opened++) }
    return [...ended, { type: `${kind}-start`, id: open.id }, { type: `${kind}-delta`, id: open.id, delta }]
  }

  const call = Effect.fnUntraced(function* (
    delta: typeof CallDelta.Type,
    at: number
  ): Effect.fn.Return<ReadonlyArray<Part>, AiError.AiError, IdGenerator.IdGenerator> {
    const index = delta.index ?? at
    const parts: Array<Part> = []
    let growing = calls.get(index)
    if (growing === undefined) {
      const name = delta.function?.name
      if (name === undefined || name === null) return yield* Effect.fail(noCall(where))
      growing = { id: yield* Calls.freshId(delta.id, asked), name, said: "", whole: undefined }
      calls.set(index, growing)
      parts.push(...close(), { type: "tool-params-start", id: growing.id, name })
    }
    const given = delta.function?.arguments
    if (typeof given === "string" && given !== "") {
      growing.said += given
      parts.push({ type: "tool-params-delta", id: growing.id, delta: given })
    } else if (typeof given === "object" && given !== null) {
      growing.whole = given
      parts.push({ type: "tool-params-delta", id: growing.id, delta: JSON.stringify(given) })
    }
    return parts
  })

  const take = Effect.fnUntraced(function* (
    data: string
  ): Effect.fn.Return<ReadonlyArray<Part>, AiError.AiError, IdGenerator.IdGenerator> {
    const json = yield* Effect.mapError(decodeJson(data), Reasons.unexpected(where))
    const fault = AnswerShape.faultOf("", json)
    if (fault !== undefined) return yield* Effect.fail(Reasons.fromFault(where)(fault))
    const event = yield* Effect.mapError(decodeEvent(json), Reasons.unexpected(where))
    const parts: Array<Part> = begun ? [] : [Calls.metadata(event)]
    begun = true
    usage = event.usage ?? usage
    // Other choices than the first were not asked for here.
    const choice = event.choices.find(({ index }) => (index ?? 0) === 0)
    const delta = choice?.delta
    parts.push(...say("reasoning", delta?.reasoning_content ?? delta?.reasoning))
    parts.push(...say("text", delta?.content))
    for (const [at, each] of (delta?.tool_calls ?? []).entries()) parts.push(...(yield* call(each, at)))
    why = choice?.finish_reason ?? why
    return parts
  })

  const end = Effect.gen(function* (): Effect.fn.Return<ReadonlyArray<Part>, AiError.AiError> {
    if (why === undefined) {
      const fault = classify({ transport: "the stream ended before the answer did" })
      return yield* Effect.fail(Reasons.fromFault(where)(fault))
    }
    yield* Calls.checkWhole(text, why, usage, asked)
    const parts: Array<Part> = [...close()]
    for (const { id, name, said, whole } of calls.values()) {
      const read = yield* Calls.read({ id, name, arguments: whole ?? said }, why, usage, asked)
      parts.push({ type: "tool-params-end", id }, read)
    }
    parts.push(yield* Calls.finish(why, calls.size > 0, usage, asked))
    return parts
  })

  return { take, end }
}

/** The parts of an answer, of which these are the events' data. */
export const read = (
  data: Stream.Stream<string, AiError.AiError>,
  asked: Calls.Asked
): Stream.Stream<Part, AiError.AiError, IdGenerator.IdGenerator> =>
  Stream.suspend(() => {
    const { end, take } = make(asked)
    return data.pipe(
      Stream.mapEffect((each) => take(each)),
      Stream.concat(Stream.fromEffect(end)),
      Stream.flattenIterable
    )
  })
