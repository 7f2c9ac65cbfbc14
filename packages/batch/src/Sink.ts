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

/** How one record of the journal is written. */
export type Format = (entry: Journal.Entry) => Schema.Json

/** `{"id", "output"}` for what succeeded; `{"id", "input", "error"}` for what failed, so that it can be run again. */
export const plain: Format = (entry) =>
  entry.tag === "Succeeded"
    ? { id: entry.key, output: entry.output ?? null }
    : { id: entry.key, input: entry.input ?? null, error: entry.error ?? null }

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
  const path = yield* Path.Path
  const journal = yield* Journal.Journal
  const write = (name: string, tag: Journal.Entry["tag"]) =>
    lines(
      path.join(directory, name),
      journal.entries.pipe(
        Stream.filter((entry) => entry.tag === tag),
        Stream.map((entry) => JSON.stringify(format(entry)))
      )
    )
  return {
    results: yield* write("results.jsonl", "Succeeded"),
    errors: yield* write("errors.jsonl", "Failed")
  }
})
