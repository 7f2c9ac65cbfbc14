/**
 * Where items come from. A source is a stream that can be run again: once to check the whole input, once to send it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe } from "./FileProblem.ts"
import * as CheckedRecords from "./internal/input/checkedRecords.ts"
import * as CsvFile from "./internal/input/csvFile.ts"
import type { CsvRecord } from "./internal/input/csvRecords.ts"
import * as CsvSchema from "./internal/input/csvSchema.ts"
import * as JsonLines from "./internal/input/jsonLines.ts"
import * as ProblemText from "./internal/input/problemText.ts"
import { isSettled } from "./internal/input/records.ts"
import { InputChanged, InvalidInput, Problem } from "./InvalidInput.ts"
import { SourceError } from "./SourceError.ts"

export { InputChanged, InvalidInput, Problem, SourceError }
export type { Check, Checked, Options as CheckOptions } from "./internal/input/checkedRecords.ts"
export type { Dialect as CsvOptions } from "./internal/input/csvFile.ts"

/** An item, and the line that it stands on, counted from 1. */
export interface Numbered<A> {
  readonly line: number
  readonly item: A
}

/**
 * The items of a JSONL file, each with its line: see {@link jsonl}.
 */
export const jsonlNumbered = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S
): Stream.Stream<Numbered<S["Type"]>, SourceError, FileSystem.FileSystem | S["DecodingServices"]> =>
  CheckedRecords.unchecked({ name: path, format: JsonLines.format(path), schema })

/**
 * The items of a JSONL file, one JSON value a line, decoded with `schema`. Blank lines are passed over; a byte order mark
 * and CRLF are understood; a line may have 64 MB. Of a member that an object has twice the last one counts.
 *
 * Fails with {@link SourceError} at the first line that is not an item, naming line and field, after the items before it.
 *
 * **Example** (Reading rows)
 *
 * ```ts
 * import { Source } from "@stint/batch"
 * import { Schema } from "effect"
 *
 * const rows = Source.jsonl("rows.jsonl", Schema.Struct({ id: Schema.String, text: Schema.String }))
 * ```
 */
export const jsonl = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S
): Stream.Stream<S["Type"], SourceError, FileSystem.FileSystem | S["DecodingServices"]> =>
  Stream.map(jsonlNumbered(path, schema), ({ item }) => item)

/**
 * The items of a JSONL file, all of it checked while it is read for the first time.
 *
 * The first reading to the end finds every line that is no item, and every line whose key stood before. With `onInvalid:
 * "fail"` the items fail at their end with {@link InvalidInput}, which tells of all of these lines; with `"skip"` the
 * items are the good ones, of one key the first, and the others are written to `invalidPath` as `{"line", "error",
 * "text"}`. So read the items once before anything is paid for, as `Batch.runOn` and `Batch.prepare` do.
 *
 * A later reading gives the same items, and fails with {@link InputChanged} before it would give another. The file must
 * be a regular one; keys take 17 to 34 bytes each during the check, and a bit a line after it.
 *
 * **Example** (Going on without bad lines)
 *
 * ```ts
 * import { Batch, Job, Source } from "@stint/batch"
 * import { Effect, Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const rows = Source.checked("rows.jsonl", Row, {
 *   key: (row) => row.id,
 *   onInvalid: "skip",
 *   invalidPath: "invalid.jsonl"
 * })
 * const job = Job.embed({ key: (row: typeof Row.Type) => row.id, text: (row) => row.text })
 * const nightly = Effect.gen(function* () {
 *   const report = yield* Batch.runOn(rows.items, { name: "batch-endpoint" }, job)
 *   return { report, invalid: (yield* rows.check)?.invalid }
 * })
 * ```
 */
export const checked = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S,
  options?: CheckedRecords.Options<S["Type"]>
): CheckedRecords.Checked<S["Type"], S["DecodingServices"]> =>
  CheckedRecords.make(
    { name: options?.name ?? path, format: JsonLines.format(path, options?.maxLineBytes), schema },
    options
  )

const csvSubject = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S,
  options:
    | (CsvFile.Dialect & { readonly name?: string | undefined; readonly maxLineBytes?: number | undefined })
    | undefined
) => {
  const { codec, wanted, optional } = CsvSchema.ofTexts(schema)
  return {
    name: options?.name ?? path,
    format: CsvFile.format(path, {
      delimiter: options?.delimiter,
      columns: options?.columns,
      maxLineBytes: options?.maxLineBytes,
      wanted,
      optional
    }),
    schema: codec
  }
}

/**
 * The items of a CSV file (RFC 4180), one a record, decoded with `schema` from its columns by their names in the header.
 * Cells are texts: the schema's numbers, booleans and dates are read from them, and an empty cell of an optional member
 * is a missing one. Quotes, line ends in cells, a byte order mark, LF, CRLF and CR are understood; lines without any
 * character and columns without a name are passed over.
 *
 * Fails with {@link SourceError} at the first record that is no item, naming line and column: one with more or fewer cells
 * than the header, a quote inside of an unquoted cell, a quote that is never closed; and before any item when a column that
 * the schema needs is not there, or two have one name.
 *
 * **Example** (Reading a table)
 *
 * ```ts
 * import { Source } from "@stint/batch"
 * import { Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String, year: Schema.optionalKey(Schema.Int) })
 * const rows = Source.csv("rows.csv", Row)
 * const german = Source.csv("rows.txt", Row, { delimiter: ";", columns: ["id", "text", "year"] })
 * ```
 */
export const csv = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S,
  options?: CsvFile.Dialect
): Stream.Stream<S["Type"], SourceError, FileSystem.FileSystem | S["DecodingServices"]> =>
  Stream.map(CheckedRecords.unchecked(csvSubject(path, schema, options)), ({ item }) => item)

/**
 * The items of a CSV file, all of it checked while it is read for the first time: {@link csv} with the promises of
 * {@link checked}. Of a record that goes over several lines the first one counts.
 *
 * **Example** (All that is wrong with a table)
 *
 * ```ts
 * import { Source } from "@stint/batch"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const rows = Source.checkedCsv("rows.csv", Schema.Struct({ id: Schema.String, text: Schema.String }), {
 *   key: (row) => row.id
 * })
 * const problems = Stream.runDrain(rows.items).pipe(
 *   Effect.as([]),
 *   Effect.catchTag("InvalidInput", ({ problems }) => Effect.succeed(problems))
 * )
 * ```
 */
export const checkedCsv = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S,
  options?: CheckedRecords.Options<S["Type"]> & CsvFile.Dialect
): CheckedRecords.Checked<S["Type"], S["DecodingServices"]> => {
  const subject = csvSubject(path, schema, options)
  return CheckedRecords.make<typeof subject.schema, CsvRecord, never>(subject, options)
}

const write = (path: string) => (error: PlatformError.PlatformError) =>
  new SourceError({ path, line: 0, detail: describe(error) })

/**
 * Writes bytes that come only once to a file that can be read again, and removes it with the scope. What the file held
 * before is gone.
 */
export const spilledBytes = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  path: string
): Effect.Effect<void, SourceError | E, FileSystem.FileSystem | Scope.Scope | R> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const toError = write(path)
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(path, { force: true })))
    yield* Effect.scoped(
      Effect.gen(function* () {
        const file = yield* Effect.mapError(fs.open(path, { flag: "w", mode: 0o600 }), toError)
        yield* Stream.runForEach(bytes, (chunk) => Effect.mapError(file.writeAll(chunk), toError))
      })
    )
  })

/**
 * Makes any stream one that can be run again: its items are written to a temporary JSONL file, in memory bounded by a
 * chunk of them, and the file is removed with the scope. `directory` is where; default: the system's folder for that.
 *
 * **Example** (A query that runs once)
 *
 * ```ts
 * import { Batch, Job, Source } from "@stint/batch"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const job = Job.embed({ key: (row: typeof Row.Type) => row.id, text: (row) => row.text })
 * const nightly = (query: Stream.Stream<typeof Row.Type>) =>
 *   Effect.scoped(
 *     Effect.flatMap(Source.spilled(query, Row), Batch.runOn({ name: "batch-endpoint" }, job))
 *   )
 * ```
 */
export const spilled = Effect.fnUntraced(function* <S extends Schema.ConstraintCodec<unknown, unknown>, E, R>(
  stream: Stream.Stream<S["Type"], E, R>,
  schema: S,
  options?: { readonly directory?: string | undefined }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* Effect.mapError(
    fs.makeTempDirectoryScoped({ directory: options?.directory, prefix: "stint-" }),
    write(options?.directory ?? "a temporary folder")
  )
  const file = path.join(directory, "items.jsonl")
  const encode = SchemaParser.encodeUnknownEffect(schema)
  const encoder = new TextEncoder()
  let line = 0
  const unfit = (issue: SchemaIssue.Issue) => {
    const { field, detail } = ProblemText.fromIssue(issue)
    return new SourceError({
      path: "items",
      line,
      detail: field === undefined ? detail : `${field}: ${detail}`
    })
  }
  const toBytes = Effect.fnUntraced(function* (items: ReadonlyArray<S["Type"]>) {
    let text = ""
    for (const item of items) {
      line++
      const encoded = encode(item)
      const json =
        isSettled(encoded) && Exit.isSuccess(encoded) ? encoded.value : yield* Effect.mapError(encoded, unfit)
      text += `${JSON.stringify(json)}\n`
    }
    return encoder.encode(text)
  })
  yield* spilledBytes(Stream.mapEffect(Stream.chunks(stream), toBytes), file)
  return jsonl(file, schema)
})
