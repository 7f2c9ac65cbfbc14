/**
 * The rows of a Parquet file, a group of rows at a time: what is held of the file is one group as it is stored, and of
 * its values no more than a slice.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import { type FileMetaData, type RowGroup, parquetMetadata, parquetScan, parquetSchema } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { listed } from "../../internal/input/csvFile.ts"
import * as FileKind from "../../internal/input/fileKind.ts"
import { BadRecord, type Entry, type Format, type Look, Unusable } from "../../internal/input/records.ts"
import type { ByteFile } from "../../internal/input/byteFile.ts"
import { type Column, type Selection, select } from "./columns.ts"
import { Unreadable, parsers } from "./columnValues.ts"
import { MAX_FOOTER_BYTES } from "./footer.ts"

/** What of a group is made values at once; a smaller group as a whole, so that each of its pages is unpacked once. */
const SLICE_BYTES = 64 * 1024 * 1024
const WHOLE_BYTES = 128 * 1024 * 1024

/** The largest group that is taken, as it is stored, of the columns that are read. */
const MAX_GROUP_BYTES = 1024 * 1024 * 1024

/** Rows that are given at once. */
const PIECE = 2048

/** Columns that stand this close are read together. */
const GAP_BYTES = 256 * 1024

/** From `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** How Parquet is read. */
export interface Options {
  /** The columns that are wanted; each must be there. Default: all of them. */
  readonly wanted?: ReadonlyArray<string> | undefined
  /** Columns that are taken where they are there. */
  readonly optional?: ReadonlyArray<string> | undefined
  /** Whether a column of bytes that is not marked as text is text still, as some old writers have it. Default: `bytes`. */
  readonly binary?: "bytes" | "text" | undefined
  /** Only the rows from `start` to before `end`, counted from 0: of groups without any of them nothing is read. */
  readonly rows?: Range | undefined
}

/** Some rows, by columns. */
interface Slice {
  readonly columns: ReadonlyArray<Column>
  readonly data: ReadonlyArray<ArrayLike<unknown>>
}

/** One row. */
export class ParquetRow implements Entry {
  readonly number: number
  private readonly slice: Slice
  private readonly at: number

  constructor(number: number, slice: Slice, at: number) {
    this.number = number
    this.slice = slice
    this.at = at
  }

  value(): unknown {
    const { columns, data } = this.slice
    const row: Record<string, unknown> = {}
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]
      if (column === undefined) break
      const value = column.convert(data[index]?.[this.at])
      if (value instanceof Unreadable)
        return new BadRecord(this, { field: column.name, detail: value.detail })
      if (column.name === "__proto__") Object.defineProperty(row, column.name, { value, enumerable: true })
      else row[column.name] = value
    }
    return row
  }

  get text(): string {
    const { columns, data } = this.slice
    const row = columns.map(({ name, convert }, index) => {
      const value = convert(data[index]?.[this.at])
      return [name, value instanceof Unreadable ? null : value] as const
    })
    return JSON.stringify(Object.fromEntries(row), (_, value: unknown) =>
      value instanceof Uint8Array ? `${value.length} bytes` : value
    )
  }
}

const unusable = (detail: string) => new Unusable(detail)
const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024).toLocaleString("en-US")} MB`
const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const readMetadata = Effect.fnUntraced(function* <E>(file: ByteFile<E>) {
  const head = yield* file.slice(0, Math.min(6, file.size))
  const problem = FileKind.parquetProblem(head)
  if (problem !== undefined) return yield* Effect.fail(unusable(problem))
  if (file.size < 12) return yield* Effect.fail(unusable("is cut off: it has no footer"))
  const tail = yield* file.slice(file.size - 8, file.size)
  if (FileKind.parquetProblem(tail.subarray(4)) !== undefined) {
    return yield* Effect.fail(unusable("is cut off, or still being written: it does not end with PAR1"))
  }
  const length = new DataView(tail.buffer).getUint32(0, true) + 8
  if (length > Math.min(file.size, MAX_FOOTER_BYTES)) {
    return yield* Effect.fail(unusable(`is broken: its footer claims ${megabytes(length)}`))
  }
  const footer = yield* file.slice(file.size - length, file.size)
  return yield* Effect.try({
    try: () => parquetMetadata(footer.buffer, { geoparquet: false }),
    catch: (cause) => unusable(`is broken: its footer cannot be read (${messageOf(cause)})`)
  })
})

/** Where a group's columns are stored, those together that stand close. */
const rangesOf = (group: RowGroup, selection: Selection, index: number): ReadonlyArray<Range> | Unusable => {
  const ranges: Array<Range> = []
  for (const { file_path: path, meta_data: meta } of group.columns) {
    const name = meta?.path_in_schema[0]
    if (meta === undefined) return unusable("is encrypted, which cannot be read here")
    if (name === undefined || !selection.names.has(name)) continue
    if (path !== undefined)
      return unusable(`keeps column ${name} in another file, ${path}, which cannot be read here`)
    if (meta.codec !== "UNCOMPRESSED" && compressors[meta.codec] === undefined) {
      return unusable(`has column ${name} compressed with ${meta.codec}, which cannot be read here`)
    }
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
    ranges.push({ start, end: start + Number(meta.total_compressed_size) })
  }
  const joined: Array<Range> = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1)
    if (last !== undefined && range.start <= last.end + GAP_BYTES) {
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) }
    } else joined.push(range)
  }
  const size = joined.reduce((sum, { start, end }) => sum + end - start, 0)
  return size > MAX_GROUP_BYTES
    ? unusable(
        `has ${megabytes(size)} of the columns that are read in its group of rows ${index + 1}, and ${megabytes(MAX_GROUP_BYTES)} may be there: write it again with smaller groups`
      )
    : joined
}

/** The stored bytes of a group, as the reader of the file asks for them. */
const held = (size: number, parts: ReadonlyArray<Range & { readonly bytes: Uint8Array<ArrayBuffer> }>) => ({
  byteLength: size,
  slice: (start: number, end: number = size): ArrayBuffer => {
    const part = parts.find((one) => one.start <= start && end <= one.end)
    if (part === undefined) throw new Error("it asks for bytes of no column")
    const { buffer } = part.bytes
    const from = start - part.start
    return from === 0 && end === part.end ? buffer : buffer.slice(from, end - part.start)
  }
})

/** How many rows of a group are made values at once. */
const sliceRows = (group: RowGroup, selection: Selection) => {
  const rows = Number(group.num_rows)
  let size = 0
  for (const { meta_data: meta } of group.columns) {
    if (selection.names.has(meta?.path_in_schema[0] ?? "")) size += Number(meta?.total_uncompressed_size ?? 0)
  }
  return size <= WHOLE_BYTES ? rows : Math.max(PIECE, Math.ceil((rows * SLICE_BYTES) / size))
}

/** How many rows each group of a file has. */
export const groupSizes = <E>(file: ByteFile<E>): Effect.Effect<ReadonlyArray<number>, Unusable | E> =>
  Effect.map(readMetadata(file), ({ row_groups: groups }) => groups.map(({ num_rows: rows }) => Number(rows)))

/** The groups that hold any of the rows, and which of their own those are. */
const groupsOf = (metadata: FileMetaData, wanted: Range | undefined) => {
  let first = 0
  return metadata.row_groups.flatMap((group, index) => {
    const start = Math.max(0, (wanted?.start ?? 0) - first)
    const end = Math.min(Number(group.num_rows), (wanted?.end ?? Infinity) - first)
    first += Number(group.num_rows)
    return start < end ? [{ group, index, rows: { start, end } }] : []
  })
}

/** The slices of a group, one after the other. */
const openGroup = Effect.fnUntraced(function* <E>(
  file: ByteFile<E>,
  metadata: FileMetaData,
  { group, index, rows }: ReturnType<typeof groupsOf>[number],
  selection: Selection
) {
  const ranges = rangesOf(group, selection, index)
  if (ranges instanceof Unusable) return yield* Effect.fail(ranges)
  const parts = yield* Effect.forEach(ranges, (range) =>
    Effect.map(file.slice(range.start, range.end), (bytes) => ({ ...range, bytes }))
  )
  const step = sliceRows(group, selection)
  const toError = (name: string) => (cause: unknown) =>
    unusable(`cannot be read in its group of rows ${index + 1}, column ${name}: ${messageOf(cause)}`)
  const scan = yield* Effect.tryPromise({
    try: () =>
      parquetScan({
        file: held(file.size, parts),
        metadata: { ...metadata, schema: selection.schema, row_groups: [group], num_rows: group.num_rows },
        columns: selection.columns.map(({ name }) => name),
        compressors,
        parsers,
        utf8: false,
        geoparquet: false,
        useOffsetIndex: false
      }),
    catch: toError(listed([...selection.names]))
  })
  let at = rows.start
  return Effect.suspend((): Effect.Effect<(Slice & { readonly rows: number }) | undefined, Unusable> => {
    if (at >= rows.end) return Effect.succeed(undefined)
    const rowStart = at
    const rowEnd = Math.min(at + step, rows.end)
    at = rowEnd
    return Effect.map(
      Effect.forEach(selection.columns, ({ name }) =>
        Effect.tryPromise({
          try: (): Promise<ArrayLike<unknown>> => scan.readColumn({ column: name, rowStart, rowEnd }),
          catch: toError(name)
        })
      ),
      (data) => ({ columns: selection.columns, data, rows: rowEnd - rowStart })
    )
  })
})

/** The rows of an open file; `before` is how many were read of others. */
export const rowsOf = Effect.fnUntraced(function* <E>(file: ByteFile<E>, options: Options, before: number) {
  const metadata = yield* readMetadata(file)
  const tree = yield* Effect.try({
    try: () => parquetSchema(metadata),
    catch: (cause) => unusable(`is broken: its schema cannot be read (${messageOf(cause)})`)
  })
  const selection = select(metadata.schema, tree, options)
  if (typeof selection === "string") return yield* Effect.fail(unusable(selection))
  const groups = groupsOf(metadata, options.rows)
  let group = 0
  let slices: Effect.Success<ReturnType<typeof openGroup<E>>> | undefined
  let slice: (Slice & { readonly rows: number }) | undefined
  let at = 0
  let count = before + (options.rows?.start ?? 0)

  const take = (from: Slice & { readonly rows: number }) => {
    const end = Math.min(at + PIECE, from.rows)
    const rows: Array<ParquetRow> = []
    for (; at < end; at++) rows.push(new ParquetRow(++count, from, at))
    if (at === from.rows) slice = undefined
    return rows
  }

  const next: Effect.Effect<ReadonlyArray<ParquetRow> | undefined, Unusable | E> = Effect.gen(function* () {
    while (slice === undefined) {
      if (slices === undefined) {
        const following = groups[group]
        if (following === undefined) return undefined
        slices = yield* openGroup(file, metadata, following, selection)
        group++
      }
      slice = yield* slices
      at = 0
      if (slice === undefined) slices = undefined
    }
    return take(slice)
  })
  return { next, count: () => count }
})

/** One object a row, with the values of the columns that are wanted. */
export const format = <R>(
  open: <E>(
    look: Look<E> | undefined
  ) => Effect.Effect<ByteFile<E>, Unusable | E, FileSystem.FileSystem | R | Scope.Scope>,
  options: Options
): Format<ParquetRow, R> => ({
  unit: "row",
  valueOf: (row) => row.value(),
  open: Effect.fnUntraced(function* <E>(look: Look<E> | undefined) {
    return yield* rowsOf(yield* open(look), options, 0)
  })
})
