/**
 * What runs have left: their results, to be read or written to files, and their end.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { FileProblem, Journal, Sink } from "@stint/batch"
import { found, isLive, whole } from "./internal/run/found.ts"
import * as Purging from "./internal/run/purging.ts"
import * as Runs from "./internal/run/runs.ts"
import { ExportFailed, type RunNotFound, RunRefused } from "./RunError.ts"
import * as SqlJournal from "./SqlJournal.ts"

/** A journal that is written to while it is read: it has what was read of it, and not what came after. */
const asRead = (journal: Journal.Journal): Journal.Journal => {
  let [keys, succeeded] = [0, 0]
  const stored =
    journal.stored &&
    Stream.tap(journal.stored, (records) =>
      Effect.sync(() => {
        keys += records.length
        succeeded += records.filter(({ tag }) => tag === "Succeeded").length
      })
    )
  return { ...journal, stored, counts: Effect.sync(() => ({ keys, succeeded })) }
}

/**
 * Writes the results of a run into a folder, in the order of its input, with the sinks of batch: JSONL, CSV or Parquet. Read a
 * page at a time, so that memory does not grow with the run. Of a run that goes on, what there is by now.
 *
 * Fails with `ExportFailed` where files cannot be written: the folder must be there. With `JournalError` where a result cannot
 * be read, and with `ResultsMiscounted` where those of a finished run are not as many as the database has.
 *
 * **Example** (JSONL)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 *
 * const written = ClusterBatch.exportTo("nightly", "out")
 * ```
 */
export const exportTo = Effect.fnUntraced(function* (
  name: string,
  directory: string,
  options: Omit<Sink.Options, "order"> = {}
): Effect.fn.Return<
  Sink.Written,
  RunNotFound | ExportFailed | Journal.JournalError | Sink.ResultsMiscounted | SqlError,
  SqlClient.SqlClient | FileSystem.FileSystem | Path.Path
> {
  const run = yield* whole(name)
  const kept = yield* SqlJournal.ofRun(run.id)
  // Of a run that was stopped, what was in flight may come in still.
  const journal = run.state === "finished" ? kept : asRead(kept)
  return yield* Sink.results(directory, options).pipe(
    Effect.provideService(Journal.Journal, journal),
    Effect.catchTag("PlatformError", (error) =>
      Effect.fail(new ExportFailed({ run: name, directory, detail: FileProblem.describe(error) }))
    )
  )
})

/**
 * The results of a run as a stream, in the order of its input, read a page at a time.
 *
 * **Example** (What failed)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 * import { Stream } from "effect"
 *
 * const failed = Stream.filter(ClusterBatch.results("nightly"), ({ tag }) => tag === "Failed")
 * ```
 */
export const results = (
  name: string
): Stream.Stream<Journal.Entry, RunNotFound | Journal.JournalError | SqlError, SqlClient.SqlClient> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const run = yield* whole(name)
      return (yield* SqlJournal.ofRun(run.id)).entries
    })
  )

/**
 * Forgets a run that is over: its results, its chunks, and what the engine has kept of it, which nobody else removes. Gives
 * how many results those were. Fails with `RunRefused` while the run goes on. A purge that was interrupted leaves a run that is
 * `cancelled` and cannot be resumed or exported: purge it again.
 *
 * **Example** (All that is older than a week)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const clean = Effect.flatMap(ClusterBatch.finishedBefore("7 days"), Effect.forEach(ClusterBatch.purge))
 * ```
 */
export const purge = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<number, RunNotFound | RunRefused | SqlError, SqlClient.SqlClient> {
  const runs = yield* Runs.make
  const run = yield* found(name)
  const isOver = !isLive(run.state) && run.report !== undefined
  if (!isOver || !(yield* runs.forget(run.id, run.attempt))) {
    // Another purge may have been quicker.
    yield* found(name)
    return yield* new RunRefused({
      run: name,
      detail: "it is not over yet: cancel it first, and wait for it"
    })
  }
  return yield* Purging.purge(run)
})

/**
 * The names of runs that have been over for so long.
 *
 * **Example** (Since yesterday)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 *
 * const names = ClusterBatch.finishedBefore("1 day")
 * ```
 */
export const finishedBefore = (
  age: Duration.Input
): Effect.Effect<ReadonlyArray<string>, SqlError, SqlClient.SqlClient> =>
  Purging.over(Duration.toMillis(Duration.fromInputUnsafe(age)))
