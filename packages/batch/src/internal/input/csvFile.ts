/**
 * A file of CSV: its header, and a record for each of its rows.
 */
import { CsvRecord, CsvRecords } from "./csvRecords.ts"
import * as FileKind from "./fileKind.ts"
import * as ProblemText from "./problemText.ts"
import { BadRecord, type Format } from "./records.ts"
import * as TextFile from "./textFile.ts"

/** How CSV is read. */
export interface Dialect {
  /** What stands between cells: one character. Default: a comma. */
  readonly delimiter?: string | undefined
  /** The names of the columns of a file that has no header. Default: the first record is the header. */
  readonly columns?: ReadonlyArray<string> | undefined
}

/** What is read of it. */
export interface Options extends Dialect {
  /** The longest record that is taken, in characters. Default: 64 million. */
  readonly maxLineBytes?: number | undefined
  /** The columns that are wanted beside the optional ones; each must be there. Default: all that there are. */
  readonly wanted?: ReadonlyArray<string> | undefined
  /** Columns that may be missing, and whose empty cells are left out. */
  readonly optional?: ReadonlyArray<string> | undefined
}

const LF = 10
const CR = 13

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder("utf-8", { ignoreBOM: true })

const tryDecode = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** The end of the last line that surely ends in these bytes: the line feed of a last carriage return may follow. */
const lastEnd = (bytes: Uint8Array) =>
  Math.max(bytes.lastIndexOf(LF), bytes.length < 2 ? -1 : bytes.lastIndexOf(CR, bytes.length - 2)) + 1

const join = (parts: ReadonlyArray<Uint8Array>, last: Uint8Array) => {
  if (parts.length === 0) return last
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, last.length))
  let at = 0
  for (const part of [...parts, last]) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Where the line ends that begins at `start`, its end included. */
const lineEnd = (bytes: Uint8Array, start: number) => {
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] === LF) return at + 1
    if (bytes[at] === CR) return bytes[at + 1] === LF ? at + 2 : at + 1
  }
  return bytes.length
}

/** `a, b, c`, or the first of many. */
export const listed = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, 10).map((name) => ProblemText.safe(name, 40))
  return names.length > shown.length
    ? `${shown.join(", ")} and ${(names.length - shown.length).toLocaleString("en-US")} more`
    : shown.join(", ")
}

/** Which of the columns that are wanted are not there. */
export const missingColumn = (
  wanted: ReadonlyArray<string>,
  names: ReadonlyArray<string>
): string | undefined => {
  const there = new Set(names)
  const missing = wanted.filter((name) => !there.has(name))
  if (missing.length === 0) return undefined
  const columns = missing.length === 1 ? "column" : "columns"
  return `has no ${columns} ${listed(missing)}; it has ${listed(names)}: say which are meant (for the command --id, --input, --template)`
}

const twice = (names: ReadonlyArray<string>) => {
  const seen = new Map<string, number>()
  for (const [at, name] of names.entries()) {
    const first = name === "" ? undefined : seen.get(name)
    if (first !== undefined) return { name, first: first + 1, second: at + 1 }
    seen.set(name, at)
  }
  return undefined
}

/** Why a header cannot be used. A column without a name is left out of the rows. */
const headerProblem = (names: ReadonlyArray<string>, { delimiter, wanted }: Options): string | undefined => {
  const same = twice(names)
  if (same !== undefined) {
    const name = ProblemText.safe(same.name, 40)
    return `has two columns named ${name} (columns ${same.first} and ${same.second}): rename one of them`
  }
  const [said = "", rest] = names
  if (/^sep=.?$/i.test(said) && (rest === undefined || (rest === "" && names.length === 2))) {
    const given = said.slice("sep=".length) || delimiter
    return `begins with ${ProblemText.safe(`sep=${given ?? ","}`, 40)}, a line for Excel and no header: remove it${given === (delimiter ?? ",") ? "" : `, and say what stands between columns (for the command --delimiter ${JSON.stringify(given)})`}`
  }
  if (names.every((name) => name === "")) {
    return "has no name for any column in its first line: if it has no header, say what its columns are (for the command --columns)"
  }
  const missing = missingColumn(
    wanted ?? [],
    names.filter((name) => name !== "")
  )
  if (missing === undefined) return undefined
  const [only = ""] = names
  const other =
    names.length === 1
      ? [",", ";", "\t", "|"].find((one) => one !== delimiter && only.includes(one))
      : undefined
  return other === undefined
    ? missing
    : `${missing}: if ${JSON.stringify(other)} stands between its columns, say so (for the command --delimiter)`
}

/** Makes records of a file's bytes, and takes the header from them. */
export class CsvSplitter implements TextFile.Splitter<CsvRecord> {
  problem: string | undefined
  private hasHeader = false
  private readonly setHeader: (names: ReadonlyArray<string>) => void
  private readonly records: CsvRecords
  private readonly options: Options
  private readonly maxSize: number
  private held: Array<Uint8Array> = []
  private heldSize = 0

  constructor(options: Options, maxSize: number, setHeader: (names: ReadonlyArray<string>) => void) {
    this.setHeader = setHeader
    this.options = options
    this.maxSize = maxSize
    this.records = new CsvRecords(
      options.delimiter ?? ",",
      this.maxSize,
      options.columns === undefined ? 0 : 1
    )
    if (options.columns !== undefined) this.useHeader(options.columns)
  }

  get count(): number {
    return this.records.lines
  }

  take(chunk: Uint8Array): ReadonlyArray<CsvRecord> {
    const end = lastEnd(chunk)
    const records: Array<CsvRecord> = []
    if (end > 0) this.decode(chunk.subarray(0, end), records)
    if (end < chunk.length) {
      this.held.push(chunk.slice(end))
      this.heldSize += chunk.length - end
    }
    // More than a record may have, and no line's end.
    if (this.heldSize > this.maxSize) this.decode(new Uint8Array(0), records)
    return this.withoutHeader(records)
  }

  end(): ReadonlyArray<CsvRecord> {
    const records: Array<CsvRecord> = []
    this.decode(new Uint8Array(0), records)
    this.records.end(records)
    const rows = this.withoutHeader(records)
    // Nobody wants nothing: a header that has no column still has a line.
    if (!this.hasHeader && this.problem === undefined && this.options.wanted?.length !== 0) {
      this.problem = "is empty: it has no header, and so none of the columns that are needed"
    }
    return rows
  }

  /** Takes what was held, and `last` after it. */
  private decode(last: Uint8Array, records: Array<CsvRecord>): void {
    const bytes = join(this.held, last)
    this.held = []
    this.heldSize = 0
    const text = tryDecode(bytes)
    if (text !== undefined) return this.records.take(text, records)
    for (let start = 0; start < bytes.length;) {
      const end = lineEnd(bytes, start)
      const line = bytes.subarray(start, end)
      const good = tryDecode(line)
      this.records.take(good ?? lossy.decode(line), records, good === undefined ? "is not UTF-8" : undefined)
      start = end
    }
  }

  private withoutHeader(records: ReadonlyArray<CsvRecord>): ReadonlyArray<CsvRecord> {
    const [first, ...others] = this.hasHeader ? [] : records
    if (first === undefined) return records
    if (first.problem === undefined) this.useHeader(first.cells)
    else this.problem = `has a first line that is no header: it ${first.problem}`
    return others
  }

  private useHeader(names: ReadonlyArray<string>): void {
    this.problem = headerProblem(names, this.options)
    this.setHeader(names)
    this.hasHeader = true
  }
}

/** What a row is made of. */
interface Header {
  readonly width: number
  /** The columns that are taken, and where they stand. */
  readonly taken: ReadonlyArray<{ readonly name: string; readonly at: number; readonly isOptional: boolean }>
}

const headerOf = (names: ReadonlyArray<string>, { wanted, optional }: Options): Header => {
  const only = wanted === undefined ? undefined : new Set([...wanted, ...(optional ?? [])])
  const mayLack = new Set(optional)
  return {
    width: names.length,
    taken: names.flatMap((name, at) =>
      name === "" || (only !== undefined && !only.has(name))
        ? []
        : [{ name, at, isOptional: mayLack.has(name) }]
    )
  }
}

const raggedText = (cells: number, width: number) => {
  const text = `has ${count(cells, "cell")}, and the header ${count(width, "column")}`
  return cells > width ? `${text}: a cell that holds the delimiter must be in quotes` : text
}

const count = (n: number, noun: string) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`

const rowOf = (record: CsvRecord, header: Header): unknown => {
  const row: Record<string, string> = {}
  for (const { name, at, isOptional } of header.taken) {
    const cell = record.cells[at] ?? ""
    if (isOptional && cell === "") continue
    // Plain assignment is faster, and would take this name for the prototype.
    if (name === "__proto__") Object.defineProperty(row, name, { value: cell, enumerable: true })
    else row[name] = cell
  }
  return row
}

/** One object of texts a record, with the header's names. Lines without any character are passed over. */
export const format = (path: string, options: Options): Format<CsvRecord, never> => {
  const maxSize = options.maxLineBytes ?? TextFile.MAX_RECORD_BYTES
  let header: Header | undefined
  const setHeader = (names: ReadonlyArray<string>) => {
    header = headerOf(names, options)
  }
  return {
    unit: "line",
    open: (look) =>
      TextFile.open(path, () => new CsvSplitter(options, maxSize, setHeader), FileKind.csvProblem, look),
    valueOf: (record) => {
      if (record.problem !== undefined) {
        return new BadRecord(record, { detail: record.problem }, record.broken)
      }
      if (header === undefined) return undefined
      return record.cells.length === header.width
        ? rowOf(record, header)
        : new BadRecord(record, { detail: raggedText(record.cells.length, header.width) })
    }
  }
}
