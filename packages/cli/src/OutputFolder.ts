/**
 * The folder of a run: made, held, and written to in the end.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe } from "@stint/batch/FileProblem"
import * as Journal from "@stint/batch/Journal"
import { FolderLock } from "@stint/batch/node"
import * as Report from "@stint/batch/Report"
import * as Row from "@stint/batch/Row"
import * as Sink from "@stint/batch/Sink"
import * as OutputCounts from "./OutputCounts.ts"
import type { Output } from "./OutputFlags.ts"

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

const JOURNAL = "journal.jsonl"

/** Says what the results were derived from; written when all of them are in place, so that half of them are known as such. */
const DERIVED = ".derived.json"

const Derived = Schema.Struct({
  order: Schema.String,
  images: Schema.String,
  journal: Schema.Int,
  files: Schema.Record(Schema.String, Schema.Int)
})
const DerivedJson = Schema.fromJsonString(Derived)
const isSame = Schema.toEquivalence(Derived)

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
    Journal.makeFile(path.join(directory, JOURNAL)),
    (error) => new FolderRefused({ directory, detail: error.message })
  )
  yield* Effect.mapError(hasSpace(fs, path.join(directory, ".space")), refuse)

  const file = (name: string) => path.join(directory, name)
  const sizeOf = (name: string) =>
    fs.stat(file(name)).pipe(
      Effect.map(({ size }) => Number(size)),
      Effect.orElseSucceed(() => -1)
    )
  const changedAt = (name: string) =>
    fs.stat(file(name)).pipe(
      Effect.map(({ mtime }) => Option.getOrUndefined(mtime)?.getTime() ?? 0),
      Effect.orElseSucceed(() => Infinity)
    )

  const namesOf = (formats: ReadonlyArray<string>) => [
    ...formats.map((format) => `results.${format}`),
    ...new Set(["jsonl", ...formats].map((format) => `errors.${format}`))
  ]

  /** How the files are derived, and from how much of the journal. */
  const derivation = Effect.fnUntraced(function* ({ formats, images, order }: Output) {
    const names = namesOf(formats)
    const sizes = yield* Effect.forEach(names, (name) =>
      Effect.map(sizeOf(name), (size) => [name, size] as const)
    )
    return {
      order,
      images,
      journal: yield* sizeOf(JOURNAL),
      files: Object.fromEntries(sizes)
    }
  })

  /** Whether the files are those that were derived last, in this way and from a journal that is as it was. */
  const isDerived = Effect.fnUntraced(function* (output: Output) {
    const noted = yield* fs
      .readFileString(file(DERIVED))
      .pipe(Effect.flatMap(Schema.decodeEffect(DerivedJson)), Effect.option)
    // The order of an input that may be another one now is no order to rely on.
    return (
      output.order === "finished" &&
      Option.isSome(noted) &&
      isSame(noted.value, yield* derivation(output)) &&
      Object.values(noted.value.files).every((size) => size >= 0)
    )
  })

  /** Files of other kinds that were derived from a journal that has changed since. */
  const removeStale = Effect.fnUntraced(function* ({ formats }: Output) {
    const current = namesOf(formats)
    const journalAt = yield* changedAt(JOURNAL)
    for (const name of namesOf(["jsonl", "csv", "parquet"])) {
      if (current.includes(name) || (yield* changedAt(name)) >= journalAt) continue
      yield* fs.remove(file(name), { force: true })
      yield* Effect.logInfo(`${file(name)} was of an earlier run and is removed.`)
    }
  })

  /** Derives the results from the journal. */
  const derive = Effect.fnUntraced(function* <E, R>(output: Output, keys: Stream.Stream<string, E, R>) {
    if (yield* isDerived(output)) {
      return yield* Effect.map(journal.counts, ({ keys, succeeded }) => ({
        results: succeeded,
        errors: keys - succeeded
      }))
    }
    const written = yield* Effect.provideService(
      Sink.results(directory, {
        format: output.kinds,
        line: Row.format,
        table: output.table,
        images: output.images,
        order: output.order === "input" ? keys : "finished"
      }),
      Journal.Journal,
      journal
    )
    yield* removeStale(output)
    const json = yield* Effect.orDie(Schema.encodeEffect(DerivedJson)(yield* derivation(output)))
    yield* Sink.lines(file(DERIVED), Stream.make(json))
    return written
  })

  /**
   * Derives the results from the journal, writes what the run came to below what all runs into this folder did, and sees
   * whether they add up. `rows` are those of the input, once more.
   */
  const finish = Effect.fnUntraced(
    function* <E extends { readonly message: string }, R>(
      report: Report.Report,
      output: Output,
      rows: Stream.Stream<Row.Row, E, R>
    ) {
      const keys = Stream.mapError(
        Stream.map(rows, Row.keyOf),
        ({ message }) => new ResultsUnwritten({ directory, detail: message.replace(/\.$/, "") })
      )
      const written = yield* derive(output, keys)
      const json = yield* Effect.orDie(Schema.encodeEffect(ReportJson)(report))
      yield* fs.writeFileString(file("runs.jsonl"), `${json}\n`, { flag: "a" })
      const detail = yield* OutputCounts.problem(written, report, journal, keys)
      if (detail !== undefined) return yield* new Sink.ResultsMiscounted({ directory, detail })
    },
    Effect.catchTags({
      PlatformError: (error) => Effect.fail(new ResultsUnwritten({ directory, detail: describe(error) })),
      JournalError: (error) => Effect.fail(new ResultsUnwritten({ directory, detail: error.message }))
    })
  )
  return { journal, finish }
})
