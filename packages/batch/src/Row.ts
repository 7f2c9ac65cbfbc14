/**
 * The rows of a batch file: lines of the OpenAI batch format, or plain `{"id", "input"}`.
 */
import type * as FileSystem from "effect/FileSystem"
import type * as Stream from "effect/Stream"
import { type Kind, type Row, keyOf, schemaFor } from "./internal/rowShape.ts"
import * as Source from "./Source.ts"

export { job } from "./internal/rowJob.ts"
export { format } from "./internal/rowFormat.ts"
export { BatchLine, Kind, PlainRow, type Row, keyOf } from "./internal/rowShape.ts"

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
