/**
 * Where results go: files that are there whole or not at all, derived from the journal.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AtomicFiles from "./internal/output/atomicFiles.ts"
import * as CsvOutput from "./internal/output/csvOutput.ts"
import * as ImageFiles from "./internal/output/imageFiles.ts"
import * as InOrder from "./internal/journal/inOrder.ts"
import * as Journal from "./Journal.ts"
import * as Table from "./Table.ts"

/**
 * Writes lines to a file beside `path` and puts it in `path`'s place once it is complete and on the disk.
 * Gives the number of lines.
 */
export const lines = Effect.fnUntraced(function* <E, R>(path: string, source: Stream.Stream<string, E, R>) {
  let count = 0
  const encoder = new TextEncoder()
  yield* AtomicFiles.write([path], ([file]) =>
    Stream.runForEachArray(source, (chunk) => {
      count += chunk.length
      const text = chunk.map((line) => `${line}\n`).join("")
      return file === undefined ? Effect.void : file.writeAll(encoder.encode(text))
    })
  )
  return count
})

/**
 * How one record of the journal is written as a line of JSONL.
 *
 * **Example** (Vectors under another name)
 *
 * ```ts
 * import { Sink } from "@stint/batch"
 *
 * const format: Sink.Format = (entry) => ({ key: entry.key, vector: entry.output ?? null })
 * ```
 */
export interface Format {
  (entry: Journal.Entry): Schema.Json
  /**
   * The same line for a success as text, made from its key and the JSON text of its output without decoding that, which is
   * many times quicker where outputs are long. Nothing where it must be decoded after all.
   */
  readonly splice?: ((key: string, output: string) => string | undefined) | undefined
}

/** `{"id", "output"}` for what succeeded; `{"id", "input", "error"}` for what failed, so that it can be run again. */
export const plain: Format = Object.assign(
  (entry: Journal.Entry): Schema.Json =>
    entry.tag === "Succeeded"
      ? { id: entry.key, output: entry.output ?? null }
      : { id: entry.key, input: entry.input ?? null, error: entry.error ?? null },
  { splice: (key: string, output: string) => `{"id":${JSON.stringify(key)},"output":${output}}` }
)

/**
 * A kind of file that has columns: CSV, Parquet (`ParquetSink.format` of `@stint/batch/parquet`), or one of your own.
 */
export interface FileFormat {
  /** What the names of such files end with, without the dot. */
  readonly extension: string
  /** Begins a file with these columns. */
  readonly open: (columns: ReadonlyArray<Table.Column>) => {
    /** The bytes that follow once these rows are added; perhaps none yet. */
    readonly write: (rows: ReadonlyArray<ReadonlyArray<Table.Cell>>) => Effect.Effect<Uint8Array>
    /** The bytes that end the file. */
    readonly end: Effect.Effect<Uint8Array>
  }
}

/** What is written, and how. */
export interface Options<E = never, R = never> {
  /** The kinds of file, one or several; default `jsonl`. */
  readonly format?: Kind | ReadonlyArray<Kind> | undefined
  /** How a line of JSONL is written; default {@link plain}. */
  readonly line?: Format | undefined
  /** The columns of files that have columns; default `Table.outputs("http")`, which are `id` and the output as JSON. */
  readonly table?: Table.Table | undefined
  /**
   * `finished`, the default: the order in which the rows were done. Or the keys in the order that is wanted, as the rows
   * of the input have it: they are read once, and what is not among them comes after them. Memory stays bounded by a window
   * of 8,192 keys, 16 MiB of their records and a bit for each record of the journal.
   */
  readonly order?: "finished" | Stream.Stream<string, E, R> | undefined
  /**
   * `inline`, the default: an output that is a picture stays in its row as Base64. `files`: it becomes a file of the folder
   * `images`, named after its key, and the row has its path.
   */
  readonly images?: "inline" | "files" | undefined
}

/** A kind of file. */
export type Kind = "jsonl" | "csv" | FileFormat

/** How many lines were written to which file. */
export interface Written {
  readonly results: number
  readonly errors: number
}

/** What was written is not what the journal, or the run, has counted. The files are there as they were written. */
export class ResultsMiscounted extends Schema.TaggedError<ResultsMiscounted>()("ResultsMiscounted", {
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The results in ${this.directory} do not add up: ${this.detail}. The journal is kept: run the same command again, which writes them anew and sends nothing twice. Should they differ again, this is a defect of stint; please report it with these numbers.`
  }
}

interface Target {
  readonly path: string
  readonly tag: Journal.Entry["tag"]
  readonly write: (records: ReadonlyArray<Journal.Stored>) => Effect.Effect<Uint8Array, Journal.JournalError>
  readonly end: Effect.Effect<Uint8Array>
}

const encoder = new TextEncoder()
const nothing = Effect.succeed(new Uint8Array(0))

const jsonLines = (format: Format) => {
  /** The line of a record, or how to decode it first. */
  const lineOf = (record: Journal.Stored) => {
    const spliced = record.output === undefined ? undefined : format.splice?.(record.key, record.output)
    return spliced ?? Effect.map(record.entry, (entry) => JSON.stringify(format(entry)))
  }
  return Effect.fnUntraced(function* (records: ReadonlyArray<Journal.Stored>) {
    let text = ""
    for (const record of records) {
      const line = lineOf(record)
      text += `${typeof line === "string" ? line : yield* line}\n`
    }
    return encoder.encode(text)
  })
}

type Row = ReadonlyArray<Table.Cell>

const rowOf =
  (table: Table.Table) =>
  (record: Journal.Stored): Row | Effect.Effect<Row, Journal.JournalError> => {
    const spliced = record.output === undefined ? undefined : table.splice?.(record.key, record.output)
    return spliced ?? Effect.map(record.entry, ({ key, output }) => table.row(key, output ?? null))
  }

const errorRowOf = (record: Journal.Stored) =>
  Effect.map(record.entry, ({ key, error }) => Table.errorRow(key, error))

const tabular = (
  { open }: FileFormat,
  columns: ReadonlyArray<Table.Column>,
  rowOf: (record: Journal.Stored) => Row | Effect.Effect<Row, Journal.JournalError>
): Pick<Target, "write" | "end"> => {
  const { end, write } = open(columns)
  return {
    end,
    write: Effect.fnUntraced(function* (records) {
      const rows: Array<Row> = []
      for (const record of records) {
        const row = rowOf(record)
        rows.push(Effect.isEffect(row) ? yield* row : row)
      }
      return yield* write(rows)
    })
  }
}

const isPlain = (kind: Kind) => kind === "jsonl"

/** Every file that may have been begun by a run that was killed. */
const EXTENSIONS = ["jsonl", "csv", "parquet"]

const recordsOf = (
  journal: Journal.Journal
): Stream.Stream<Arr.NonEmptyReadonlyArray<Journal.Stored>, Journal.JournalError> =>
  journal.stored ??
  Stream.chunks(
    Stream.map(journal.entries, (entry) => ({
      key: entry.key,
      tag: entry.tag,
      output: undefined,
      entry: Effect.succeed(entry)
    }))
  )

/**
 * Writes what the current journal holds into a folder: for each key its last outcome, whichever run it is of. Successes go
 * to `results.jsonl`, failures to `errors.jsonl`; with other kinds of file to `results.csv`, `errors.csv` and so on, and
 * then to `errors.jsonl` besides, because that one can be run again. Each file is complete or not there, and there even
 * when empty; all are on the disk before the first is put in place. The same journal gives the same bytes.
 *
 * Fails with {@link ResultsMiscounted} when the lines are not as many as the journal counts.
 *
 * **Example** (CSV in the order of the input)
 *
 * ```ts
 * import { Row, Sink, Table } from "@stint/batch"
 * import { Stream } from "effect"
 *
 * const written = Sink.results("out", {
 *   format: "csv",
 *   table: Table.rows("embed"),
 *   order: Stream.map(Row.source("rows.jsonl", "embed"), Row.keyOf)
 * })
 * ```
 */
export const results = Effect.fnUntraced(function* <E = never, R = never>(
  directory: string,
  given: Format | Options<E, R> = {}
): Effect.fn.Return<
  Written,
  E | Journal.JournalError | PlatformError.PlatformError | ResultsMiscounted,
  R | FileSystem.FileSystem | Path.Path
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const journal = yield* Journal.Journal
  const options: Options<E, R> = typeof given === "function" ? { line: given } : given
  const { images = "inline", line = plain, order = "finished", table = Table.outputs("http") } = options
  const kinds = [options.format ?? "jsonl"].flat()
  const written = { results: 0, errors: 0 }

  const isInline = images === "inline"
  const columns = table.columns.map((column) =>
    isInline || column.type !== "bytes" ? column : { ...column, type: "text" as const }
  )
  const file = (name: string) => path.join(directory, name)
  const jsonl = (tag: Target["tag"], name: string): Target => ({
    path: file(`${name}.jsonl`),
    tag,
    write: jsonLines(line),
    end: nothing
  })
  const formats = kinds.flatMap((kind) =>
    kind === "jsonl" ? [] : [kind === "csv" ? CsvOutput.format : kind]
  )
  const targets: ReadonlyArray<Target> = [
    ...(kinds.some(isPlain) ? [jsonl("Succeeded", "results")] : []),
    ...formats.map((format): Target => ({
      path: file(`results.${format.extension}`),
      tag: "Succeeded",
      ...tabular(format, columns, rowOf(table))
    })),
    jsonl("Failed", "errors"),
    ...formats.map((format): Target => ({
      path: file(`errors.${format.extension}`),
      tag: "Failed",
      ...tabular(format, Table.errorColumns, errorRowOf)
    }))
  ]

  // What a run was writing when it was killed.
  const begun = EXTENSIONS.flatMap((extension) => [file(`results.${extension}`), file(`errors.${extension}`)])
  yield* Effect.forEach(begun, (one) => Effect.ignore(fs.remove(AtomicFiles.partOf(one), { force: true })), {
    discard: true
  })
  if (!isInline) yield* fs.makeDirectory(file(ImageFiles.FOLDER), { recursive: true })

  const inPlace = recordsOf(journal)
  const records: Stream.Stream<
    Arr.NonEmptyReadonlyArray<Journal.Stored>,
    E | Journal.JournalError,
    R
  > = order === "finished" ? inPlace : (journal.ordered?.(order) ?? InOrder.orderedInMemory(inPlace, order))

  yield* AtomicFiles.write(
    targets.map((target) => target.path),
    Effect.fnUntraced(function* (files) {
      const append = (at: number, bytes: Uint8Array) =>
        bytes.length === 0 ? Effect.void : (files[at]?.writeAll(bytes) ?? Effect.void)
      yield* Stream.runForEach(
        records,
        Effect.fnUntraced(function* (some) {
          const all = isInline ? some : yield* ImageFiles.write(directory, some)
          const byTag = {
            Succeeded: all.filter(({ tag }) => tag === "Succeeded"),
            Failed: all.filter(({ tag }) => tag === "Failed")
          }
          for (const [at, { tag, write }] of targets.entries()) {
            if (byTag[tag].length > 0) yield* append(at, yield* write(byTag[tag]))
          }
          written.results += byTag.Succeeded.length
          written.errors += byTag.Failed.length
        })
      )
      for (const [at, { end }] of targets.entries()) yield* append(at, yield* end)
    })
  )

  const { keys, succeeded } = yield* journal.counts
  if (written.results !== succeeded || written.errors !== keys - succeeded) {
    return yield* new ResultsMiscounted({
      directory,
      detail: `${written.results} results and ${written.errors} errors were written, the journal counts ${succeeded} and ${keys - succeeded}`
    })
  }
  return written
})
