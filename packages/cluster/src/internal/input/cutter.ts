/**
 * Finds where an input of text can be cut, while its bytes go by: after so many rows, and after so many bytes.
 *
 * It counts rows as the readers of batch do, on the same pass: blank lines are none, and of CSV neither is the header. It
 * checks nothing else: what is wrong with a row is for those readers to say.
 */
import { crc32 } from "node:zlib"

/** A range of bytes that holds whole rows. */
export interface Cut {
  readonly start: number
  readonly end: number
  readonly rows: number
  readonly sum: number
}

export interface Options {
  readonly format: "jsonl" | "csv"
  /** Whether the first record names the columns. */
  readonly hasHeader: boolean
  readonly rows: number
  readonly bytes: number
}

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const QUOTE = 34

/** What a line may hold and still be blank: also the three bytes of a byte order mark. */
const isBlank = (byte: number) =>
  byte === SPACE || byte === TAB || byte === CR || byte === 0xef || byte === 0xbb || byte === 0xbf

const hasInk = (bytes: Uint8Array, start: number, end: number) => {
  for (let at = start; at < end; at++) if (!isBlank(bytes[at] ?? SPACE)) return true
  return false
}

export class Cutter {
  readonly cuts: Array<Cut> = []
  /** How many bytes at the start are the header's. */
  header = 0
  private readonly options: Options
  /** Where the bytes of the next update begin. */
  private offset = 0
  private start = 0
  private rows = 0
  private sum = 0
  /** Whether the record that is not ended yet has anything in it. */
  private isInked = false
  private isQuoted = false
  private awaitsHeader: boolean

  constructor(options: Options) {
    this.options = options
    this.awaitsHeader = options.format === "csv" && options.hasHeader
  }

  /** The next bytes, as they are read. */
  update(bytes: Uint8Array): void {
    const from = this.offset
    /** Up to where the sum has come. */
    let summed = 0
    const end = (at: number) => {
      if (!this.isInked) return
      this.isInked = false
      if (this.awaitsHeader) {
        this.awaitsHeader = false
        this.header = from + at
        this.start = from + at
        this.sum = 0
        summed = at
        return
      }
      this.rows++
      if (this.rows < this.options.rows && from + at - this.start < this.options.bytes) return
      this.sum = crc32(bytes.subarray(summed, at), this.sum)
      summed = at
      this.cut(from + at)
    }
    if (this.options.format === "csv") this.records(bytes, end)
    else this.lines(bytes, end)
    this.sum = crc32(bytes.subarray(summed), this.sum)
    this.offset += bytes.length
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.isInked && !this.awaitsHeader) this.rows++
    this.isInked = false
    if (this.rows > 0) this.cut(this.offset)
  }

  private cut(end: number): void {
    this.cuts.push({ start: this.start, end, rows: this.rows, sum: this.sum })
    this.start = end
    this.rows = 0
    this.sum = 0
  }

  private lines(bytes: Uint8Array, end: (at: number) => void): void {
    for (let at = 0; at < bytes.length;) {
      const found = bytes.indexOf(LF, at)
      const stop = found < 0 ? bytes.length : found
      this.isInked ||= hasInk(bytes, at, stop)
      if (found < 0) return
      end(found + 1)
      at = found + 1
    }
  }

  private records(bytes: Uint8Array, end: (at: number) => void): void {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === QUOTE) {
        this.isQuoted = !this.isQuoted
        this.isInked = true
      } else if (!this.isQuoted && (byte === LF || byte === CR)) end(at + 1)
      else this.isInked = true
    }
  }
}
