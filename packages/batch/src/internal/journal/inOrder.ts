/**
 * The records of a log in the order of some keys, read by their places, a window at a time.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { digest } from "../digest.ts"
import type { JournalError, Stored } from "./journalEntry.ts"
import { fill } from "./journalIndex.ts"
import type { KeyIndex } from "./keyIndex.ts"

/** How many keys are looked up together, and how many bytes of the log may be held for them; one record always may. */
const WINDOW = 8192
const WINDOW_BYTES = 16 * 1024 * 1024

/** Two records that have no more than this between them are read at once, and so much at once. */
const GAP = 4096
const READ_BYTES = 1024 * 1024

const READS = 4

/** One bit a record. */
class Bits {
  private readonly words: Uint32Array
  count = 0

  constructor(size: number) {
    this.words = new Uint32Array((size >>> 5) + 1)
  }

  has(id: number): boolean {
    return ((this.words[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0
  }

  add(id: number): boolean {
    if (this.has(id)) return false
    this.words[id >>> 5] = (this.words[id >>> 5] ?? 0) | (1 << (id & 31))
    this.count++
    return true
  }

  remove(id: number): void {
    this.words[id >>> 5] = (this.words[id >>> 5] ?? 0) & ~(1 << (id & 31))
    this.count--
  }
}

interface Wanted {
  readonly id: number
  readonly key: string
}

/** What is read of a log, and how. */
export interface Log {
  readonly file: FileSystem.File
  readonly index: KeyIndex
  readonly unusable: (error: PlatformError) => JournalError
  /** A record from the bytes of its line, without the line's end. */
  readonly storedAt: (id: number, line: Uint8Array) => Effect.Effect<Stored, JournalError>
  /** The last record of each key, in the order of the log. */
  readonly stored: Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, JournalError>
}

/** Parts of an array that lie close together in the log. */
const reaches = ({ index }: Log, wanted: ReadonlyArray<Wanted>): ReadonlyArray<ReadonlyArray<Wanted>> => {
  const sorted = wanted.toSorted((a, b) => a.id - b.id)
  const groups: Array<Array<Wanted>> = []
  let start = 0
  let end = 0
  for (const one of sorted) {
    const offset = index.offsetOf(one.id)
    const stop = offset + index.lengthOf(one.id)
    const last = groups.at(-1)
    if (last !== undefined && offset - end <= GAP && stop - start <= READ_BYTES) last.push(one)
    else {
      groups.push([one])
      start = offset
    }
    end = stop
  }
  return groups
}

/** Reads some records that lie close together. */
const readReach = Effect.fnUntraced(function* (log: Log, wanted: ReadonlyArray<Wanted>) {
  const { file, index, storedAt, unusable } = log
  const first = wanted[0]?.id ?? 0
  const last = wanted.at(-1)?.id ?? first
  const start = index.offsetOf(first)
  const bytes = new Uint8Array(index.offsetOf(last) + index.lengthOf(last) - start)
  yield* Effect.mapError(fill(file, bytes, start), unusable)
  const found: Array<readonly [number, Stored]> = []
  for (const { id } of wanted) {
    const at = index.offsetOf(id) - start
    found.push([id, yield* storedAt(id, bytes.subarray(at, at + index.lengthOf(id) - 1))])
  }
  return found
})

/** Cuts where what is to be read of the log becomes too much. */
const windowsOf = (index: KeyIndex, wanted: ReadonlyArray<Wanted>): ReadonlyArray<ReadonlyArray<Wanted>> => {
  const windows: Array<Array<Wanted>> = []
  let bytes = Infinity
  for (const one of wanted) {
    bytes += index.lengthOf(one.id)
    if (bytes <= WINDOW_BYTES) windows.at(-1)?.push(one)
    else {
      windows.push([one])
      bytes = index.lengthOf(one.id)
    }
  }
  return windows
}

/**
 * The last record of each key: first those of `keys` in their order, each once, then the others in the order of the log.
 * In memory bounded by a window, and a bit a record.
 */
export const ordered = <E, R>(
  log: Log,
  keys: Stream.Stream<string, E, R>
): Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, E | JournalError, R> =>
  Stream.suspend(() => {
    const { index, stored } = log
    const given = new Bits(index.records)

    const wantedOf = (some: ReadonlyArray<string>): ReadonlyArray<Wanted> =>
      some.flatMap((key) => {
        const id = index.find(digest(key))
        return id >= 0 && given.add(id) ? [{ id, key }] : []
      })

    const readWindow = Effect.fnUntraced(function* (wanted: ReadonlyArray<Wanted>) {
      const reads = yield* Effect.forEach(reaches(log, wanted), (reach) => readReach(log, reach), {
        concurrency: READS
      })
      const found = new Map(reads.flat())
      return wanted.flatMap(({ id, key }) => {
        const record = found.get(id)
        if (record?.key === key) return [record]
        // Another key with the same digest: that one's record is among the others.
        given.remove(id)
        return []
      })
    })

    const others = Stream.suspend(() =>
      given.count === index.size
        ? Stream.empty
        : Stream.map(stored, (records) => records.filter(({ key }) => !given.has(index.find(digest(key)))))
    )

    return keys.pipe(
      Stream.rechunk(WINDOW),
      Stream.chunks,
      Stream.flatMap((some) => Stream.fromIterable(windowsOf(index, wantedOf(some)))),
      Stream.mapEffect(readWindow),
      Stream.concat(others),
      Stream.filter(Arr.isArrayNonEmpty)
    )
  })

/** The same of records that are in memory anyway. */
export const orderedInMemory = <E, R, E2>(
  stored: Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, E2>,
  keys: Stream.Stream<string, E, R>
): Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, E | E2, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const rest = new Map<string, Stored>()
      yield* Stream.runForEachArray(stored, (chunks) =>
        Effect.sync(() => {
          for (const records of chunks) for (const record of records) rest.set(record.key, record)
        })
      )
      const take = (some: ReadonlyArray<string>) =>
        some.flatMap((key) => {
          const record = rest.get(key)
          rest.delete(key)
          return record === undefined ? [] : [record]
        })
      return keys.pipe(
        Stream.chunks,
        Stream.map(take),
        Stream.concat(Stream.suspend(() => Stream.succeed([...rest.values()]))),
        Stream.filter(Arr.isArrayNonEmpty)
      )
    })
  )
