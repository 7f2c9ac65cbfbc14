/**
 * A whole answer of `/v1/chat/completions` as parts.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as AiError from "effect/ai/AiError"
import type * as IdGenerator from "effect/ai/IdGenerator"
import type * as Response from "effect/ai/Response"
import * as AnswerJson from "../../internal/answer/answerJson.ts"
import * as Calls from "./calls.ts"
import * as Reasons from "./reasons.ts"

const Call = Schema.Struct({
  id: Calls.Text,
  function: Schema.Struct({ name: Schema.String, arguments: Calls.Arguments })
})

const Answer = Schema.Struct({
  id: Calls.Text,
  model: Calls.Text,
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      message: Schema.Struct({
        content: Calls.Text,
        // What was thought: two spellings of one thing.
        reasoning_content: Calls.Text,
        reasoning: Calls.Text,
        tool_calls: Schema.optionalKey(Schema.NullOr(Schema.Array(Call)))
      }),
      finish_reason: Calls.Text
    })
  ),
  usage: Calls.Usage
})

const decode = Schema.decodeUnknownEffect(Answer)

/** A text as the JSON that it holds, where it holds one value that loses nothing. */
export const plain = (part: Response.PartEncoded): Response.PartEncoded => {
  if (part.type !== "text") return part
  const found = AnswerJson.find(part.text)
  return Option.isNone(found) || found.value.lost !== undefined
    ? part
    : { ...part, text: JSON.stringify(found.value.value) }
}

/** The parts of an answer: of its first choice, where there are several. */
export const read = Effect.fnUntraced(function* (
  body: unknown,
  asked: Calls.Asked
): Effect.fn.Return<Array<Response.PartEncoded>, AiError.AiError, IdGenerator.IdGenerator> {
  const answer = yield* Effect.mapError(decode(body), Reasons.unexpected(asked.where))
  const [{ finish_reason, message }] = answer.choices
  const { usage } = answer
  const why = finish_reason ?? undefined
  const thought = message.reasoning_content ?? message.reasoning ?? ""
  const text = message.content ?? ""
  yield* Calls.checkWhole(text, why, usage, asked)
  const calls = yield* Effect.forEach(message.tool_calls ?? [], ({ function: called, id }) =>
    Effect.flatMap(Calls.freshId(id, asked), (id) =>
      Calls.read({ id, name: called.name, arguments: called.arguments ?? "" }, why, usage, asked)
    )
  )
  return [
    Calls.metadata(answer),
    ...(thought === "" ? [] : [{ type: "reasoning" as const, text: thought }]),
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...calls,
    yield* Calls.finish(why, calls.length > 0, usage, asked)
  ]
})
