/** The messages of a chat request, and the prompt they make. */
import * as Schema from "effect/Schema"
import type { Message } from "../TextModel.ts"

const Part = Schema.Struct({ type: Schema.String, text: Schema.optionalKey(Schema.String) })

/** Text, or parts of which those that are text are read; a message that only calls tools has none. */
export const Messages = Schema.Array(
  Schema.Struct({
    role: Schema.String,
    content: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Part)])))
  })
)

/** The messages as a model's template takes them. */
export const read = (messages: typeof Messages.Type): ReadonlyArray<Message> =>
  messages.map(({ content, role }) => ({
    role,
    content: typeof content === "string" ? content : (content ?? []).map(({ text }) => text ?? "").join("")
  }))
