/**
 * An input that is named and not sent: each worker reads its part of it where it lies.
 *
 * | kind | what a part is | by what a change is noticed |
 * | --- | --- | --- |
 * | file, JSONL or CSV | a range of bytes | its size, its time of change, and a checksum of the range |
 * | URL, JSONL or CSV | the same, by HTTP range | its size, its `ETag` or `Last-Modified`, and a checksum |
 * | Parquet, of a file or a URL | a range of rows in one group | size and time; over HTTP size and `ETag` or `Last-Modified` |
 * | table | the rows between two keys | a checksum of the rows |
 *
 * A file lies where every worker finds it under the same path.
 */
import * as Schema from "effect/Schema"

/** How the rows of a file or a URL are written. */
export const Format = Schema.Literals(["jsonl", "csv", "parquet"])

/** How the rows of a file or a URL are written. */
export type Format = typeof Format.Type

const Csv = Schema.Struct({
  delimiter: Schema.optionalKey(Schema.String),
  columns: Schema.optionalKey(Schema.Array(Schema.String))
})

/** A file that every worker finds under this path. */
export const File = Schema.TaggedStruct("File", {
  path: Schema.String,
  format: Format,
  csv: Schema.optionalKey(Csv)
})

/** An object whose server knows byte ranges. Nothing is sent to it but the range: no token. */
export const Url = Schema.TaggedStruct("Url", {
  url: Schema.URLFromString,
  format: Format,
  csv: Schema.optionalKey(Csv)
})

/** The rows of a query on the cluster's own database, in the order of one of its columns, whose values are unique. */
export const Table = Schema.TaggedStruct("Table", { query: Schema.String, key: Schema.String })

/** An input that is named and not sent. */
export const InputRef = Schema.Union([File, Url, Table])

/** An input that is named and not sent. */
export type InputRef = typeof InputRef.Type

const formatOf = (name: string): Format =>
  /\.parquet$/i.test(name) ? "parquet" : /\.csv$/i.test(name) ? "csv" : "jsonl"

/** How a file is written, where its name does not say it. */
export interface FileOptions {
  /** Default: as the name ends, else `jsonl`. */
  readonly format?: Format | undefined
  /** For `csv`: what stands between cells, and the columns of a file without a header. */
  readonly csv?: { readonly delimiter?: string; readonly columns?: ReadonlyArray<string> } | undefined
}

/**
 * A file on storage that all workers share, by its absolute path there.
 *
 * **Example** (JSONL on a network drive)
 *
 * ```ts
 * import { InputRef } from "@stint/cluster"
 *
 * console.log(InputRef.file("/mnt/data/rows.jsonl").format) // => jsonl
 * ```
 */
export const file = (path: string, options: FileOptions = {}): typeof File.Type => ({
  _tag: "File",
  path,
  format: options.format ?? formatOf(path),
  ...(options.csv === undefined ? {} : { csv: options.csv })
})

/**
 * An object by its URL: public, or signed for long enough. What follows the path is a secret perhaps, and is kept in the
 * cluster's database until the run is purged.
 *
 * **Example** (Parquet at a URL)
 *
 * ```ts
 * import { InputRef } from "@stint/cluster"
 *
 * console.log(InputRef.url(new URL("https://data.example/rows.parquet")).format) // => parquet
 * ```
 */
export const url = (at: URL, options: FileOptions = {}): typeof Url.Type => ({
  _tag: "Url",
  url: at,
  format: options.format ?? formatOf(at.pathname),
  ...(options.csv === undefined ? {} : { csv: options.csv })
})

/**
 * The rows of a query on the cluster's database. `key` is a column of text or whole numbers whose values are unique; the
 * rows go in its order. The query runs as the workers' role: whoever may start a run may read what that role may read.
 *
 * **Example** (What was not summarised yet)
 *
 * ```ts
 * import { InputRef } from "@stint/cluster"
 *
 * const input = InputRef.table("SELECT id, body AS input FROM articles WHERE summary IS NULL", "id")
 * ```
 */
export const table = (query: string, key: string): typeof Table.Type => ({ _tag: "Table", query, key })

/** How messages call an input. What follows the path of a URL may be a secret. */
export const nameOf = (input: InputRef): string => {
  switch (input._tag) {
    case "File":
      return input.path
    case "Url":
      return `${input.url.origin}${input.url.pathname}`
    case "Table":
      return "the table"
  }
}
