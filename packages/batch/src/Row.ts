/**
 * The rows of a batch file: lines of the OpenAI batch format, or plain `{"id", "input"}`.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Stream from "effect/Stream"
import * as Inference from "./Inference.ts"
import * as AnswerShape from "./internal/answerShape.ts"
import { soleMember } from "./internal/soleMember.ts"
import * as Job from "./Job.ts"
import type * as Journal from "./Journal.ts"
import * as Sink from "./Sink.ts"
import * as Source from "./Source.ts"

/** What is done with each row. */
export const Kind = Schema.Literals(["embed", "classify", "generate", "chat", "image", "http"])

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

const isBatchLine = (row: Row): row is typeof BatchLine.Type => "custom_id" in row

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
  classify: Schema.String,
  generate: Schema.String,
  image: Schema.String,
  chat: Conversation,
  http: Parsed
}

const CHAT = "/v1/chat/completions"

const defaultPath: { readonly [K in Kind]: string } = {
  embed: "/v1/embeddings",
  classify: "/",
  generate: "/v1/completions",
  image: "/",
  chat: CHAT,
  http: "/"
}

const isTextRow = (json: unknown): json is { readonly id: string; readonly input: string } =>
  typeof json === "object" &&
  json !== null &&
  "id" in json &&
  "input" in json &&
  typeof json.input === "string" &&
  typeof json.id === "string" &&
  misfitOfId(json.id) === undefined

/** The row as it must be for a kind of job; which of the two shapes it has is told by its `custom_id`. */
const schemaFor = (kind: Kind) => {
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
  const isText = kind !== "chat" && kind !== "http"
  const decode = (json: unknown, options: SchemaAST.ParseOptions): Effect.Effect<Row, SchemaIssue.Issue> => {
    if (Predicate.hasProperty(json, "custom_id")) return decodeBatchLine(json, options)
    // Measured: nearly all rows are these, and the schema would take as long again as JSON.parse.
    if (isText && isTextRow(json)) return Exit.succeed({ id: json.id, input: json.input })
    return decodePlain(json, options)
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

/**
 * The rows of a JSONL file, each checked for a kind of job: `input` must be text, for `chat` text or messages, for `http`
 * any JSON; ids have at most 2,048 characters. Fails with `SourceError` at the first line that is no row, naming line and
 * field; {@link checked} tells of all of them.
 */
export const source = (
  path: string,
  kind: Kind
): Stream.Stream<Row, Source.SourceError, FileSystem.FileSystem> => Source.jsonl(path, schemaFor(kind))

/**
 * The rows of a JSONL file, all of it checked while it is read for the first time, ids as well: see `Source.checked`.
 *
 * **Example** (What is wrong with a file)
 *
 * ```ts
 * import { Row } from "@stint/batch"
 * import { Effect, Stream } from "effect"
 *
 * const { items } = Row.checked("rows.jsonl", "embed")
 * const problems = Stream.runDrain(items).pipe(
 *   Effect.as([]),
 *   Effect.catchTag("InvalidInput", ({ problems }) => Effect.succeed(problems))
 * )
 * ```
 */
export const checked = (
  path: string,
  kind: Kind,
  options?: Omit<Source.CheckOptions<Row>, "key">
): Source.Checked<Row, never> => Source.checked(path, schemaFor(kind), { ...options, key: keyOf })

const isConversation = Schema.is(
  Schema.NonEmptyArray(
    Schema.StructWithRest(Schema.Struct({ role: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
  )
)

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
      const answer = yield* Inference.request({ path: "/", body: input })
      return answer.body
    }
  }
})

const runBatchLine = Effect.fnUntraced(function* (kind: Kind, row: typeof BatchLine.Type) {
  const request = { path: row.url ?? defaultPath[kind], body: row.body }
  const { status, requestId, body } = yield* Inference.request(yield* Inference.withModel(request))
  const fault = AnswerShape.faultOf(request.path, body)
  if (fault !== undefined) return yield* fault
  return { response: { status_code: status, request_id: requestId ?? null, body } }
})

const Counted = Schema.Struct({
  response: Schema.Struct({
    body: Schema.Struct({
      usage: Schema.Struct({
        prompt_tokens: Schema.optionalKey(Schema.Finite),
        completion_tokens: Schema.optionalKey(Schema.Finite)
      })
    })
  })
})
const isCounted = Schema.is(Counted)
const isPlain = Schema.is(Schema.Struct({ output: Schema.String }))

/** The tokens that an OpenAI answer counts itself, or about those of a text. */
const usageOf = (output: Schema.Json): Job.Usage | undefined => {
  if (isCounted(output)) {
    const { completion_tokens: outputTokens, prompt_tokens: inputTokens } = output.response.body.usage
    return { inputTokens, outputTokens }
  }
  return isPlain(output) ? { outputTokens: Math.ceil(output.output.length / 4) } : undefined
}

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
    isDeterministic: kind === "embed" || kind === "classify",
    usage: usageOf
  })

const formatEntry = (entry: Journal.Entry): Schema.Json => {
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

/** The same line for a success, from the text of its output. */
const splice = (key: string, output: string): string | undefined => {
  const plain = soleMember(output, "output")
  if (plain !== undefined) return Sink.plain.splice?.(key, plain)
  const response = soleMember(output, "response")
  const id = JSON.stringify(`batch_req_${key}`)
  return response === undefined
    ? undefined
    : `{"id":${id},"custom_id":${JSON.stringify(key)},"response":${response},"error":null}`
}

/**
 * How rows are written: an OpenAI output line for a batch line, `{"id", "output"}` for a plain row. What failed keeps what
 * it takes to run it again.
 */
export const format: Sink.Format = Object.assign(formatEntry, { splice })

const isBatchLineJson = Schema.is(BatchLine)
const isBatchInput = (input: Schema.Json | undefined): input is Schema.JsonObject => isBatchLineJson(input)

const BatchOutput = Schema.Struct({ response: Schema.Json })
const PlainOutput = Schema.Struct({ output: Schema.Json })
const PlainInput = Schema.Struct({ input: Schema.Json })
const WrittenError = Schema.Struct({ reason: Schema.String, message: Schema.String })

const openAiError = (error: Schema.Json | undefined): Schema.Json =>
  Schema.is(WrittenError)(error) ? { code: error.reason, message: error.message } : null
