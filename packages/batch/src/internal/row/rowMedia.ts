/**
 * Pictures and sounds in plain rows: looked at when a row is read, so that what is wrong with a file is told with its line
 * and field, and a changed file is a changed request.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Message } from "../../Inference.ts"
import { type FileMedia, type Folder, InlineMedia, type Media } from "../../Media.ts"
import * as MediaLoad from "../media/mediaLoad.ts"
import * as MediaParts from "../media/mediaParts.ts"
import { isSettled } from "../input/records.ts"
import { pattern } from "../media/mediaType.ts"

const isType = Schema.is(Schema.String.check(Schema.isPattern(pattern)))

/** What a row says of a file: its path, and its kind where that cannot be told from its content. */
const Reference = Schema.Struct({ file: Schema.String, type: Schema.optionalKey(Schema.String) })
const isReference = Schema.is(Reference)

/** What a row of pictures or sounds holds: `{"file"}` or `{"base64", "type"}`. */
export const Input: Schema.Codec<Schema.Json, unknown> = Schema.JsonObject.check(
  Schema.makeFilter((input: Schema.JsonObject) => {
    if ("file" in input) {
      if (typeof input["file"] !== "string") return { path: ["file"], issue: "Expected a path" }
      return input["type"] === undefined || isType(input["type"])
        ? undefined
        : { path: ["type"], issue: "Expected a type as in image/png or audio/flac" }
    }
    if (typeof input["base64"] !== "string") return 'Expected {"file"} or {"base64", "type"}'
    return isType(input["type"])
      ? undefined
      : { path: ["type"], issue: "Expected a type as in image/png or audio/flac" }
  })
)

const isInline = Schema.is(InlineMedia)

/** What was looked at is told from what a row says by its digest. */
const isLookedAt = (input: Schema.Json): input is FileMedia =>
  isReference(input) && "digest" in input && "bytes" in input && input.type !== undefined

/** The picture or sound of a row that was read. */
export const mediaOf = (input: Schema.Json): Media | undefined =>
  isLookedAt(input) ? input : isInline(input) ? input : undefined

const isConversation = Schema.is(
  Schema.NonEmptyArray(
    Schema.StructWithRest(Schema.Struct({ role: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
  )
)

/** By what an input is recognised again: a file by its content. */
export const fingerprint = (input: Schema.Json): Schema.Json => {
  if (typeof input === "string") return input
  const media = mediaOf(input)
  if (media !== undefined) return MediaLoad.fingerprint(media)
  return isConversation(input) && MediaParts.hasReferences(input) ? MediaParts.fingerprint(input) : input
}

const misfit = (path: ReadonlyArray<PropertyKey>, message: string): SchemaIssue.Issue =>
  new SchemaIssue.Pointer(["input", ...path], new SchemaIssue.InvalidValue({ message }))

const noFolder = "refers to a file, and no folder for files was given"

const lookAt = (
  input: Schema.Json,
  folder: Folder | undefined
): Effect.Effect<Schema.Json, SchemaIssue.Issue> | undefined => {
  if (isReference(input)) {
    if (folder === undefined) return Exit.fail(misfit(["file"], noFolder))
    const { file, type } = input
    // What was looked at before, in a row that failed, may be of another kind now.
    const look = isLookedAt(input)
      ? Effect.catch(folder.look(file), () => folder.look(file, type))
      : folder.look(file, type)
    return Effect.mapError(look, ({ detail }) => misfit(["file"], detail))
  }
  const messages: ReadonlyArray<Message> = isConversation(input) ? input : []
  if (!MediaParts.hasReferences(messages)) return undefined
  if (folder === undefined) return Exit.fail(misfit([], noFolder))
  return Effect.mapBoth(MediaParts.looked(messages, folder), {
    onFailure: ({ error, path }) => misfit(path, error.detail),
    onSuccess: (messages): Schema.Json => [...messages]
  })
}

interface Plain {
  readonly id: string | number
  readonly input: Schema.Json
}

const isPlain = <Row>(row: Row): row is Row & Plain =>
  typeof row === "object" && row !== null && "input" in row && !("custom_id" in row)

/** The same row, whose files were looked at. One without any is given as it is, at once where it is there already. */
export const looked = <Row extends object>(
  decoded: Effect.Effect<Row, SchemaIssue.Issue>,
  folder: Folder | undefined
): Effect.Effect<Row, SchemaIssue.Issue> => {
  const look = (row: Row): Effect.Effect<Row, SchemaIssue.Issue> => {
    const looking = isPlain(row) && typeof row.input !== "string" ? lookAt(row.input, folder) : undefined
    return looking === undefined
      ? Exit.succeed(row)
      : Effect.map(looking, (input): Row => ({ ...row, input }))
  }
  if (!isSettled(decoded)) return Effect.flatMap(decoded, look)
  return Exit.isSuccess(decoded) ? look(decoded.value) : decoded
}
