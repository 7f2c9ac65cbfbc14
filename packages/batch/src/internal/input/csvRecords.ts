/**
 * The records of CSV text (RFC 4180), each with the line that it begins on. After a record that is broken the next line
 * begins another; only after a quote that is never closed no other can be found.
 *
 * Effect's own decoder ends at the first broken record, and does not say where the good ones stood.
 */
import type { Broken, Entry } from "./records.ts"

const QUOTE = 34
const CR = 13
const LF = 10
const BOM = 0xfeff

const START = 0
const PLAIN = 1
const QUOTED = 2
/** After a quote in a quoted cell: it ends the cell, or is the first of two that stand for one. */
const CLOSING = 3
/** In a broken record, up to the end of the line. */
const SKIPPED = 4
/** After a quote that is never closed. */
const LOST = 5

/** How much is shown of what could not be read. */
const SHOWN = 1024

/** One record. `row` counts the records, the header not among them. */
export class CsvRecord implements Entry {
  readonly number: number
  readonly row: number
  readonly cells: ReadonlyArray<string>
  readonly problem: string | undefined
  readonly broken: Broken | undefined
  private readonly delimiter: string
  private readonly rest: string

  constructor(
    at: { readonly number: number; readonly row: number; readonly delimiter: string },
    cells: ReadonlyArray<string>,
    wrong?: { readonly problem: string; readonly broken?: Broken; readonly rest?: string }
  ) {
    this.number = at.number
    this.row = at.row
    this.delimiter = at.delimiter
    this.cells = cells
    this.problem = wrong?.problem
    this.broken = wrong?.broken
    this.rest = wrong?.rest ?? ""
  }

  get text(): string {
    const quoted = this.cells.map((cell) =>
      /["\r\n]/.test(cell) || cell.includes(this.delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell
    )
    return (this.broken === undefined ? quoted : [...quoted, this.rest]).join(this.delimiter)
  }
}

const count = (n: number) => n.toLocaleString("en-US")

export class CsvRecords {
  private readonly delimiter: string
  private readonly delimiterCode: number
  private readonly maxSize: number
  private state = START
  private cell = ""
  private cells: Array<string> = []
  /** Characters of this record in the texts before this one. */
  private size = 0
  private line = 1
  private recordLine = 1
  private quoteLine = 1
  private row: number
  private isBeginning = true
  private problem: string | undefined
  private rest = ""

  /** `firstRow` is the number of the first record. */
  constructor(delimiter: string, maxSize: number, firstRow: number) {
    this.row = firstRow
    this.delimiter = delimiter
    this.delimiterCode = delimiter.charCodeAt(0)
    this.maxSize = maxSize
  }

  /** How many lines were begun. */
  get lines(): number {
    return this.line - (this.isClean ? 1 : 0)
  }

  private get isClean() {
    return this.state === START && this.size === 0 && this.cells.length === 0
  }

  /**
   * Adds the records that end in this text, and keeps what it holds of the next one. The text does not end between a
   * carriage return and its line feed. `problem` is what is wrong with all of it.
   */
  take(text: string, records: Array<CsvRecord>, problem?: string): void {
    const { length } = text
    let at = 0
    if (this.isBeginning && length > 0) {
      this.isBeginning = false
      if (text.charCodeAt(0) === BOM) at = 1
    }
    if (problem !== undefined && at < length && this.state !== LOST) this.problem ??= problem
    let start = at
    while (at < length) {
      switch (this.state) {
        case START:
          if (text.charCodeAt(at) === QUOTE) {
            this.state = QUOTED
            this.quoteLine = this.line
            at++
            continue
          }
          this.state = PLAIN
          break
        case QUOTED:
          at = this.quoted(text, at)
          continue
        case CLOSING: {
          const code = text.charCodeAt(at)
          if (code === QUOTE) {
            this.cell += '"'
            this.state = QUOTED
            at++
            continue
          }
          if (code === this.delimiterCode || code === CR || code === LF) {
            at = this.ended(text, code, at, start, records)
            if (code !== this.delimiterCode) start = at
            continue
          }
          this.breaks(
            `cell ${this.cells.length + 1} goes on after the quote that ends it: a quote in a cell is written twice`
          )
          break
        }
        case LOST:
          return
      }
      let end = at
      let code = 0
      if (this.state === PLAIN) {
        const { delimiterCode } = this
        for (; end < length; end++) {
          code = text.charCodeAt(end)
          if (code === delimiterCode || code === LF || code === CR || code === QUOTE) break
        }
        if (end > at) this.cell = this.cell === "" ? text.slice(at, end) : this.cell + text.slice(at, end)
        if (end < length && code === QUOTE) {
          this.breaks(
            `cell ${this.cells.length + 1} has a quote and does not begin with one: put the whole cell in quotes, and each quote in it twice`
          )
          at = end
        }
      }
      if (this.state === SKIPPED) {
        for (end = at; end < length; end++) {
          code = text.charCodeAt(end)
          if (code === LF || code === CR) break
        }
        if (this.rest.length < SHOWN) this.rest += text.slice(at, Math.min(end, at + SHOWN))
      }
      at = end
      if (at === length) break
      at = this.ended(text, code, at, start, records)
      if (code !== this.delimiterCode) start = at
    }
    this.size += length - start
    if (this.size > this.maxSize) this.isTooLong(records)
  }

  /** What is left when the text is over. */
  end(records: Array<CsvRecord>): void {
    if (this.state === QUOTED) this.isLost(records)
    else if (this.state !== LOST && !this.isClean) this.record(records)
  }

  /** Inside a quoted cell, up to the next quote. */
  private quoted(text: string, start: number): number {
    const found = text.indexOf('"', start)
    const end = found < 0 ? text.length : found
    if (end > start) {
      const part = text.slice(start, end)
      this.cell = this.cell === "" ? part : this.cell + part
      this.countLines(part)
    }
    if (found < 0) return end
    this.state = CLOSING
    return end + 1
  }

  private countLines(part: string): void {
    for (let at = part.indexOf("\n"); at >= 0; at = part.indexOf("\n", at + 1)) this.line++
    for (let at = part.indexOf("\r"); at >= 0; at = part.indexOf("\r", at + 1)) {
      if (part.charCodeAt(at + 1) !== LF) this.line++
    }
  }

  /** A cell ends at `at`, and with a line's end the record. */
  private ended(text: string, code: number, at: number, start: number, records: Array<CsvRecord>): number {
    if (code === this.delimiterCode && this.state !== SKIPPED) {
      this.cells.push(this.cell)
      this.cell = ""
      this.state = START
      return at + 1
    }
    const size = this.size + at - start
    if (size > this.maxSize) this.problem ??= this.tooLong()
    if (size > 0) this.record(records)
    else this.fresh()
    this.line++
    this.recordLine = this.line
    return code === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1
  }

  private breaks(problem: string): void {
    this.problem ??= problem
    this.rest = this.cell.slice(0, SHOWN)
    this.state = SKIPPED
  }

  private record(records: Array<CsvRecord>): void {
    const { problem, state, rest } = this
    if (state !== SKIPPED) this.cells.push(this.cell)
    const broken = state === SKIPPED ? { broken: "syntax" as const, rest } : {}
    records.push(
      new CsvRecord(this.place(), this.cells, problem === undefined ? undefined : { problem, ...broken })
    )
    this.fresh()
  }

  private place() {
    return { number: this.recordLine, row: this.row++, delimiter: this.delimiter }
  }

  private fresh(): void {
    this.cells = []
    this.cell = ""
    this.size = 0
    this.state = START
    this.problem = undefined
    this.rest = ""
  }

  private tooLong = () => `is longer than ${count(this.maxSize)} characters`

  private isTooLong(records: Array<CsvRecord>): void {
    if (this.state === QUOTED) return this.isLost(records)
    if (this.state !== SKIPPED && this.state !== LOST) this.breaks(this.tooLong())
    else if (this.state === SKIPPED) this.problem ??= this.tooLong()
    this.cells = []
    this.cell = ""
    this.size = this.maxSize
  }

  private isLost(records: Array<CsvRecord>): void {
    const where = this.quoteLine === this.recordLine ? "" : ` (line ${this.quoteLine})`
    const within =
      this.size > this.maxSize
        ? ` within ${count(this.maxSize)} characters, which is all that a record may have`
        : ""
    const problem = `the quote that begins cell ${this.cells.length + 1}${where} is never closed${within}, so where the next record begins cannot be told`
    const rest = this.cell.slice(0, SHOWN)
    records.push(new CsvRecord(this.place(), this.cells, { problem, broken: "endless", rest: `"${rest}` }))
    this.fresh()
    this.state = LOST
  }
}
