/**
 * Items from Parquet, read by groups of rows: of a file of this machine, or by byte range of one at a URL.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpClient from "effect/http/HttpClient"
import * as ByteFile from "../internal/input/byteFile.ts"
import * as CheckedRecords from "../internal/input/checkedRecords.ts"
import * as RowMapping from "../internal/input/rowMapping.ts"
import { type Kind, type Row, keyOf, schemaFor } from "../internal/row/rowShape.ts"
import type { Folder } from "../Media.ts"
import type { CheckOptions, Checked } from "../Source.ts"
import { SourceError } from "../SourceError.ts"
import { footerOf } from "./internal/footer.ts"
import * as RowGroups from "./internal/rowGroups.ts"
import * as SchemaColumns from "./internal/schemaColumns.ts"

/** How Parquet is read. */
export interface Options {
  /**
   * What a column of bytes is that is not marked as text, since some old writers leave out the mark. Default: `bytes`,
   * which gives a `Uint8Array`.
   */
  readonly binary?: "bytes" | "text" | undefined
  /**
   * Only the rows from `start` to before `end`, counted from 0: for whoever reads a file in parts, such as many machines. A
   * group of which any row is wanted is read whole, of the columns that are read; of the others nothing is. Default: all.
   */
  readonly rows?: { readonly start: number; readonly end: number } | undefined
}

/** How Parquet is read and checked. */
export type CheckedOptions<A> = Options & Omit<CheckOptions<A>, "maxLineBytes">

/** How the rows of a run are read from Parquet. */
export interface RowOptions extends CheckedOptions<Row> {
  readonly key?: never
  /** Which columns are the id and the input. Default: `id` and `input`. */
  readonly mapping?: RowMapping.Mapping | undefined
  /** The folder of the files that rows refer to. Absent: a row that refers to one is invalid. */
  readonly files?: Folder | undefined
}

type Codec = Schema.ConstraintCodec<unknown, unknown>

const nameOf = (from: string | URL) => (typeof from === "string" ? from : ByteFile.nameOf(from))

const openUrl = (url: URL) => ByteFile.openRemote(url, { versionOf: footerOf })

const formatOf = (from: string | URL, options: RowGroups.Options) =>
  typeof from === "string"
    ? RowGroups.format<HttpClient.HttpClient>(ByteFile.openLocal(from), options)
    : RowGroups.format<HttpClient.HttpClient>(openUrl(from), options)

/**
 * How many rows each group of a Parquet file has, from its footer alone. Fails with `SourceError`.
 *
 * **Example** (All rows)
 *
 * ```ts
 * import { Parquet } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const rows = Effect.map(Parquet.groups("rows.parquet"), (groups) => groups.reduce((sum, rows) => sum + rows, 0))
 * ```
 */
export const groups = (
  from: string | URL
): Effect.Effect<ReadonlyArray<number>, SourceError, FileSystem.FileSystem | HttpClient.HttpClient> =>
  Effect.scoped(
    Effect.gen(function* () {
      const file =
        typeof from === "string"
          ? yield* ByteFile.openLocal(from)<never>(undefined)
          : yield* openUrl(from)<never>(undefined)
      return yield* RowGroups.groupSizes(file)
    })
  ).pipe(Effect.mapError(({ detail }) => new SourceError({ path: nameOf(from), line: 0, detail })))

/**
 * The items of a Parquet file, one a row, decoded with `schema` from the columns that it names; no others are read. `from`
 * is a path, or a `URL` whose server knows byte ranges. Memory is bounded by one group of rows as it is stored (of the
 * columns that are read) and 64 to 128 MB of its values.
 *
 * Integers that a number cannot hold are texts of their digits, and so are all decimals; dates and times are ISO texts (one
 * without a zone has none), UUIDs texts, columns of JSON what they hold, lists and structs lists and objects, null is null.
 *
 * Fails with `SourceError` before any item when a column is not there or is of a type that cannot be read here (BSON,
 * INTERVAL, VARIANT, whatever is encrypted), and at the first row that is no item, naming row and column. To a URL nothing
 * is sent but the range, no token either; it is read in pieces of 16 MB, and a change of its size, `ETag` or
 * `Last-Modified` ends the reading; of its footer where the server tells neither, which is looked at once a reading.
 *
 * **Example** (Two columns of a dataset)
 *
 * ```ts
 * import { Parquet } from "@stint/batch/parquet"
 * import { Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const local = Parquet.source("rows.parquet", Row)
 * const remote = Parquet.source(new URL("https://data.example/rows.parquet"), Row)
 * ```
 */
export function source<S extends Codec>(
  from: string,
  schema: S,
  options?: Options
): Stream.Stream<S["Type"], SourceError, FileSystem.FileSystem | S["DecodingServices"]>
export function source<S extends Codec>(
  from: URL,
  schema: S,
  options?: Options
): Stream.Stream<
  S["Type"],
  SourceError,
  FileSystem.FileSystem | HttpClient.HttpClient | S["DecodingServices"]
>
export function source<S extends Codec>(
  from: string | URL,
  schema: S,
  options?: Options
): Stream.Stream<
  S["Type"],
  SourceError,
  FileSystem.FileSystem | HttpClient.HttpClient | S["DecodingServices"]
> {
  const format = formatOf(from, { ...SchemaColumns.of(schema), binary: options?.binary, rows: options?.rows })
  return Stream.map(CheckedRecords.unchecked({ name: nameOf(from), format, schema }), ({ item }) => item)
}

/**
 * The items of a Parquet file, all of it checked while it is read for the first time: {@link source} with the promises of
 * `Source.checked`. Problems name the row, counted from 1; in the file of invalid rows `row` stands for `line`.
 *
 * **Example** (Unique keys)
 *
 * ```ts
 * import { Parquet } from "@stint/batch/parquet"
 * import { Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const rows = Parquet.checked("rows.parquet", Row, { key: (row) => row.id })
 * ```
 */
export function checked<S extends Codec>(
  from: string,
  schema: S,
  options?: CheckedOptions<S["Type"]>
): Checked<S["Type"], S["DecodingServices"]>
export function checked<S extends Codec>(
  from: URL,
  schema: S,
  options?: CheckedOptions<S["Type"]>
): Checked<S["Type"], HttpClient.HttpClient | S["DecodingServices"]>
export function checked<S extends Codec>(
  from: string | URL,
  schema: S,
  options?: CheckedOptions<S["Type"]>
): Checked<S["Type"], HttpClient.HttpClient | S["DecodingServices"]> {
  const format = formatOf(from, { ...SchemaColumns.of(schema), binary: options?.binary, rows: options?.rows })
  return CheckedRecords.make({ name: options?.name ?? nameOf(from), format, schema }, options)
}

/**
 * The rows of a Parquet file for a kind of job, all of them checked while they are read for the first time: `Row.checked`
 * for Parquet.
 *
 * **Example** (A prompt from two columns)
 *
 * ```ts
 * import { Batch, Row, Template } from "@stint/batch"
 * import { Parquet } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const nightly = Effect.gen(function* () {
 *   const template = yield* Template.make("Summarise: {{title}}\n\n{{text}}")
 *   const { items } = Parquet.rows("rows.parquet", "chat", { mapping: { id: "doc", template } })
 *   return yield* Batch.runOn(items, { name: "batch-endpoint" }, Row.job("chat"))
 * })
 * ```
 */
export function rows(from: string, kind: Kind, options?: RowOptions): Checked<Row, never>
export function rows(from: URL, kind: Kind, options?: RowOptions): Checked<Row, HttpClient.HttpClient>
export function rows(
  from: string | URL,
  kind: Kind,
  options: RowOptions = {}
): Checked<Row, HttpClient.HttpClient> {
  const { binary, files, mapping, rows: part, ...check } = options
  const format = formatOf(from, { wanted: RowMapping.columnsOf(mapping ?? {}), binary, rows: part })
  return CheckedRecords.make(
    {
      name: check.name ?? nameOf(from),
      schema: schemaFor(kind, files),
      ...RowMapping.apply(format, mapping)
    },
    { ...check, key: keyOf }
  )
}
