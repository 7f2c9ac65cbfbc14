/**
 * Files in the parts of chat messages: looked at when a row is read, turned into `data:` URLs when it is sent.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import { Fault } from "../../Fault.ts"
import type { Message } from "../../Inference.ts"
import type { FileMedia, Folder, MediaRefused } from "../../Media.ts"

type Json = Schema.Json

const isList = (json: Json | undefined): json is Schema.JsonArray => Array.isArray(json)
const isObject = (json: Json | undefined): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !isList(json)

const members = new Set(["image_url", "audio_url", "video_url"])

/** A part that refers to a file. */
interface Reference {
  readonly part: Schema.JsonObject
  readonly member: string
  readonly inner: Schema.JsonObject
  readonly file: string
}

/** The file that a URL stands for: `file:` and a path, or a path alone. */
const fileOf = (url: string): string | undefined => {
  if (/^file:/i.test(url)) return url.replace(/^file:(\/\/(?=\/))?/i, "")
  return url === "" || /^[a-z][a-z0-9+.-]*:/i.test(url) ? undefined : url
}

const referenceOf = (part: Json): Reference | undefined => {
  if (!isObject(part)) return undefined
  const member = part["type"]
  if (typeof member !== "string" || !members.has(member)) return undefined
  const given = part[member]
  const inner = typeof given === "string" ? { url: given } : given
  const url = isObject(inner) ? inner["url"] : undefined
  const file = typeof url === "string" ? fileOf(url) : undefined
  return file === undefined || !isObject(inner) ? undefined : { part, member, inner, file }
}

/** A file that was looked at. */
const lookedAt = ({ file, inner }: Reference): FileMedia | undefined => {
  const { bytes, digest, media_type: type } = inner
  return typeof bytes === "number" && typeof digest === "string" && typeof type === "string"
    ? { file, type, bytes, digest }
    : undefined
}

const partsOf = (message: Message): Schema.JsonArray => {
  const content = message["content"]
  return isList(content) ? content : []
}

/** Whether anything in a conversation refers to a file. */
export const hasReferences = (messages: ReadonlyArray<Message>): boolean =>
  messages.some((message) => partsOf(message).some((part) => referenceOf(part) !== undefined))

/** A message whose parts are replaced. */
const replaced = <E, R>(
  messages: ReadonlyArray<Message>,
  replace: (reference: Reference, message: number, part: number) => Effect.Effect<Schema.JsonObject, E, R>
): Effect.Effect<ReadonlyArray<Message>, E, R> =>
  Effect.forEach(messages, (message, at) => {
    const parts = partsOf(message)
    if (!parts.some((part) => referenceOf(part) !== undefined)) return Effect.succeed(message)
    return Effect.map(
      Effect.forEach(parts, (part, nth) => {
        const reference = referenceOf(part)
        return reference === undefined ? Effect.succeed(part) : replace(reference, at, nth)
      }),
      (content): Message => ({ ...message, content })
    )
  })

/** Where a reference stands, and what is wrong with its file. */
export interface Misfit {
  readonly path: ReadonlyArray<PropertyKey>
  readonly error: MediaRefused
}

/** The conversation with what its files are now beside their names. */
export const looked = (
  messages: ReadonlyArray<Message>,
  folder: Folder
): Effect.Effect<ReadonlyArray<Message>, Misfit> =>
  replaced(messages, ({ file, inner, member, part }, message, nth) =>
    Effect.mapBoth(folder.look(file), {
      onFailure: (error): Misfit => ({ path: [message, "content", nth, member, "url"], error }),
      onSuccess: ({ bytes, digest, type }) => ({
        ...part,
        [member]: { ...inner, media_type: type, bytes, digest }
      })
    })
  )

/** By what a conversation is recognised again: its files by their content, wherever they lie. */
export const fingerprint = (messages: ReadonlyArray<Message>): Schema.JsonArray =>
  hasReferences(messages)
    ? messages.map((message) => ({ ...message, content: printed(message["content"]) }))
    : [...messages]

const printed = (content: Json | undefined): Json =>
  isList(content)
    ? content.map((part) => {
        const reference = referenceOf(part)
        if (reference === undefined || lookedAt(reference) === undefined) return part
        return { ...reference.part, [reference.member]: { ...reference.inner, url: "" } }
      })
    : (content ?? null)

const withoutLook = (inner: Schema.JsonObject): Schema.JsonObject =>
  Object.fromEntries(
    Object.entries(inner).filter(([name]) => name !== "bytes" && name !== "digest" && name !== "media_type")
  )

const unread = (detail: string) => new Fault({ reason: "row", detail })

/** Runs something with the conversation as it is sent; the files' bytes are held until it ends. */
export const loaded = <A, E, R>(
  messages: ReadonlyArray<Message>,
  folder: Folder | undefined,
  use: (messages: ReadonlyArray<Message>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | Fault, R> => {
  if (!hasReferences(messages)) return use(messages)
  if (folder === undefined) {
    return Effect.fail(unread("a message refers to a file, and the job was given no folder for files"))
  }
  const references = messages.flatMap((message) =>
    partsOf(message).flatMap((part) => referenceOf(part) ?? [])
  )
  const media = references.flatMap((reference) => lookedAt(reference) ?? [])
  if (media.length < references.length) {
    return Effect.fail(
      unread("a message refers to a file that was not looked at (Media.part of folder.look)")
    )
  }
  const inside = folder.load(media, (files) => {
    let next = 0
    const ready = replaced(messages, ({ inner, member, part }) => {
      const file = files[next++]
      const url = file === undefined ? "" : `data:${file.type};base64,${Base64.encode(file.bytes)}`
      return Effect.succeed<Schema.JsonObject>({ ...part, [member]: { ...withoutLook(inner), url } })
    })
    // A failure of what is done with them is not one of the files.
    return Effect.result(Effect.flatMap(ready, use))
  })
  return Effect.flatMap(
    Effect.mapError(inside, (error) => unread(error.message)),
    Effect.fromResult
  )
}
