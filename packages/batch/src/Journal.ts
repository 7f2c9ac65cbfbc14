/**
 * The one durable log of a run: what was done, with its output, so that a rerun does only what is not done.
 *
 * An outcome is durable before it is reported. A log whose writer was killed in the middle of a line is repaired by
 * cutting that line off: what it held is done again.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { describe } from "./FileProblem.ts"
import { type Digest, digest, toHex } from "./internal/digest.ts"
import { KeyIndex } from "./internal/keyIndex.ts"
import * as Lines from "./internal/lines.ts"

/**
 * One record of the log. `fingerprint` is sixteen hexadecimal digits; a failed record holds the input, so that it can
 * be run again.
 */
export const Entry = Schema.Struct({
  key: Schema.String,
  fingerprint: Schema.String,
  tag: Schema.Literals(["Succeeded", "Failed"]),
  attempts: Schema.Int,
  durationMillis: Schema.Finite,
  output: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(Schema.Json),
  input: Schema.optionalKey(Schema.Json)
})

/** One record of the log. */
export type Entry = typeof Entry.Type

/** What the journal knows of a key. */
export interface Known {
  readonly fingerprint: string
  readonly succeeded: boolean
}

/** The log could not be read or written. Nothing that was reported done is lost. */
export class JournalError extends Schema.TaggedError<JournalError>()("JournalError", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The journal ${this.path} cannot be used: ${this.detail}`
  }
}

/**
 * What a run asks of its journal.
 */
export interface Journal {
  /** The last record of a key, if any. */
  readonly lookup: (key: string) => Known | undefined
  /** Makes the entries durable, all of them, before it succeeds. */
  readonly append: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, JournalError>
  /** The last record of each key, in the order of the log. */
  readonly entries: Stream.Stream<Entry, JournalError>
  /** How many keys have a record, and how many of them succeeded. */
  readonly counts: Effect.Effect<{ readonly keys: number; readonly succeeded: number }>
}

const forgetful: Journal = {
  lookup: () => undefined,
  append: () => Effect.void,
  entries: Stream.empty,
  counts: Effect.succeed({ keys: 0, succeeded: 0 })
}

/**
 * The journal of the current run. The default remembers nothing: every item is done, and nothing is kept.
 */
export const Journal = Context.Reference<Journal>("@stint/batch/Journal", { defaultValue: () => forgetful })

/** Makes a journal that lives as long as the program. */
export const makeMemory: Effect.Effect<Journal> = Effect.sync(() => {
  const entries = new Map<string, Entry>()
  return {
    lookup: (key) => {
      const entry = entries.get(key)
      return entry && { fingerprint: entry.fingerprint, succeeded: entry.tag === "Succeeded" }
    },
    append: (added) =>
      Effect.sync(() => {
        for (const entry of added) {
          entries.delete(entry.key)
          entries.set(entry.key, entry)
        }
      }),
    entries: Stream.suspend(() => Stream.fromIterable(entries.values())),
    counts: Effect.sync(() => ({
      keys: entries.size,
      succeeded: [...entries.values()].filter((entry) => entry.tag === "Succeeded").length
    }))
  }
})

/** A journal that lives as long as the layer. */
export const layerMemory: Layer.Layer<never> = Layer.effect(Journal, makeMemory)

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })
const decodeEntry = Schema.decodeUnknownEffect(Schema.fromJsonString(Entry))

const parseDigest = (hex: string): Digest => ({
  high: Number.parseInt(hex.slice(0, 8), 16),
  low: Number.parseInt(hex.slice(8), 16)
})

/** The members in the order in which a reader wants them: what is small and always there first. */
const encodeEntry = (entry: Entry): string =>
  `${JSON.stringify({
    key: entry.key,
    fingerprint: entry.fingerprint,
    tag: entry.tag,
    attempts: entry.attempts,
    durationMillis: entry.durationMillis,
    output: entry.output,
    error: entry.error,
    input: entry.input
  })}\n`

/**
 * Opens the log at `path`, repairing a torn last line, for the rest of the scope.
 *
 * A line that is damaged anywhere else fails with `JournalError`, naming the line.
 */
export const makeFile = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const index = new KeyIndex()
  let end = 0

  const unusable = (error: PlatformError) => new JournalError({ path, detail: describe(error) })
  const read = fs.stream(path, { chunkSize: 1024 * 1024 }).pipe(Lines.split, Stream.mapError(unusable))

  const parse = (line: Lines.Line) =>
    Effect.try({
      try: () => decoder.decode(line.bytes),
      catch: () => new JournalError({ path, detail: `line ${line.number} is not UTF-8` })
    }).pipe(
      Effect.flatMap((text) =>
        Effect.mapError(
          decodeEntry(text),
          () =>
            new JournalError({
              path,
              detail: `line ${line.number} is damaged: take that line out to do its row again, or move the folder away to start anew`
            })
        )
      )
    )

  const remember = (entry: Entry, offset: number) =>
    index.set(digest(entry.key), {
      fingerprint: parseDigest(entry.fingerprint),
      offset,
      succeeded: entry.tag === "Succeeded"
    })

  const load = Stream.runForEach(read, (line) =>
    line.isWhole
      ? Effect.map(parse(line), (entry) => {
          remember(entry, line.offset)
          end = line.offset + line.length
        })
      : Effect.logWarning(
          `The journal ${path} ends in a torn line, as after a crash: cutting ${line.length} bytes.`
        )
  )

  if (yield* Effect.mapError(fs.exists(path), unusable)) {
    yield* load
    yield* Effect.mapError(fs.truncate(path, end), unusable)
  }
  const file = yield* Effect.mapError(fs.open(path, { flag: "a" }), unusable)

  // One at a time: where a record lies is known only when the one before it is written.
  const turn = yield* Semaphore.make(1)
  const append = (entries: ReadonlyArray<Entry>) =>
    Effect.gen(function* () {
      const lines = entries.map(encodeEntry).map((line) => encoder.encode(line))
      const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0))
      let at = 0
      const starts = lines.map((line) => {
        const start = at
        bytes.set(line, at)
        at += line.length
        return start
      })
      yield* Effect.mapError(Effect.andThen(file.writeAll(bytes), file.sync), unusable)
      entries.forEach((entry, i) => remember(entry, end + (starts[i] ?? 0)))
      end += bytes.length
    }).pipe(Effect.uninterruptible, turn.withPermit)

  return {
    lookup: (key: string) => {
      const slot = index.get(digest(key))
      return slot && { fingerprint: toHex(slot.fingerprint), succeeded: slot.succeeded }
    },
    append,
    entries: read.pipe(
      Stream.mapEffect((line) => Effect.map(parse(line), (entry) => ({ entry, line }))),
      Stream.filter(({ entry, line }) => index.get(digest(entry.key))?.offset === line.offset),
      Stream.map(({ entry }) => entry)
    ),
    counts: Effect.sync(() => ({ keys: index.size, succeeded: index.succeeded }))
  } satisfies Journal
})

/**
 * A journal in a file: one JSON object per line, made durable by group.
 */
export const layerFile = (path: string): Layer.Layer<never, JournalError, FileSystem.FileSystem> =>
  Layer.effect(Journal, makeFile(path))

/** The fingerprint of a request under a run's identity: sixteen hexadecimal digits. */
export const fingerprintOf = (identity: string, canonicalRequest: string): string =>
  toHex(digest(`${identity}\n${canonicalRequest}`))

/** Whether an item is done: its key has succeeded, and for the same request. */
export const isDone = (known: Known | undefined, fingerprint: string): boolean =>
  known !== undefined && known.succeeded && known.fingerprint === fingerprint
