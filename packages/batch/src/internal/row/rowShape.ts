/**
 * What a row of a file must look like.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { Folder } from "../../Media.ts"
import * as RowMedia from "./rowMedia.ts"

/** What is done with each row. */
export const Kind = Schema.Literals(["embed", "classify", "generate", "chat", "image", "transcribe", "http"])

/** What is done with each row. */
export type Kind = typeof Kind.Type

const MAX_ID = 2048

const misfitOfId = (id: string): string | undefined => {
  if (id === "") return "is empty"
  if (id.length > MAX_ID) return `is ${id.length} characters long; an id may have ${MAX_ID}`
  if (!id.isWellFormed()) return "holds half a character (a lone surrogate)"
  return id.includes("\u0000") ? "holds a NUL character" : undefined
}

const Id = Schema.String.check(Schema.makeFilter(misfitOfId))

const doesNotStream = Schema.makeFilter((body: Schema.JsonObject) =>
  body["stream"] === true
    ? { path: ["stream"], issue: "stream: true is not for a batch: leave it out" }
    : undefined
)

/**
 * A line of the OpenAI batch format. `method` and `url` may be left out, as in other vendors' files.
 *
 * @source https://platform.openai.com/docs/api-reference/batch/request-input
 */
export const BatchLine = Schema.Struct({
  custom_id: Id,
  method: Schema.optionalKey(Schema.Literal("POST")),
  url: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^\/(?!\/)[^\s\\]*$/, {
        message: "expected a path on the endpoint, as in /v1/embeddings"
      })
    )
  ),
  body: Schema.Record(Schema.String, Schema.Json).check(doesNotStream)
})

const NumberId = Schema.Number.check(
  Schema.makeFilter(
    (id: number) =>
      Number.isSafeInteger(id) || "a number this long or broken loses digits: write the id as text"
  )
)

/** A plain row. A whole number as `id` is taken as its text; one too long to be held exactly is refused. */
export const PlainRow = Schema.Struct({
  id: Schema.Union([Id, NumberId]),
  input: Schema.Json
})

/** A row of either shape. */
export type Row = typeof BatchLine.Type | typeof PlainRow.Type

export const isBatchLine = (row: Row): row is typeof BatchLine.Type => "custom_id" in row

/** The row's identity. */
export const keyOf = (row: Row): string => (isBatchLine(row) ? row.custom_id : String(row.id))

interface Misfit {
  readonly path: ReadonlyArray<PropertyKey>
  readonly issue: string
}

/** Whatever a message holds beside its role and content is sent as it is. */
const misfitOfMessage = (
  message: Schema.Json | undefined,
  path: ReadonlyArray<PropertyKey>
): Misfit | undefined => {
  if (!isJsonObject(message)) return { path, issue: "Expected an object with role and content" }
  if (typeof message["role"] !== "string") return { path: [...path, "role"], issue: "Expected text" }
  const content = message["content"]
  if (content === undefined) {
    return "tool_calls" in message
      ? undefined
      : { path: [...path, "content"], issue: "is missing: expected what the message says" }
  }
  return typeof content === "string" || content === null || Array.isArray(content)
    ? undefined
    : { path: [...path, "content"], issue: "Expected text or a list of parts" }
}

const misfitOfMessages = (
  messages: Schema.Json | undefined,
  path: ReadonlyArray<PropertyKey>
): Misfit | undefined => {
  if (!isJsonArray(messages)) return { path, issue: "Expected a list of messages" }
  if (messages.length === 0) return { path, issue: "Expected at least one message" }
  for (let at = 0; at < messages.length; at++) {
    const misfit = misfitOfMessage(messages[at], [...path, at])
    if (misfit !== undefined) return misfit
  }
  return undefined
}

const isJsonArray = (json: Schema.Json | undefined): json is Schema.JsonArray => Array.isArray(json)
const isJsonObject = (json: Schema.Json | undefined): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)

// What JSON.parse has given is JSON: walking all of it again would take longer than parsing it.
const Parsed = Schema.declare((value: unknown): value is Schema.Json => value !== undefined)
const ParsedObject = Schema.declare(
  (value: unknown): value is Schema.JsonObject =>
    typeof value === "object" && value !== null && !Array.isArray(value),
  { expected: "an object" }
)

const Conversation = Parsed.check(
  Schema.makeFilter((input) => {
    if (typeof input === "string") return undefined
    return isJsonArray(input) ? misfitOfMessages(input, []) : "Expected text or a list of messages"
  })
)

const inputOf: { readonly [K in Kind]: Schema.Codec<Schema.Json, unknown> } = {
  embed: Schema.String,
  classify: Schema.Union([Schema.String, RowMedia.Input]),
  generate: Schema.String,
  image: Schema.String,
  chat: Conversation,
  transcribe: RowMedia.Input,
  http: Parsed
}

const CHAT = "/v1/chat/completions"

/** Where a row goes that does not say it. */
export const defaultPath: { readonly [K in Kind]: string } = {
  embed: "/v1/embeddings",
  classify: "/",
  generate: "/v1/completions",
  image: "/",
  chat: CHAT,
  transcribe: "/",
  http: "/"
}

/** Whether a plain row of this kind may hold pictures or sounds, or refer to them. */
export const mayHaveMedia = (kind: Kind): boolean =>
  kind === "chat" || kind === "classify" || kind === "transcribe"

/** A line of Anthropic's message batches, whose requests are of another kind. */
const isMessageBatch = (json: object) =>
  Predicate.hasProperty(json, "params") && !Predicate.hasProperty(json, "body")

const messageBatch = new SchemaIssue.Pointer(
  ["params"],
  new SchemaIssue.InvalidValue({
    message:
      "is the shape of Anthropic's batches: write each line as custom_id, url and body, the body as /v1/chat/completions takes it"
  })
)

const isTextRow = (json: unknown): json is { readonly id: string; readonly input: string } =>
  typeof json === "object" &&
  json !== null &&
  "id" in json &&
  "input" in json &&
  typeof json.input === "string" &&
  typeof json.id === "string" &&
  misfitOfId(json.id) === undefined

/** The row as it must be for a kind of job; which of the two shapes it has is told by its `custom_id`. */
export const schemaFor = (kind: Kind, files?: Folder): Schema.Codec<Row, unknown> => {
  const decodePlain = SchemaParser.decodeUnknownEffect(
    Schema.Struct({ ...PlainRow.fields, input: inputOf[kind] })
  )
  const decodeBatchLine = SchemaParser.decodeUnknownEffect(
    Schema.Struct({ ...BatchLine.fields, body: ParsedObject.check(doesNotStream) }).check(
      Schema.makeFilter(({ url, body }) =>
        (url ?? defaultPath[kind]) === CHAT
          ? misfitOfMessages(body["messages"], ["body", "messages"])
          : undefined
      )
    )
  )
  const isText = kind !== "chat" && kind !== "http" && kind !== "transcribe"
  const decode = (json: unknown, options: SchemaAST.ParseOptions): Effect.Effect<Row, SchemaIssue.Issue> => {
    if (Predicate.hasProperty(json, "custom_id")) {
      return isMessageBatch(json) ? Exit.fail(messageBatch) : decodeBatchLine(json, options)
    }
    // Measured: nearly all rows are these, and the schema would take as long again as JSON.parse.
    if (isText && isTextRow(json)) return Exit.succeed({ id: json.id, input: json.input })
    const plain = decodePlain(json, options)
    return mayHaveMedia(kind) ? RowMedia.looked(plain, files) : plain
  }
  return Schema.Unknown.pipe(
    Schema.decodeTo(
      Schema.declare((row: unknown): row is Row => Predicate.isObject(row)),
      {
        decode: SchemaGetter.transformEffect(decode),
        encode: SchemaGetter.transform((row: Row): unknown => row)
      }
    )
  )
}
