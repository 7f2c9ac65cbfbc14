/**
 * A file that is read a chunk at a time and split into records.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type Look, type Opened, type Stamp, Unusable } from "./records.ts"

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024

/** Bytes whose records are held at once: with more of them they outlive the collector's first look, at half the speed. */
const PIECE = 128 * 1024

/** The longest record that is taken unless one says otherwise: 64 MB. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024

/** Makes records of the bytes of a file. */
export interface Splitter<Rec> {
  /** The records that end in this chunk, which may be used again afterwards. */
  readonly take: (chunk: Uint8Array) => ReadonlyArray<Rec>
  /** What is left at the end of the file. */
  readonly end: () => ReadonlyArray<Rec>
  /** How many lines were seen, blank ones too. */
  readonly count: number
  /** Why nothing of the file can be used, found after some of it was taken. */
  readonly problem?: string | undefined
}

const unusable = (problem: ConstructorParameters<typeof Unusable>[0]) => new Unusable(problem)

/** The stamp of an open file; whatever is no regular file is refused. */
export const stampOf = Effect.fnUntraced(function* (file: FileSystem.File) {
  const info = yield* Effect.mapError(file.stat, unusable)
  if (info.type === "Directory") return yield* Effect.fail(unusable("it is a folder, not a file"))
  if (info.type !== "File") {
    return yield* Effect.fail(unusable("can be read only once: write it to a file first"))
  }
  const stamp: Stamp = {
    place: `${info.dev}:${Option.getOrElse(info.ino, () => 0n)}`,
    size: Number(info.size),
    version: Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.toISOString() })
  }
  return stamp
})

/** Opens a file of text. `sniff` says from its first bytes why it cannot be one. */
export const open = <Rec, E>(
  path: string,
  makeSplitter: () => Splitter<Rec>,
  sniff: (bytes: Uint8Array) => string | undefined,
  look: Look<E> | undefined
): Effect.Effect<Opened<Rec, Unusable | E>, Unusable | E, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), unusable)
    const watch = look === undefined ? Effect.void : Effect.flatMap(stampOf(file), look)
    yield* watch
    const splitter = makeSplitter()
    const buffer = new Uint8Array(CHUNK)
    let size = 0
    let at = 0
    let isFirst = true
    let isOver = false

    const fill = Effect.gen(function* () {
      size = yield* Effect.mapError(file.read(buffer), unusable)
      at = 0
      // Looked at before what was read is used: a line of a changed file never leaves here.
      yield* watch
      const problem = isFirst ? sniff(buffer.subarray(0, size)) : undefined
      isFirst = false
      if (problem !== undefined) return yield* Effect.fail(unusable(problem))
      return size === 0
    })

    const checked = (records: ReadonlyArray<Rec>) =>
      splitter.problem === undefined ? Effect.succeed(records) : Effect.fail(unusable(splitter.problem))

    const piece = Effect.suspend(() => {
      const start = at
      at = Math.min(at + PIECE, size)
      return checked(splitter.take(buffer.subarray(start, at)))
    })

    const next = Effect.suspend((): Effect.Effect<ReadonlyArray<Rec> | undefined, Unusable | E> => {
      if (isOver) return Effect.succeed(undefined)
      if (at < size) return piece
      return Effect.flatMap(fill, (isEnd) => {
        isOver = isEnd
        return isEnd ? checked(splitter.end()) : piece
      })
    })

    return { next, count: () => splitter.count }
  })
