/**
 * The folder of a run: made, held, and written to in the end.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { describe } from "@stint/batch/FileProblem"
import * as Journal from "@stint/batch/Journal"
import { FolderLock } from "@stint/batch/node"
import * as Report from "@stint/batch/Report"
import * as Row from "@stint/batch/Row"
import * as Sink from "@stint/batch/Sink"

/** The folder cannot be used; nothing was woken. */
export class FolderRefused extends Schema.TaggedError<FolderRefused>()("FolderRefused", {
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The output folder ${this.directory} cannot be used: ${this.detail.replace(/\.?$/, ".")} Mend that, or choose another folder with --out; nothing was woken.`
  }
}

/** The results could not be written after the run; what was done is in the journal. */
export class ResultsUnwritten extends Schema.TaggedError<ResultsUnwritten>()("ResultsUnwritten", {
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The results could not be written to ${this.directory}: ${this.detail}. What was done is in its journal: mend that and run the same command again, and nothing is sent twice.`
  }
}

const ReportJson = Schema.fromJsonString(Report.Report)

/** What must be free before anything is paid for: outcomes that cannot be written would be paid for in vain. */
const SPACE = 1024 * 1024

const hasSpace = (fs: FileSystem.FileSystem, file: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(file)))
      const probe = yield* fs.open(file, { flag: "w" })
      yield* probe.writeAll(new Uint8Array(SPACE))
      yield* probe.sync
    })
  )

/** Makes and holds the folder for the rest of the scope, and opens its journal. */
export const open = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refuse = (error: PlatformError) => new FolderRefused({ directory, detail: describe(error) })
  yield* Effect.mapError(fs.makeDirectory(directory, { recursive: true }), refuse)
  yield* Effect.mapError(fs.access(directory, { writable: true }), refuse)
  yield* Effect.catchTag(FolderLock.hold(directory), "PlatformError", (error) => Effect.fail(refuse(error)))
  const journal = yield* Effect.mapError(
    Journal.makeFile(path.join(directory, "journal.jsonl")),
    (error) => new FolderRefused({ directory, detail: error.message })
  )
  yield* Effect.mapError(hasSpace(fs, path.join(directory, ".space")), refuse)

  const modified = (name: string) =>
    fs.stat(path.join(directory, name)).pipe(
      Effect.map(({ mtime }) => Option.getOrUndefined(mtime)?.getTime()),
      Effect.orElseSucceed(() => undefined)
    )

  /** Whether both files were derived since the last record was written. */
  const isDerived = Effect.gen(function* () {
    const written = yield* modified("journal.jsonl")
    const results = yield* modified("results.jsonl")
    const errors = yield* modified("errors.jsonl")
    if (written === undefined || results === undefined || errors === undefined) return false
    return results > written && errors > written
  })

  /** Derives the results from the journal, and writes the report: beside the reports of all runs into this folder. */
  const finish = Effect.fnUntraced(
    function* (report: Report.Report) {
      if (!(yield* isDerived)) {
        yield* Effect.provideService(Sink.results(directory, Row.format), Journal.Journal, journal)
      }
      const json = yield* Effect.orDie(Schema.encodeEffect(ReportJson)(report))
      yield* fs.writeFileString(path.join(directory, "runs.jsonl"), `${json}\n`, { flag: "a" })
      yield* fs.writeFileString(path.join(directory, "report.json"), `${json}\n`)
    },
    Effect.catchTags({
      PlatformError: (error) => Effect.fail(new ResultsUnwritten({ directory, detail: describe(error) })),
      JournalError: (error) => Effect.fail(new ResultsUnwritten({ directory, detail: error.message }))
    })
  )
  return { journal, finish }
})
