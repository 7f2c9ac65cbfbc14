/**
 * The rows of a batch file: lines of the OpenAI batch format, or plain `{"id", "input"}`.
 */
import type * as FileSystem from "effect/FileSystem"
import type * as Stream from "effect/Stream"
import * as CheckedRecords from "./internal/input/checkedRecords.ts"
import * as CsvFile from "./internal/input/csvFile.ts"
import * as JsonLines from "./internal/input/jsonLines.ts"
import * as RowMapping from "./internal/input/rowMapping.ts"
import type { Mapping } from "./internal/input/rowMapping.ts"
import { type Kind, type Row, keyOf, schemaFor } from "./internal/row/rowShape.ts"
import type { Folder } from "./Media.ts"
import * as Source from "./Source.ts"

export { type RowError, job } from "./internal/row/rowJob.ts"
export type { Options as JobOptions } from "./internal/row/rowText.ts"
export { usageOf } from "./internal/row/rowUsage.ts"
export { format } from "./internal/row/rowFormat.ts"
export type { Mapping } from "./internal/input/rowMapping.ts"
export { BatchLine, Kind, PlainRow, type Row, keyOf } from "./internal/row/rowShape.ts"

/**
 * The rows of a JSONL file, each checked for a kind of job: `input` must be text, for `chat` text or messages, for `http`
 * any JSON; ids have at most 2,048 characters. Fails with `SourceError` at the first line that is no row, naming line and
 * field; {@link checked} tells of all of them.
 */
export const source = (
  path: string,
  kind: Kind
): Stream.Stream<Row, Source.SourceError, FileSystem.FileSystem> => Source.jsonl(path, schemaFor(kind))

/** How rows are read, beside the check. */
export interface Options extends Omit<Source.CheckOptions<Row>, "key"> {
  /** What the file is. Default: `jsonl`. */
  readonly format?: "jsonl" | "csv" | undefined
  /** For `csv`: what stands between cells, and the columns of a file without a header. */
  readonly csv?: Source.CsvOptions | undefined
  /** Which columns are the id and the input. Default: `id` and `input`, and of JSONL batch lines as well. */
  readonly mapping?: Mapping | undefined
  /** The folder of the files that rows refer to. Absent: a row that refers to one is invalid. */
  readonly files?: Folder | undefined
}

/**
 * The rows of a file of JSONL or CSV, all of it checked while it is read for the first time, ids as well: see
 * `Source.checked`.
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
 *
 * **Example** (A prompt from the columns of a table)
 *
 * ```ts
 * import { Batch, Row, Template } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const nightly = Effect.gen(function* () {
 *   const template = yield* Template.make("Summarise in {{lang}}: {{text}}")
 *   const { items } = Row.checked("rows.csv", "chat", { format: "csv", mapping: { id: "key", template } })
 *   return yield* Batch.runOn(items, { name: "batch-endpoint" }, Row.job("chat"))
 * })
 * ```
 */
export const checked = (path: string, kind: Kind, options: Options = {}): Source.Checked<Row, never> => {
  const { format = "jsonl", csv, files, mapping, ...check } = options
  const name = check.name ?? path
  const schema = schemaFor(kind, files)
  const keyed = { ...check, key: keyOf }
  if (format === "jsonl") {
    const lines = JsonLines.format(path, check.maxLineBytes, RowMapping.columnsOf(mapping ?? {}))
    return CheckedRecords.make({ name, schema, ...RowMapping.apply(lines, mapping) }, keyed)
  }
  const wanted = RowMapping.columnsOf(mapping ?? {})
  const table = CsvFile.format(path, { ...csv, maxLineBytes: check.maxLineBytes, wanted })
  return CheckedRecords.make({ name, schema, ...RowMapping.apply(table, mapping) }, keyed)
}
