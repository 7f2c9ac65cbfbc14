/**
 * What an output folder knows of earlier runs: read, and not touched. It need not exist, and another run may be writing to it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe } from "../../FileProblem.ts"
import type { Journal } from "../../Journal.ts"
import { digest, fromHex, toHex } from "../digest.ts"
import * as Record from "../journal/journalEntry.ts"
import { JournalError } from "../journal/journalEntry.ts"
import * as Index from "../journal/journalIndex.ts"
import * as Lines from "../input/lines.ts"

/** One earlier run, as its report has it. */
const Run = Schema.Struct({
  succeeded: Schema.Int,
  failed: Schema.Int,
  /** Charged requests, of a request of many rows one for each; rows that share another's answer have none. */
  attempts: Schema.optional(Schema.Int),
  durationMillis: Schema.Finite,
  /** `aws us-east-1 nvidia-l4 x1`, where the report says it. */
  hardware: Schema.optional(Schema.String),
  bill: Schema.optional(
    Schema.Struct({
      peakReplicas: Schema.optional(Schema.Finite),
      bootMinutes: Schema.optional(Schema.Finite),
      ranBefore: Schema.optional(Schema.Boolean)
    })
  )
})

/** Rows of a run that were sent: a row may take several attempts, and one that shares an answer takes none. */
export const sentOf = ({ attempts = Infinity, failed, succeeded }: typeof Run.Type): number =>
  Math.min(succeeded + failed, attempts)

/** What an output folder knows of earlier runs. */
export interface Folder {
  /** Answers as the folder's journal does; it cannot be written to. */
  readonly journal: Journal
  /** The runs that sent anything, oldest first. */
  readonly runs: ReadonlyArray<typeof Run.Type>
  /** Some of the records that succeeded, from all over the log. */
  readonly sample: ReadonlyArray<Record.Entry>
}

/** How many records are looked at. */
const SAMPLE = 2000
const CHUNK = 1024 * 1024

const decodeRun = Schema.decodeUnknownOption(Schema.fromJsonString(Run))

const readRuns = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(
    Effect.orElseSucceed(fs.readFileString(path), () => ""),
    (text) =>
      text
        .split("\n")
        .flatMap((line) => Option.toArray(decodeRun(line)))
        .filter((run) => sentOf(run) > 0 && run.durationMillis > 0)
  )

const headAt = (line: Uint8Array) =>
  Record.readHead(line) ??
  Option.getOrUndefined(Option.map(Result.getSuccess(Record.decode(line)), Record.headOf))

/** What the index beside the log says, where the log bears it out. */
const consult = (fs: FileSystem.FileSystem, path: string, log: FileSystem.File, logSize: number) =>
  Effect.gen(function* () {
    if (!(yield* fs.exists(path))) return Index.nothing(0)
    const size = Number((yield* fs.stat(path)).size)
    const loaded = yield* Index.load(yield* fs.open(path), size, logSize)
    if (loaded.doubt !== undefined) return Index.nothing(0)
    return (yield* Index.isBorneOut(log, loaded.index, headAt)) ? loaded : Index.nothing(0)
  }).pipe(
    Effect.scoped,
    Effect.orElseSucceed(() => Index.nothing(0))
  )

const empty: Pick<Folder, "journal" | "sample"> = {
  journal: {
    lookup: () => undefined,
    knows: () => false,
    recall: () => Effect.succeedNone,
    append: () => Effect.die("this journal is only read"),
    entries: Stream.empty,
    counts: Effect.succeed({ keys: 0, succeeded: 0 })
  },
  sample: []
}

const readJournal = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, directory: string) {
  const path = `${directory}/journal.jsonl`
  const unusable = (error: PlatformError) => new JournalError({ path, detail: describe(error) })
  const damaged = (number: number, what: string) =>
    new JournalError({ path, detail: `line ${number} ${what}` })
  if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) return empty

  const log = yield* Effect.mapError(fs.open(path, { flag: "r" }), unusable)
  const size = Number((yield* Effect.mapError(fs.stat(path), unusable)).size)
  const { end, index } = yield* consult(fs, `${directory}/journal.index`, log, size)
  const known = index.records
  yield* fs.stream(path, { chunkSize: CHUNK, offset: end, bytesToRead: size - end }).pipe(
    Stream.mapError(unusable),
    Lines.splitArrays,
    Stream.runForEach((lines) =>
      Effect.suspend(() => {
        for (const line of lines) {
          // Torn, or being written.
          if (!line.isWhole) continue
          const head = headAt(line.bytes)
          if (head === undefined) return Effect.fail(damaged(known + line.number, "is damaged"))
          index.add(head.key, head.print, line.length, head.succeeded)
        }
        return Effect.void
      })
    )
  )

  const read = Effect.fnUntraced(function* (id: number): Effect.fn.Return<Record.Entry, JournalError> {
    const line = new Uint8Array(index.lengthOf(id))
    yield* Effect.mapError(Index.fill(log, line, index.offsetOf(id)), unusable)
    return yield* Effect.fromResult(
      Result.mapError(Record.decode(line.subarray(0, -1)), (what) => damaged(id + 1, what))
    )
  })

  const step = Math.max(1, Math.floor(index.records / SAMPLE))
  const chosen = Array.from({ length: Math.min(SAMPLE, index.records) }, (_, at) => at * step)
  const sample = yield* Effect.forEach(
    chosen.filter((id) => index.isSuccess(id)),
    read
  )

  const journal: Journal = {
    lookup: (key) => {
      const id = index.find(digest(key))
      return id < 0 ? undefined : { fingerprint: toHex(index.printOf(id)), succeeded: index.isSuccess(id) }
    },
    knows: (fingerprint) => index.findSuccess(fromHex(fingerprint)) >= 0,
    recall: (fingerprint, key) =>
      Effect.suspend(() => {
        const id = index.findSuccess(fromHex(fingerprint))
        if (id < 0) return Effect.succeedNone
        return Effect.map(read(id), (entry) =>
          entry.fingerprint === fingerprint && (key ?? entry.key) === entry.key
            ? Option.some(entry.output ?? null)
            : Option.none()
        )
      }),
    append: empty.journal.append,
    entries: Stream.range(0, index.records - 1).pipe(
      Stream.filter((id) => index.isLast(index.keyOf(id), index.offsetOf(id))),
      Stream.mapEffect((id) => read(id))
    ),
    counts: Effect.sync(() => ({ keys: index.size, succeeded: index.succeeded }))
  }
  return { journal, sample }
})

/**
 * Reads what an output folder holds, without its lock, without making it, and without changing anything in it; for the rest
 * of the scope. A folder that is not there holds nothing. A damaged journal fails with `JournalError`, as it would a run.
 *
 * **Example** (How much of a folder is done)
 *
 * ```ts
 * import { Forecast } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const succeeded = Effect.gen(function* () {
 *   const { journal } = yield* Forecast.readFolder("results")
 *   return (yield* journal.counts).succeeded
 * })
 * ```
 */
export const readFolder = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const runs = yield* readRuns(fs, `${directory}/runs.jsonl`)
  return { runs, ...(yield* readJournal(fs, directory)) } satisfies Folder
})
