/**
 * The journal in a file: one JSON object per line, made durable by group, with an index beside it.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { describe } from "../../FileProblem.ts"
import type { Journal } from "../../Journal.ts"
import { type Digest, digest, fromHex, toHex } from "../digest.ts"
import * as InOrder from "./inOrder.ts"
import * as Record from "./journalEntry.ts"
import { type Entry, JournalError } from "./journalEntry.ts"
import * as Index from "./journalIndex.ts"
import * as Lines from "../input/lines.ts"

const CHUNK = 1024 * 1024
const LF = 10

/**
 * How much of the log's end is decoded in full when it is read without an index: a power cut may leave holes in what was
 * written last.
 */
const WRITTEN_LAST = 32 * 1024 * 1024

/** `journal.jsonl` has `journal.index`. */
const indexPath = (path: string) => `${path.replace(/\.jsonl$/, "")}.index`

const headAt = (line: Uint8Array) =>
  Record.readHead(line) ??
  Option.getOrUndefined(Option.map(Result.getSuccess(Record.decode(line)), Record.headOf))

const sizeOf = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(fs.stat(path), (info) => Number(info.size))

/** What the index beside a log knows of it; nothing where that is in doubt. */
const consult = Effect.fnUntraced(
  function* (fs: FileSystem.FileSystem, path: string, log: FileSystem.File, logSize: number) {
    const beside = indexPath(path)
    if (!(yield* fs.exists(beside))) return Index.nothing(0)
    const size = yield* sizeOf(fs, beside)
    const loaded = yield* Index.load(yield* fs.open(beside), size, logSize)
    if (loaded.doubt !== undefined) return loaded
    if (yield* Index.isBorneOut(log, loaded.index, headAt)) return loaded
    return Index.nothing(size, "it says other things than the log")
  },
  Effect.scoped,
  Effect.catch((error) => Effect.succeed(Index.nothing(0, describe(error))))
)

const isSame = (a: Digest, b: Digest) => a.high === b.high && a.low === b.low

/**
 * Opens the log at `path`, repairing a torn last line, for the rest of the scope.
 */
export const make = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const unusable = (error: PlatformError) => new JournalError({ path, detail: describe(error) })
  const damaged = (number: number, what: string) =>
    new JournalError({ path, detail: `line ${number} ${what}` })

  const isThere = yield* Effect.mapError(fs.exists(path), unusable)
  const file = yield* Effect.mapError(fs.open(path, { flag: "a" }), unusable)
  const log = yield* Effect.mapError(fs.open(path, { flag: "r" }), unusable)
  const size = yield* Effect.mapError(sizeOf(fs, path), unusable)
  // The file's name is in its folder, which is written on its own; not every system can.
  if (!isThere) {
    const folder = path.replace(/[^/\\]*$/, "") || "."
    yield* Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(folder), (opened) => opened.sync)))
  }

  const loaded = yield* consult(fs, path, log, size)
  if (loaded.doubt !== undefined && size > 0) {
    yield* Effect.logWarning(
      `The index of the journal ${path} is not used: ${loaded.doubt}. Reading the log.`
    )
  }
  const { index } = loaded
  const writer = yield* Index.write(fs, indexPath(path), loaded)
  let end = loaded.end

  const remember = (head: Pick<Record.Head, "key" | "print" | "succeeded">, length: number) => {
    index.add(head.key, head.print, length, head.succeeded)
    writer.add(head, end, length)
    end += length
  }

  const known = index.records
  const from = end
  /** In this stream's offsets. */
  const trusted = size - from - WRITTEN_LAST
  /** Takes a line of the log that the index does not know. */
  const take = (line: Lines.Line): Effect.Effect<void, JournalError> | undefined => {
    if (!line.isWhole) {
      return Effect.logWarning(
        `The journal ${path} ends in a torn line, as after a crash: cutting ${line.length} bytes.`
      )
    }
    const head = line.offset < trusted ? Record.readHead(line.bytes) : undefined
    if (head !== undefined) return void remember(head, line.length)
    const entry = Record.decode(line.bytes)
    if (Result.isFailure(entry)) return Effect.fail(damaged(known + line.number, entry.failure))
    return void remember(Record.headOf(entry.success), line.length)
  }

  if (end < size) {
    yield* fs.stream(path, { chunkSize: CHUNK, offset: from }).pipe(
      Stream.mapError(unusable),
      Lines.splitArrays,
      Stream.runForEach(
        Effect.fnUntraced(function* (lines) {
          const bytes = lines.reduce((sum, line) => sum + line.length, 0)
          if (end === from) index.expect(known + ((size - from) / bytes) * lines.length)
          for (const line of lines) {
            const more = take(line)
            if (more !== undefined) yield* more
            if (writer.isFull) yield* writer.flush
          }
        })
      )
    )
    yield* writer.flush
    if (end < size) yield* Effect.mapError(fs.truncate(path, end), unusable)
    // Written by a run that was killed before it could say so itself.
    yield* Effect.mapError(file.sync, unusable)
  }

  let broken: JournalError | undefined

  /** What was written but not made durable goes, so that the next line does not follow half of one. */
  const undo = (error: PlatformError, isSync: boolean) =>
    Effect.match(fs.truncate(path, end), {
      onSuccess: () => {
        // After a sync that failed nobody can say what is on the disk.
        if (isSync) broken = unusable(error)
      },
      onFailure: () => {
        broken = unusable(error)
      }
    })

  // One at a time: where a record lies is known only when the one before it is written.
  const turn = yield* Semaphore.make(1)
  const append = (entries: ReadonlyArray<Entry>) =>
    Effect.gen(function* () {
      if (broken !== undefined) return yield* broken
      if (entries.length === 0) return
      const pieces = Record.encode(entries)
      yield* Effect.forEach(pieces, (piece) => file.writeAll(piece), { discard: true }).pipe(
        Effect.tapError((error) => undo(error, false)),
        Effect.mapError(unusable)
      )
      yield* file.sync.pipe(
        Effect.tapError((error) => undo(error, true)),
        Effect.mapError(unusable)
      )
      let next = 0
      for (const piece of pieces) {
        for (let start = 0; start < piece.length; next++) {
          const stop = piece.indexOf(LF, start) + 1
          const entry = entries[next]
          if (entry !== undefined) remember(Record.headOf(entry), stop - start)
          start = stop
          if (writer.isFull) yield* writer.flush
        }
      }
    }).pipe(Effect.uninterruptible, turn.withPermit)

  const decoded = (line: Lines.Line) =>
    Result.mapError(Record.decode(line.bytes), (what) => damaged(line.number, what))

  const lines = Stream.suspend(() =>
    end === 0
      ? Stream.empty
      : fs
          .stream(path, { chunkSize: CHUNK, bytesToRead: end })
          .pipe(Stream.mapError(unusable), Lines.splitArrays)
  )

  /** A line's head, unless it cannot be read; `false` where a later line has the same key. */
  const lastHead = (line: Lines.Line): Record.Head | false | undefined => {
    const head = Record.readHead(line.bytes)
    return head && index.isLast(head.key, line.offset) ? head : head && false
  }

  const entryOf = (line: Lines.Line): Result.Result<Entry | undefined, JournalError> =>
    Result.map(decoded(line), (entry) => (index.isLast(digest(entry.key), line.offset) ? entry : undefined))

  /** The last record of each key, or what is wrong with its line. */
  const storedOf = (line: Lines.Line): Result.Result<Record.Stored | undefined, JournalError> => {
    const head = lastHead(line)
    if (head === false) return Result.succeed(undefined)
    const entry = Effect.suspend(() => Effect.fromResult(decoded(line)))
    const stored = head && Record.stored(line.bytes, head, entry)
    if (stored !== undefined) return Result.succeed(stored)
    return Result.map(entryOf(line), (found) => found && Record.storedEntry(found))
  }

  /** The record of that number, from the bytes of its line. */
  const storedAt = (id: number, bytes: Uint8Array): Effect.Effect<Record.Stored, JournalError> => {
    const entry = Effect.suspend(() =>
      Effect.fromResult(Result.mapError(Record.decode(bytes), (what) => damaged(id + 1, what)))
    )
    const head = Record.readHead(bytes)
    const stored = head && Record.stored(bytes, head, entry)
    return stored === undefined ? Effect.map(entry, Record.storedEntry) : Effect.succeed(stored)
  }

  /** What `read` makes of each line, but for what it leaves out, up to the first that fails. */
  const collect = <A>(read: (line: Lines.Line) => Result.Result<A | undefined, JournalError>) =>
    lines.pipe(
      Stream.mapEffect((some) =>
        Effect.suspend(() => {
          const all: Array<A> = []
          for (const line of some) {
            const one = read(line)
            if (Result.isFailure(one)) return Effect.fail(one.failure)
            if (one.success !== undefined) all.push(one.success)
          }
          return Effect.succeed(all)
        })
      ),
      Stream.filter(Arr.isArrayNonEmpty)
    )

  const read = Effect.fnUntraced(function* (id: number): Effect.fn.Return<Entry, JournalError> {
    const line = new Uint8Array(index.lengthOf(id))
    yield* Effect.mapError(Index.fill(log, line, index.offsetOf(id)), unusable)
    return yield* Effect.fromResult(
      Result.mapError(Record.decode(line.subarray(0, -1)), (what) => damaged(id + 1, what))
    )
  })

  const recall = (
    fingerprint: string,
    key?: string
  ): Effect.Effect<Option.Option<Schema.Json>, JournalError> =>
    Effect.suspend(() => {
      const id = index.findSuccess(fromHex(fingerprint))
      // Many rows may send the same request: those of other keys are told apart without a read.
      if (id < 0 || (key !== undefined && !isSame(index.keyOf(id), digest(key)))) return Effect.succeedNone
      return Effect.map(read(id), (entry) =>
        entry.fingerprint === fingerprint && entry.tag === "Succeeded" && (key ?? entry.key) === entry.key
          ? Option.some(entry.output ?? null)
          : Option.none()
      )
    })

  const stored = collect(storedOf)

  return {
    lookup: (key: string) => {
      const id = index.find(digest(key))
      return id < 0 ? undefined : { fingerprint: toHex(index.printOf(id)), succeeded: index.isSuccess(id) }
    },
    standing: (key: string, print: Digest) => {
      const id = index.find(digest(key))
      if (id < 0 || !index.isSuccess(id)) return "undone"
      return index.hasPrint(id, print) ? "done" : "changed"
    },
    knows: (fingerprint: string) => index.findSuccess(fromHex(fingerprint)) >= 0,
    recall,
    append,
    stored,
    ordered: (keys) => InOrder.ordered({ file: log, index, unusable, storedAt, stored }, keys),
    entries: Stream.flattenArray(
      collect((line) => (lastHead(line) === false ? Result.succeed(undefined) : entryOf(line)))
    ),
    counts: Effect.sync(() => ({ keys: index.size, succeeded: index.succeeded }))
  } satisfies Journal
})
