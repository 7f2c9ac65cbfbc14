/**
 * The index beside the log: for each line its key, fingerprint, place and tag in 32 bytes, so that a start need not read
 * the log. It is a cache: what it says is believed as far as it hangs together and the log bears it out.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { Head } from "./journalEntry.ts"
import { KeyIndex, SUCCEEDED } from "./keyIndex.ts"

/** In words of 32 bits, in the machine's own order: on a machine with another order the header does not fit. */
const WORDS = 8
const RECORD = 4 * WORDS
const CHECK = WORDS - 1
const HEADER = [0x544e5453, 0x58444e49, 1, RECORD, 0, 0, 0]

/** One megabyte: a start reads this much at once. */
const BLOCK = 2 ** 15 * RECORD

/** Of a record and of all before it: a record that is torn, moved or of another log does not fit. */
const checkOf = (previous: number, words: Uint32Array, at: number): number => {
  let check = previous
  for (let i = at; i < at + CHECK; i++) {
    check = Math.imul(check ^ (words[i] ?? 0), 0x9e3779b1)
    check ^= check >>> 15
  }
  return check >>> 0
}

const header = () => {
  const words = new Uint32Array(WORDS)
  words.set(HEADER)
  words[CHECK] = checkOf(0, words, 0)
  return words
}

const headerCheck = header()[CHECK] ?? 0

/** What the index says, as far as it hangs together. */
export interface Loaded {
  readonly index: KeyIndex
  /** Up to where it knows the log. */
  readonly end: number
  /** The last record's check. */
  readonly check: number
  /** The size of the file. */
  readonly size: number
  /** Why it cannot be of this log, if it cannot. */
  readonly doubt: string | undefined
}

export const nothing = (size: number, doubt?: string): Loaded => ({
  index: new KeyIndex(),
  end: 0,
  check: headerCheck,
  size,
  doubt
})

/** Fills the buffer from a place in the file; gives how much there was. */
export const fill = (file: FileSystem.File, buffer: Uint8Array, from: number) =>
  Effect.gen(function* () {
    let filled = 0
    while (filled < buffer.length) {
      const read = yield* file.read(buffer.subarray(filled), { position: BigInt(from + filled) })
      if (read === 0) break
      filled += read
    }
    return filled
  })

/** Reads the index of a log that is `logSize` long. */
export const load = Effect.fnUntraced(function* (
  file: FileSystem.File,
  size: number,
  logSize: number
): Effect.fn.Return<Loaded, PlatformError> {
  const bytes = new Uint8Array(Math.min(BLOCK, RECORD * (1 + Math.floor(size / RECORD))))
  const words = new Uint32Array(bytes.buffer)
  if ((yield* fill(file, bytes.subarray(0, RECORD), 0)) < RECORD) return nothing(size)
  if (header().some((word, at) => word !== words[at])) return nothing(size, "it is no index of this version")

  const index = new KeyIndex()
  index.expect(size / RECORD)
  let end = 0
  let check = headerCheck
  let place = RECORD
  let doubt: string | undefined

  /** Takes records as long as they hang together. */
  const take = (count: number): boolean => {
    for (let at = 0; at < count * WORDS; at += WORDS) {
      const next = checkOf(check, words, at)
      const offset = (words[at + 4] ?? 0) * 2 ** 32 + (words[at + 5] ?? 0)
      const last = words[at + 6] ?? 0
      const length = last % SUCCEEDED
      if (next !== words[at + CHECK] || offset !== end || length === 0) return false
      if (end + length > logSize) {
        doubt = "the log is shorter than it says"
        return false
      }
      const key = { high: words[at] ?? 0, low: words[at + 1] ?? 0 }
      const print = { high: words[at + 2] ?? 0, low: words[at + 3] ?? 0 }
      index.add(key, print, length, last >= SUCCEEDED)
      end += length
      check = next
    }
    return true
  }

  for (;;) {
    const read = yield* fill(file, bytes, place)
    const isWhole = take(Math.floor(read / RECORD))
    if (!isWhole || read < bytes.length) break
    place += read
  }
  return doubt === undefined ? { index, end, check, size, doubt } : nothing(size, doubt)
})

/** How many lines of the log are compared with what the index says of them. */
const SAMPLES = 16

/** Whether the log bears the index out, at its first line, its last one, and some between. */
export const isBorneOut = Effect.fnUntraced(function* (
  log: FileSystem.File,
  index: KeyIndex,
  headAt: (line: Uint8Array) => Pick<Head, "key" | "print" | "succeeded"> | undefined
): Effect.fn.Return<boolean, PlatformError> {
  const last = index.records - 1
  const samples = new Set(Array.from({ length: SAMPLES }, (_, at) => Math.round((at * last) / (SAMPLES - 1))))
  for (const id of last < 0 ? [] : samples) {
    const offset = index.offsetOf(id)
    const before = offset === 0 ? 0 : 1
    const bytes = new Uint8Array(before + index.lengthOf(id))
    if ((yield* fill(log, bytes, offset - before)) < bytes.length) return false
    if (before === 1 && bytes[0] !== 10) return false
    const line = bytes.subarray(before)
    if (line.indexOf(10) !== line.length - 1) return false
    const found = headAt(line.subarray(0, -1))
    if (found === undefined || found.succeeded !== index.isSuccess(id)) return false
    const key = index.keyOf(id)
    const print = index.printOf(id)
    if (found.key.high !== key.high || found.key.low !== key.low) return false
    if (found.print.high !== print.high || found.print.low !== print.low) return false
  }
  return true
})

/** How much is gathered before it is written: it need not be durable, and what is missing is read from the log. */
const GATHERED = 4096
const GATHERED_BYTES = 64 * 1024 * 1024

/** Writes the records that follow those in the file. */
export class Writer {
  private readonly words = new Uint32Array(GATHERED * WORDS)
  private count = 0
  private bytes = 0
  private check: number
  private file: FileSystem.File | undefined

  constructor(file: FileSystem.File | undefined, check: number) {
    this.file = file
    this.check = check
  }

  /** Whether it should be flushed before the next `add`. */
  get isFull(): boolean {
    return this.count === GATHERED || this.bytes >= GATHERED_BYTES
  }

  add(head: Pick<Head, "key" | "print" | "succeeded">, offset: number, length: number): void {
    const { words } = this
    const at = this.count * WORDS
    words[at] = head.key.high
    words[at + 1] = head.key.low
    words[at + 2] = head.print.high
    words[at + 3] = head.print.low
    words[at + 4] = Math.floor(offset / 2 ** 32)
    words[at + 5] = offset >>> 0
    words[at + 6] = head.succeeded ? length + SUCCEEDED : length
    this.check = checkOf(this.check, words, at)
    words[at + CHECK] = this.check
    this.count++
    this.bytes += length
  }

  readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    const bytes = new Uint8Array(this.words.buffer, 0, this.count * RECORD)
    this.count = 0
    this.bytes = 0
    if (this.file === undefined || bytes.length === 0) return Effect.void
    return Effect.catch(this.file.writeAll(bytes), (error) => {
      // What follows would not fit any more: the next start reads it from the log.
      this.file = undefined
      return Effect.logWarning("The journal's index cannot be written; the next start takes longer.", error)
    })
  })
}

/** Opens the index to write what follows `loaded`, cutting off what does not hang together. */
export const write = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string, loaded: Loaded) {
  const size = RECORD * (1 + loaded.index.records)
  const isNew = loaded.index.records === 0
  const file = yield* Effect.gen(function* () {
    if (!isNew && loaded.size !== size) yield* fs.truncate(path, size)
    const file = yield* fs.open(path, { flag: isNew ? "w" : "a" })
    if (isNew) yield* file.writeAll(new Uint8Array(header().buffer))
    return file
  }).pipe(
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning("The journal's index cannot be written; the next start takes longer.", error),
        undefined
      )
    )
  )
  const writer = new Writer(file, loaded.check)
  yield* Effect.addFinalizer(() => writer.flush)
  return writer
})
