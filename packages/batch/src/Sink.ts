/**
 * Where results go: files that are there whole or not at all, derived from the journal.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Journal from "./Journal.ts"

/**
 * Writes lines to a file beside `path` and puts it in `path`'s place once it is complete and on the disk.
 * Gives the number of lines.
 */
export const lines = Effect.fnUntraced(function* <E, R>(path: string, source: Stream.Stream<string, E, R>) {
  const fs = yield* FileSystem.FileSystem
  const part = `${path}.part`
  let count = 0
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open(part, { flag: "w" })
      const encoder = new TextEncoder()
      yield* Stream.runForEachArray(source, (chunk) => {
        count += chunk.length
        return file.writeAll(encoder.encode(chunk.map((line) => `${line}\n`).join("")))
      })
      yield* file.sync
    })
  )
  yield* fs.rename(part, path)
  return count
})

/**
 * How one record of the journal is written.
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

/** How many lines were written to which file. */
export interface Written {
  readonly results: number
  readonly errors: number
}

/**
 * Writes `results.jsonl` and `errors.jsonl` into a folder from the current journal: for each key the last outcome, each
 * file complete or not there. Both are written even when empty.
 */
export const results = Effect.fnUntraced(function* (
  directory: string,
  format: Format = plain
): Effect.fn.Return<
  Written,
  Journal.JournalError | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const journal = yield* Journal.Journal
  const encoder = new TextEncoder()
  const written = { results: 0, errors: 0 }

  /** The line of a record, or how to decode it first. */
  const lineOf = (record: Journal.Stored) => {
    const spliced = record.output === undefined ? undefined : format.splice?.(record.key, record.output)
    return spliced ?? Effect.map(record.entry, (entry) => JSON.stringify(format(entry)))
  }

  const target = (name: string) => {
    const file = path.join(directory, name)
    return { file, part: `${file}.part` }
  }
  const results = target("results.jsonl")
  const errors = target("errors.jsonl")

  yield* Effect.scoped(
    Effect.gen(function* () {
      const succeeded = yield* fs.open(results.part, { flag: "w" })
      const failed = yield* fs.open(errors.part, { flag: "w" })
      yield* Stream.runForEachArray(
        recordsOf(journal),
        Effect.fnUntraced(function* (records) {
          const text = { Succeeded: "", Failed: "" }
          for (const record of records) {
            const line = lineOf(record)
            text[record.tag] += `${typeof line === "string" ? line : yield* line}\n`
            written[record.tag === "Succeeded" ? "results" : "errors"]++
          }
          yield* succeeded.writeAll(encoder.encode(text.Succeeded))
          yield* failed.writeAll(encoder.encode(text.Failed))
        })
      )
      yield* succeeded.sync
      yield* failed.sync
    })
  )
  yield* fs.rename(results.part, results.file)
  yield* fs.rename(errors.part, errors.file)
  return written
})

const recordsOf = (journal: Journal.Journal): Stream.Stream<Journal.Stored, Journal.JournalError> =>
  journal.stored === undefined
    ? Stream.map(journal.entries, (entry) => ({
        key: entry.key,
        tag: entry.tag,
        output: undefined,
        entry: Effect.succeed(entry)
      }))
    : Stream.flattenArray(journal.stored)
