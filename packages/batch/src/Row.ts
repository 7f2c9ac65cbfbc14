/**
 * The rows of a batch file: lines of the OpenAI batch format, or plain `{"id", "input"}`.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Stream from "effect/Stream"
import * as Inference from "./Inference.ts"
import * as Job from "./Job.ts"
import type * as Journal from "./Journal.ts"
import { CurrentEndpoint } from "./ManagedEndpoint.ts"
import * as Sink from "./Sink.ts"
import * as Source from "./Source.ts"

/** What is done with each row. */
export const Kind = Schema.Literals(["embed", "classify", "generate", "chat", "image", "http"])

/** What is done with each row. */
export type Kind = typeof Kind.Type

const Id = Schema.NonEmptyString

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
      Schema.isPattern(/^\/(?![/\\])/, { message: "expected a path on the endpoint, as in /v1/embeddings" })
    )
  ),
  body: Schema.Record(Schema.String, Schema.Json).check(
    Schema.makeFilter(
      (body: Record<string, Schema.Json>) =>
        body["stream"] !== true || "stream: true is not for a batch: leave it out"
    )
  )
})

const NumberId = Schema.Finite.check(
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

const isBatchLine = (row: Row): row is typeof BatchLine.Type => "custom_id" in row

/** The row's identity. */
export const keyOf = (row: Row): string => (isBatchLine(row) ? row.custom_id : String(row.id))

/** A message as the engine takes it: whatever it holds beside its role is sent as it is. */
const Message = Schema.StructWithRest(Schema.Struct({ role: Schema.String }), [
  Schema.Record(Schema.String, Schema.Json)
]).check(
  Schema.makeFilter((message) =>
    "content" in message || "tool_calls" in message
      ? undefined
      : { path: ["content"], issue: "expected what the message says" }
  )
)
const Conversation = Schema.Union([Schema.String, Schema.NonEmptyArray(Message)])

const inputOf: { readonly [K in Kind]: Schema.Codec<Schema.Json, unknown> } = {
  embed: Schema.String,
  classify: Schema.String,
  generate: Schema.String,
  image: Schema.String,
  chat: Conversation,
  http: Schema.Json
}

const decodeBatchLine = SchemaParser.decodeUnknownEffect(BatchLine)

/** The row as it must be for a kind of job; which of the two shapes it has is told by its `custom_id`. */
const schemaFor = (kind: Kind) => {
  const decodePlain = SchemaParser.decodeUnknownEffect(
    Schema.Struct({ ...PlainRow.fields, input: inputOf[kind] })
  )
  const decode = (json: Schema.Json): Effect.Effect<Row, SchemaIssue.Issue> =>
    Predicate.hasProperty(json, "custom_id") ? decodeBatchLine(json) : decodePlain(json)
  return Schema.Json.pipe(
    Schema.decodeTo(
      Schema.declare((row: unknown): row is Row => Predicate.isObject(row)),
      {
        decode: SchemaGetter.transformEffect(decode),
        encode: SchemaGetter.transformEffect((row: Row) => SchemaParser.decodeUnknownEffect(Schema.Json)(row))
      }
    )
  )
}

/**
 * The rows of a JSONL file, each checked for a kind of job: `input` must be text, for `chat` text or messages, for `http`
 * any JSON. Fails with `SourceError`, naming line and field.
 */
export const source = (
  path: string,
  kind: Kind
): Stream.Stream<Row, Source.SourceError, FileSystem.FileSystem> => Source.jsonl(path, schemaFor(kind))

/** Where a key stands more than once: the error that names both lines. Reads the file again. */
export const duplicateAt = (
  path: string,
  kind: Kind,
  key: string
): Effect.Effect<Source.SourceError, Source.SourceError, FileSystem.FileSystem> =>
  Source.jsonlNumbered(path, schemaFor(kind)).pipe(
    Stream.filter(({ item }) => keyOf(item) === key),
    Stream.map(({ line }) => line),
    Stream.take(2),
    Stream.runCollect,
    Effect.map(
      ([first, second]) =>
        new Source.SourceError({
          path,
          line: second ?? first ?? 0,
          detail: `the id "${key}" is that of line ${first ?? "another"} as well; ids must be unique in a file`
        })
    )
  )

const defaultPath: { readonly [K in Kind]: string } = {
  embed: "/v1/embeddings",
  classify: "/",
  generate: "/v1/completions",
  image: "/",
  chat: "/v1/chat/completions",
  http: "/"
}

const isConversation = Schema.is(Schema.NonEmptyArray(Message))

const messagesOf = (input: Schema.Json): ReadonlyArray<Inference.Message> =>
  isConversation(input) ? input : [{ role: "user", content: input }]

const textOf = (input: Schema.Json): string => (typeof input === "string" ? input : JSON.stringify(input))

const toBase64 = Schema.encodeEffect(Schema.Uint8ArrayFromBase64)

const runPlain = Effect.fnUntraced(function* (kind: Kind, input: Schema.Json) {
  switch (kind) {
    case "embed":
      return yield* Inference.featureExtraction(textOf(input))
    case "classify":
      return yield* Inference.textClassification(textOf(input))
    case "generate":
      return yield* Inference.textGeneration(textOf(input))
    case "chat":
      return yield* Inference.chatCompletion(messagesOf(input))
    case "image":
      return yield* Effect.orDie(Effect.flatMap(Inference.textToImage(textOf(input)), toBase64))
    case "http": {
      const { endpoint } = yield* CurrentEndpoint
      const answer = yield* Inference.request(Inference.withModel(endpoint, { path: "/", body: input }))
      return answer.body
    }
  }
})

const runBatchLine = Effect.fnUntraced(function* (kind: Kind, row: typeof BatchLine.Type) {
  const { endpoint } = yield* CurrentEndpoint
  const request = { path: row.url ?? defaultPath[kind], body: row.body }
  const { status, requestId, body } = yield* Inference.request(Inference.withModel(endpoint, request))
  return { response: { status_code: status, request_id: requestId ?? null, body } }
})

/**
 * The job for rows of a file. A batch line is sent as it is to its own `url`; a plain row is sent in the endpoint's own
 * protocol.
 */
export const job = (kind: Kind): Job.Job<Row, Schema.Json> =>
  Job.make<Row, Schema.Json>({
    name: kind,
    key: keyOf,
    fingerprint: (row): Schema.Json =>
      isBatchLine(row) ? { url: row.url ?? defaultPath[kind], body: row.body } : { input: row.input },
    output: Schema.Json,
    run: (row) =>
      isBatchLine(row)
        ? runBatchLine(kind, row)
        : Effect.map(runPlain(kind, row.input), (output): Schema.Json => ({ output })),
    isDeterministic: kind === "embed" || kind === "classify"
  })

/**
 * How rows are written: an OpenAI output line for a batch line, `{"id", "output"}` for a plain row. What failed keeps what
 * it takes to run it again.
 */
export const format: Sink.Format = (entry: Journal.Entry) => {
  const { input, output } = entry
  if (entry.tag === "Failed") {
    return isBatchInput(input)
      ? { id: `batch_req_${entry.key}`, ...input, response: null, error: openAiError(entry.error) }
      : Sink.plain({ ...entry, input: Schema.is(PlainInput)(input) ? input.input : null })
  }
  return Schema.is(BatchOutput)(output)
    ? { id: `batch_req_${entry.key}`, custom_id: entry.key, response: output.response, error: null }
    : Sink.plain({ ...entry, output: Schema.is(PlainOutput)(output) ? output.output : null })
}

const isBatchLineJson = Schema.is(BatchLine)
const isBatchInput = (input: Schema.Json | undefined): input is Schema.JsonObject => isBatchLineJson(input)

const BatchOutput = Schema.Struct({ response: Schema.Json })
const PlainOutput = Schema.Struct({ output: Schema.Json })
const PlainInput = Schema.Struct({ input: Schema.Json })
const WrittenError = Schema.Struct({ reason: Schema.String, message: Schema.String })

const openAiError = (error: Schema.Json | undefined): Schema.Json =>
  Schema.is(WrittenError)(error) ? { code: error.reason, message: error.message } : null
