/**
 * The lines of a byte stream as text, a whole chunk at a time, in memory bounded by the longest line that is allowed.
 *
 * Bytes are decoded in groups of lines of about 64 KB: a call for each line, and one string for a whole chunk, are both
 * slower.
 */

/** Why a line could not be made text. */
export type Unreadable = "not UTF-8" | "too long"

/** One line without its end; `number` counts from 1. The text of a line that is too long is its beginning. */
export interface TextLine {
  readonly number: number
  readonly text: string
  readonly unreadable?: Unreadable | undefined
}

const LF = 10
const GROUP = 64 * 1024
const KEPT = 1024

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder("utf-8", { ignoreBOM: true })

const tryDecode = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

const BOM = 0xfeff
const CR = 13

/** A line without the carriage return before its end, and without a byte order mark, wherever files were joined. */
const trim = (text: string) => {
  const start = text.charCodeAt(0) === BOM ? 1 : 0
  const end = text.charCodeAt(text.length - 1) === CR ? text.length - 1 : text.length
  return start === 0 && end === text.length ? text : text.slice(start, Math.max(start, end))
}

const concat = (parts: ReadonlyArray<Uint8Array>, length: number) => {
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const isBlank = (text: string) => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 32 && code !== 9) return false
  }
  return true
}

/** Reads lines from chunks of bytes, as they come; blank lines are counted and left out. */
export class TextLines {
  private parts: Array<Uint8Array> = []
  private held = 0
  private isTooLong = false
  private number = 0
  private readonly maxBytes: number

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** How many lines were seen, blank ones too. */
  get count(): number {
    return this.number
  }

  /** The lines that end in this chunk. The chunk may be used again afterwards. */
  take(chunk: Uint8Array): ReadonlyArray<TextLine> {
    const lines: Array<TextLine> = []
    const firstEnd = chunk.indexOf(LF)
    if (firstEnd < 0) {
      this.hold(chunk)
      return lines
    }
    let start = 0
    if (this.held > 0 || this.isTooLong) {
      this.hold(chunk.subarray(0, firstEnd))
      this.flush(lines)
      start = firstEnd + 1
    }
    const end = chunk.lastIndexOf(LF) + 1
    while (start < end) {
      const wanted = Math.min(start + GROUP, end)
      const last = chunk.lastIndexOf(LF, wanted - 1) + 1
      const stop = last > start ? last : chunk.indexOf(LF, start) + 1
      this.group(chunk.subarray(start, stop), lines)
      start = stop
    }
    if (end < chunk.length) this.hold(chunk.subarray(end))
    return lines
  }

  /** The last line, if no line feed ended it. */
  end(): ReadonlyArray<TextLine> {
    const lines: Array<TextLine> = []
    if (this.held > 0 || this.isTooLong) this.flush(lines)
    return lines
  }

  private hold(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.isTooLong) return
    this.parts.push(bytes.slice())
    this.held += bytes.length
    if (this.held <= this.maxBytes) return
    this.isTooLong = true
    const kept = concat(this.parts, this.held).slice(0, KEPT)
    this.parts = [kept]
    this.held = kept.length
  }

  private flush(lines: Array<TextLine>): void {
    const bytes = concat(this.parts, this.held)
    const { isTooLong } = this
    this.parts = []
    this.held = 0
    this.isTooLong = false
    if (isTooLong) lines.push({ number: ++this.number, text: lossy.decode(bytes), unreadable: "too long" })
    else this.one(bytes, lines)
  }

  /** Whole lines, each with its end. */
  private group(bytes: Uint8Array, lines: Array<TextLine>): void {
    const text = bytes.length > this.maxBytes ? undefined : tryDecode(bytes)
    let start = 0
    if (text === undefined) {
      for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
        this.one(bytes.subarray(start, end), lines)
        start = end + 1
      }
      return
    }
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.push(text.slice(start, end), lines)
      start = end + 1
    }
  }

  private one(bytes: Uint8Array, lines: Array<TextLine>): void {
    if (bytes.length > this.maxBytes) {
      const text = lossy.decode(bytes.subarray(0, KEPT))
      lines.push({ number: ++this.number, text, unreadable: "too long" })
      return
    }
    const text = tryDecode(bytes)
    if (text !== undefined) this.push(text, lines)
    else lines.push({ number: ++this.number, text: trim(lossy.decode(bytes)), unreadable: "not UTF-8" })
  }

  private push(raw: string, lines: Array<TextLine>): void {
    const number = ++this.number
    const text = trim(raw)
    if (!isBlank(text)) lines.push({ number, text })
  }
}
