/**
 * What of an answer goes into which column, for files that have columns.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Label } from "./Inference.ts"
import { FOLDER as IMAGES } from "./internal/output/imageFiles.ts"
import type { Kind } from "./internal/row/rowShape.ts"
import { soleMember } from "./internal/journal/soleMember.ts"

/**
 * What a column holds. `numbers` are a list of 32-bit floats, `labels` a list of `{label, score}`, `bytes` are given as
 * Base64, `json` is the text of any JSON. Where a kind of file has no such type it is written as JSON text, as in CSV.
 */
export type ColumnType = "text" | "integer" | "number" | "numbers" | "labels" | "bytes" | "json"

/** A column of a table. */
export interface Column {
  readonly name: string
  readonly type: ColumnType
}

/** What a row has in a column; `numbers` and `labels` may be given as their JSON text. Nothing is `null`. */
export type Cell = string | number | ReadonlyArray<number> | ReadonlyArray<Label> | null

/** How a success becomes a row: as many cells as there are columns. */
export interface Table {
  readonly columns: ReadonlyArray<Column>
  readonly row: (key: string, output: Schema.Json) => ReadonlyArray<Cell>
  /** The same from the JSON text of the output, where that need not be decoded; nothing where it must be. */
  readonly splice?: ((key: string, output: string) => ReadonlyArray<Cell> | undefined) | undefined
}

const id: Column = { name: "id", type: "text" }
const response: Column = { name: "response", type: "json" }
const generated: ReadonlyArray<Column> = [
  { name: "output", type: "text" },
  { name: "finish_reason", type: "text" },
  { name: "prompt_tokens", type: "integer" },
  { name: "completion_tokens", type: "integer" }
]

const columnsOf: { readonly [K in Kind]: ReadonlyArray<Column> } = {
  embed: [{ name: "embedding", type: "numbers" }],
  classify: [
    { name: "label", type: "text" },
    { name: "score", type: "number" },
    { name: "labels", type: "labels" }
  ],
  generate: generated,
  chat: generated,
  transcribe: generated,
  image: [{ name: "output", type: "bytes" }],
  http: [{ name: "output", type: "json" }]
}

const decoder = <S extends Schema.ConstraintCodec<unknown, unknown, never, never>, A>(
  schema: S,
  read: (value: S["Type"]) => A
) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (json: Schema.Json): A | undefined => Option.getOrUndefined(Option.map(decode(json), read))
}

const one = <S extends Schema.Constraint>(schema: S) => Schema.Tuple([schema])

/** What the first of some readers that can read it makes of an answer. */
const firstOf =
  <A>(...readers: ReadonlyArray<(json: Schema.Json) => A | undefined>) =>
  (json: Schema.Json): A | undefined => {
    for (const read of readers) {
      const found = read(json)
      if (found !== undefined) return found
    }
    return undefined
  }

const Parsed = Schema.declare((value: unknown): value is Schema.Json => value !== undefined)

const isNumber = (value: unknown) => typeof value === "number"
// Every number of every vector goes through here.
const Numbers = Schema.declare(
  (value: unknown): value is ReadonlyArray<number> => Array.isArray(value) && value.every(isNumber)
)
const readNumbers = firstOf(
  decoder(Numbers, (vector) => vector),
  decoder(one(Numbers), ([vector]) => vector),
  decoder(
    Schema.Struct({ data: one(Schema.Struct({ embedding: Numbers })) }),
    ({ data: [{ embedding }] }) => embedding
  )
)

const Labels = Schema.NonEmptyArray(Label)
const readLabels = firstOf(
  decoder(Labels, (labels) => labels),
  decoder(one(Labels), ([labels]) => labels)
)

interface Text {
  readonly text: string
  readonly finishReason?: string | null | undefined
  readonly usage?: typeof Usage.Type | null | undefined
}

const Usage = Schema.Struct({
  prompt_tokens: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  completion_tokens: Schema.optionalKey(Schema.NullOr(Schema.Int))
})
const answered = <S extends Schema.Struct.Fields>(choice: S) =>
  Schema.Struct({
    choices: one(
      Schema.Struct({ ...choice, finish_reason: Schema.optionalKey(Schema.NullOr(Schema.String)) })
    ),
    usage: Schema.optionalKey(Schema.NullOr(Usage))
  })
const hasNoCalls = Schema.makeFilter(
  (message: { readonly tool_calls?: unknown }) =>
    message.tool_calls === undefined ||
    message.tool_calls === null ||
    (Array.isArray(message.tool_calls) && message.tool_calls.length === 0)
)
const Message = Schema.Struct({
  content: Schema.String,
  tool_calls: Schema.optionalKey(Schema.Unknown)
}).check(hasNoCalls)
const readText = firstOf<Text>(
  decoder(Schema.String, (text) => ({ text })),
  decoder(answered({ message: Message }), ({ choices: [choice], usage }) => ({
    text: choice.message.content,
    finishReason: choice.finish_reason,
    usage
  })),
  decoder(answered({ text: Schema.String }), ({ choices: [choice], usage }) => ({
    text: choice.text,
    finishReason: choice.finish_reason,
    usage
  })),
  decoder(one(Schema.Struct({ generated_text: Schema.String })), ([{ generated_text: text }]) => ({ text }))
)

// A picture may be long: one look for what does not belong, without a way back.
const isBase64 = (value: unknown): value is string =>
  typeof value === "string" && value.length % 4 === 0 && !/[^A-Za-z0-9+/=]/.test(value)
const Base64 = Schema.declare(isBase64)
const readBase64 = firstOf(
  decoder(Base64, (text) => text),
  decoder(
    Schema.Struct({ data: one(Schema.Struct({ b64_json: Base64 })) }),
    ({ data: [{ b64_json }] }) => b64_json
  )
)
/** Where pictures are files, an answer has their paths. */
const Path = Schema.String.check(Schema.isStartingWith(`${IMAGES}/`))
const readPath = firstOf(
  decoder(Path, (path) => path),
  decoder(Schema.Struct({ data: one(Schema.Struct({ url: Path })) }), ({ data: [{ url }] }) => url)
)

const best = (labels: typeof Labels.Type) => labels.reduce((a, b) => (b.score > a.score ? b : a))

type Read = (json: Schema.Json) => ReadonlyArray<Cell> | undefined

const through =
  <A>(read: (json: Schema.Json) => A | undefined, cells: (found: A) => ReadonlyArray<Cell>): Read =>
  (json) => {
    const found = read(json)
    return found === undefined ? undefined : cells(found)
  }

const readGenerated = through(readText, ({ finishReason, text, usage }) => [
  text,
  finishReason ?? null,
  usage?.prompt_tokens ?? null,
  usage?.completion_tokens ?? null
])

const readers: { readonly [K in Kind]: Read } = {
  embed: through(readNumbers, (vector) => [vector]),
  classify: through(readLabels, (labels) => {
    const { label, score } = best(labels)
    return [label, score, labels]
  }),
  generate: readGenerated,
  chat: readGenerated,
  transcribe: readGenerated,
  image: through(firstOf(readBase64, readPath), (text) => [text]),
  http: (json) => [JSON.stringify(json)]
}

/** A list of numbers without anything in it; one look for what does not belong. */
const isListOfNumbers = (text: string) =>
  text.startsWith("[") && text.endsWith("]") && !/[^-+0-9.eE,]/.test(text.slice(1, -1))

const decodeText = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.String))

/** The text of a vector need not be decoded to be written, and of a text nothing else. */
const spliceOf = (kind: Kind, take: (output: string) => string | undefined): Table["splice"] => {
  if (kind === "embed") {
    return (key, output) => {
      const vector = take(output)
      return vector !== undefined && isListOfNumbers(vector) ? [key, vector, null] : undefined
    }
  }
  if (kind !== "generate" && kind !== "chat") return undefined
  return (key, output) => {
    const text = take(output)
    return text?.startsWith('"') === true
      ? Option.getOrUndefined(
          Option.map(decodeText(text), (decoded) => [key, decoded, null, null, null, null])
        )
      : undefined
  }
}

const make = (
  kind: Kind,
  options: Pick<Table, "splice"> & {
    readonly take: (output: Schema.Json) => Schema.Json
    /** The cells of an output that are not in the answer alone. */
    readonly plain?: Read | undefined
  }
): Table => {
  const columns = columnsOf[kind]
  const read = readers[kind]
  const nothing = columns.map(() => null)
  if (kind === "http") {
    return { columns: [id, ...columns], row: (key, output) => [key, JSON.stringify(options.take(output))] }
  }
  return {
    columns: [id, ...columns, response],
    row: (key, output) => {
      const answer = options.take(output)
      const cells = options.plain?.(output) ?? read(answer)
      return cells === undefined ? [key, ...nothing, JSON.stringify(answer)] : [key, ...cells, null]
    },
    splice: options.splice
  }
}

/**
 * Columns for the outputs of the jobs that `Job` makes, or of any other whose outputs have the same shape:
 *
 * | kind | columns |
 * | --- | --- |
 * | `embed` | `id`, `embedding`, `response` |
 * | `classify` | `id`, `label` and `score` of the best, `labels`, `response` |
 * | `generate`, `chat` | `id`, `output`, `finish_reason`, `prompt_tokens`, `completion_tokens`, `response` |
 * | `image` | `id`, `output`, `response` |
 * | `http` | `id`, `output` as JSON |
 *
 * An answer that does not fit its columns, as a chat message that calls tools, leaves them empty and stands as JSON in
 * `response`, which is empty otherwise.
 *
 * **Example** (A row of a table)
 *
 * ```ts
 * import { Table } from "@stint/batch"
 *
 * const table = Table.outputs("classify")
 * const row = table.row("a", [{ label: "sad", score: 0.1 }, { label: "glad", score: 0.9 }])
 * console.log(row.slice(0, 3).join(" ")) // => a glad 0.9
 * ```
 */
export const outputs = (kind: Kind): Table =>
  make(kind, { take: (output) => output, splice: spliceOf(kind, (output) => output) })

// Not all of an output is walked: it is JSON, for it came from JSON.
const isPlain = Schema.is(Schema.Struct({ output: Parsed }))
const isBatch = Schema.is(Schema.Struct({ response: Schema.Struct({ body: Parsed }) }))

/** What was answered to a row of a file. */
const answerOf = (output: Schema.Json): Schema.Json => {
  if (isPlain(output)) return output.output
  return isBatch(output) ? output.response.body : output
}

const Spoken = Schema.Struct({
  output: Parsed,
  finish_reason: Schema.optionalKey(Schema.NullOr(Schema.String))
})
const isSpoken = Schema.is(Spoken)

/** Of a plain row: a text that was cut off says so, and an answer of a given shape is its JSON. */
const spoken =
  (kind: Kind) =>
  (output: Schema.Json): ReadonlyArray<Cell> | undefined => {
    if (!isSpoken(output)) return undefined
    const { finish_reason: finishReason, output: said } = output
    if (typeof said === "string") return [said, finishReason ?? null, null, null]
    return kind === "chat" ? [JSON.stringify(said), finishReason ?? null, null, null] : undefined
  }

/**
 * The same columns for rows of a file: what a plain row was answered, or the body of an OpenAI answer. Of plain rows no
 * tokens are known here; `output` of a chat that answered with JSON of a given shape is its text.
 */
export const rows = (kind: Kind): Table =>
  make(kind, {
    take: answerOf,
    plain: kind === "chat" || kind === "generate" ? spoken(kind) : undefined,
    splice: spliceOf(kind, (output) => soleMember(output, "output"))
  })

/** The columns of what failed. */
export const errorColumns: ReadonlyArray<Column> = [
  id,
  { name: "reason", type: "text" },
  { name: "status", type: "integer" },
  { name: "message", type: "text" }
]

const isFailure = Schema.is(
  Schema.Struct({ reason: Schema.String, status: Schema.optionalKey(Schema.Int), message: Schema.String })
)

/** The row of a failure: the cells of {@link errorColumns}. */
export const errorRow = (key: string, error: Schema.Json | undefined): ReadonlyArray<Cell> =>
  isFailure(error)
    ? [key, error.reason, error.status ?? null, error.message]
    : [key, null, null, error === undefined ? null : JSON.stringify(error)]
