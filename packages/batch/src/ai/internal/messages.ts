/**
 * A prompt as the messages of `/v1/chat/completions`. What they have no words for is refused before anything is sent.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import type { Message } from "../../Inference.ts"
import * as Reasons from "./reasons.ts"

type Refused<A> = Effect.Effect<A, AiError.AiError>

const unsupported = (where: Reasons.Where, description: string) =>
  Effect.fail(Reasons.make(where, new AiError.InvalidUserInputError({ description })))

const named = ({ fileName, mediaType }: Prompt.FilePart) =>
  fileName === undefined ? mediaType : `${mediaType} ("${fileName}")`

/** A URL is read by the engine itself, where it may; bytes go along. */
const imageUrl = ({ data, mediaType }: Prompt.FilePart): string => {
  const type = mediaType === "image/*" ? "image/jpeg" : mediaType
  if (data instanceof URL) return data.href
  if (typeof data !== "string") return `data:${type};base64,${Base64.encode(data)}`
  return /^(https?|data):/.test(data) ? data : `data:${type};base64,${data}`
}

const userPart =
  (where: Reasons.Where) =>
  (part: Prompt.UserMessagePart): Refused<Schema.JsonObject> => {
    if (part.type === "text") return Effect.succeed({ type: "text", text: part.text })
    return part.mediaType.startsWith("image/")
      ? Effect.succeed({ type: "image_url", image_url: { url: imageUrl(part) } })
      : unsupported(
          where,
          `A prompt holds a file of type ${named(part)}, which chat engines do not take: only text and images can be sent. Nothing was sent; put its text into the prompt.`
        )
  }

/** Many templates know plain text alone, so that parts are sent only where there is more. */
const user = Effect.fnUntraced(function* (
  { content }: Prompt.UserMessage,
  where: Reasons.Where
): Effect.fn.Return<Message, AiError.AiError> {
  const parts = yield* Effect.forEach(content, userPart(where))
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []))
  return { role: "user", content: texts.length === parts.length ? texts.join("") : parts }
})

const assistant = Effect.fnUntraced(function* (
  { content }: Prompt.AssistantMessage,
  where: Reasons.Where
): Effect.fn.Return<Message, AiError.AiError> {
  let text = ""
  const calls: Array<Schema.Json> = []
  for (const part of content) {
    switch (part.type) {
      case "text":
        text += part.text
        break
      case "tool-call":
        calls.push({
          id: part.id,
          type: "function",
          function: { name: part.name, arguments: JSON.stringify(part.params) ?? "{}" }
        })
        break
      case "file":
        return yield* unsupported(
          where,
          `An assistant's message holds a file of type ${named(part)}, which chat engines take from users alone. Nothing was sent; put it into a user's message.`
        )
      case "tool-result":
        return yield* unsupported(
          where,
          `An assistant's message holds the result of tool ${part.name}, which another provider ran. Nothing was sent; put it into a tool's message.`
        )
      // What was thought before is not said again: templates leave it out as well. Approvals are between user and program.
      case "reasoning":
      case "tool-approval-request":
    }
  }
  return calls.length === 0
    ? { role: "assistant", content: text }
    : { role: "assistant", content: text === "" ? null : text, tool_calls: calls }
})

const resultText = (part: Prompt.ToolResultPart, where: Reasons.Where): Refused<string> => {
  const { modelOutput, result } = part
  if (modelOutput === undefined) {
    return Effect.succeed(typeof result === "string" ? result : (JSON.stringify(result) ?? "null"))
  }
  const file = modelOutput.find((output) => output.type === "file")
  if (file !== undefined) {
    return unsupported(
      where,
      `The result of tool ${part.name} holds a file of type ${named(file)}, which chat engines do not take. Nothing was sent; let the tool answer text.`
    )
  }
  return Effect.succeed(modelOutput.map((output) => (output.type === "text" ? output.text : "")).join("\n"))
}

const tool = ({ content }: Prompt.ToolMessage, where: Reasons.Where): Refused<ReadonlyArray<Message>> =>
  Effect.forEach(
    content.filter((part) => part.type === "tool-result"),
    (part) =>
      Effect.map(resultText(part, where), (text) => ({ role: "tool", tool_call_id: part.id, content: text }))
  )

/** The messages of a prompt, in its order. */
export const fromPrompt = (prompt: Prompt.Prompt, where: Reasons.Where): Refused<ReadonlyArray<Message>> =>
  Effect.map(
    Effect.forEach(prompt.content, (message): Refused<ReadonlyArray<Message>> => {
      switch (message.role) {
        case "system":
          return Effect.succeed([{ role: "system", content: message.content }])
        case "user":
          return Effect.map(user(message, where), (one) => [one])
        case "assistant":
          return Effect.map(assistant(message, where), (one) => [one])
        case "tool":
          return tool(message, where)
      }
    }),
    (messages) => messages.flat()
  )

/** The ids of the calls that a prompt holds: TGI calls each of its own "0". */
export const callIds = (prompt: Prompt.Prompt): ReadonlySet<string> =>
  new Set(
    prompt.content.flatMap((message) =>
      message.role === "assistant"
        ? message.content.flatMap((part) => (part.type === "tool-call" ? [part.id] : []))
        : []
    )
  )
