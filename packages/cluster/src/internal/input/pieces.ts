/**
 * An input cut into pieces, each read by itself: found once, by whoever starts the run, and read by whoever has the chunk.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as HttpClient from "effect/http/HttpClient"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { crc32 } from "node:zlib"
import { ByteFile, Source } from "@stint/batch"
import { Parquet } from "@stint/batch/parquet"
import { type Format, type InputRef, nameOf } from "../../InputRef.ts"
import { type Cut, Cutter } from "./cutter.ts"
import * as MemoryFile from "./memoryFile.ts"
import * as TablePages from "./tablePages.ts"

/** Where a piece lies. */
export const Place = Schema.Union([
  Schema.TaggedStruct("Bytes", {
    header: Schema.Int,
    headerSum: Schema.Int,
    start: Schema.Int,
    parts: Schema.Array(Schema.Struct({ end: Schema.Int, sum: Schema.Int }))
  }),
  Schema.TaggedStruct("Rows", { start: Schema.Int, end: Schema.Int }),
  Schema.TaggedStruct("Keys", TablePages.Keys)
])

/** Where a piece lies. */
export type Place = typeof Place.Type

/** Some rows of an input that follow each other. */
export interface Piece {
  readonly place: Place
  readonly rows: number
}

/** An input that was read once. */
export interface Indexed {
  /** By which a change is noticed. */
  readonly stamp: string
  readonly rows: number
  readonly pieces: ReadonlyArray<Piece>
}

/** Where a reader is to read. */
export interface At {
  readonly from: string | URL
  readonly format: Format
  readonly csv?: { readonly delimiter?: string; readonly columns?: ReadonlyArray<string> } | undefined
  /** Of Parquet: only these rows. */
  readonly rows?: { readonly start: number; readonly end: number } | undefined
}

/** Reads rows, and checks them while they are read for the first time. */
export type Reader<In> = (at: At) => Source.Checked<In, HttpClient.HttpClient>

/** What reading an input can fail with. */
export type InputError = Source.SourceError | Source.InvalidInput | Source.InputChanged | SqlError

type Services = FileSystem.FileSystem | HttpClient.HttpClient | SqlClient.SqlClient | Scope.Scope

/** No piece of text is longer, but for one row that is. */
const PIECE_BYTES = 4 * 1024 * 1024
const READ_BYTES = 1024 * 1024
/** Of an object at a URL: few requests. */
const READ_REMOTE_BYTES = 8 * 1024 * 1024

const BASE = 256
const MOST = 1024
/** Chunks for each worker, before they become larger: so that none waits long for the last. */
const LEAST_CHUNKS = 8

/** How many rows a chunk has: 256, and up to 1,024 where each worker has eight chunks all the same. */
export const rowsFor = (total: number, workers: number): number => {
  const fair = Math.floor(total / (LEAST_CHUNKS * Math.max(1, workers)) / BASE)
  return BASE * Math.max(1, Math.min(MOST / BASE, fair))
}

const instead = "put it on storage that all workers share, and give the path"

const openBytes = (input: Exclude<InputRef, { readonly _tag: "Table" }>) =>
  input._tag === "File" ? ByteFile.openPath(input.path) : ByteFile.openUrl(input.url, { instead })

const stampText = ({ size, version }: ByteFile.Stamp) => `${size} bytes, ${version}`

/** Of text every byte has its checksum: a file is the same whatever its time, so that a copy or one that was touched is. */
const textStamp = (input: InputRef, stamp: ByteFile.Stamp) =>
  input._tag === "File" ? `${stamp.size} bytes` : stampText(stamp)

/** Adds cuts that follow each other, while they stay small enough. */
const joined = (
  cuts: ReadonlyArray<Cut>,
  head: { readonly header: number; readonly headerSum: number },
  rows: number
): ReadonlyArray<Piece> => {
  const pieces: Array<{ place: Extract<Place, { readonly _tag: "Bytes" }>; rows: number }> = []
  for (const cut of cuts) {
    const last = pieces.at(-1)
    const part = { end: cut.end, sum: cut.sum }
    if (last !== undefined && last.rows + cut.rows <= rows && cut.end - last.place.start <= PIECE_BYTES) {
      last.rows += cut.rows
      last.place = { ...last.place, parts: [...last.place.parts, part] }
    } else {
      pieces.push({ rows: cut.rows, place: { _tag: "Bytes", ...head, start: cut.start, parts: [part] } })
    }
  }
  return pieces
}

const fitsText = (key: string) => !key.includes("\u0000") && key.isWellFormed()

/** Reads all items; keys must be texts that Postgres can hold. */
const drain = <In, E, R>(
  name: string,
  items: Stream.Stream<In, E, R>,
  keyOf: (item: In) => string
): Effect.Effect<number, E | Source.SourceError, R> => {
  let count = 0
  return Effect.as(
    Stream.runForEachArray(items, (some) => {
      count += some.length
      const bad = some.find((item) => !fitsText(keyOf(item)))
      return bad === undefined
        ? Effect.void
        : new Source.SourceError({
            path: name,
            line: 0,
            detail: `the key ${JSON.stringify(keyOf(bad))} holds a NUL or half a character, which Postgres cannot keep`
          })
    }),
    0
  ).pipe(Effect.map(() => count))
}

const changedMeanwhile = (path: string) =>
  new Source.SourceError({
    path,
    line: 0,
    detail: "was changed while it was being checked. Run again once nobody writes to it"
  })

/** How an input is cut. */
export interface Options<In> {
  readonly input: InputRef
  readonly read: Reader<In>
  readonly key: (item: In) => string
  /** Rows of a chunk; by the number of workers where it is not said. */
  readonly chunk?: number | undefined
  readonly workers: number
}

const indexText = Effect.fnUntraced(function* <In>(
  { chunk, key, read, workers }: Options<In>,
  input: Exclude<InputRef, { readonly _tag: "Table" }>,
  format: "jsonl" | "csv"
) {
  const name = nameOf(input)
  const source = yield* openBytes(input)
  const { size } = source.stamp
  const cutter = new Cutter({
    format,
    hasHeader: input.csv?.columns === undefined,
    rows: chunk ?? BASE,
    bytes: PIECE_BYTES
  })
  const step = input._tag === "File" ? READ_BYTES : READ_REMOTE_BYTES
  let at = 0
  const pull = Effect.suspend(() => {
    if (at >= size) return Effect.succeed(undefined)
    const end = Math.min(size, at + step)
    return Effect.map(source.slice(at, end), (bytes) => {
      at = end
      cutter.update(bytes)
      return bytes
    })
  })
  const { items } = read({ from: name, format, csv: input.csv })
  const rows = yield* MemoryFile.reading(name, pull, size, drain(name, items, key))
  cutter.finish()
  const counted = cutter.cuts.reduce((sum, cut) => sum + cut.rows, 0)
  const now = yield* openBytes(input)
  if (stampText(now.stamp) !== stampText(source.stamp) || counted !== rows)
    return yield* changedMeanwhile(name)
  const { header } = cutter
  const head = { header, headerSum: crc32(yield* source.slice(0, header)) }
  return {
    stamp: textStamp(input, now.stamp),
    rows,
    pieces: joined(cutter.cuts, head, chunk ?? rowsFor(rows, workers))
  }
})

const indexParquet = Effect.fnUntraced(function* <In>(
  { chunk, key, read, workers }: Options<In>,
  input: Exclude<InputRef, { readonly _tag: "Table" }>
) {
  const name = nameOf(input)
  const from = input._tag === "File" ? input.path : input.url
  const { stamp } = yield* openBytes(input)
  const rows = yield* drain(name, read({ from, format: "parquet" }).items, key)
  const groups = yield* Parquet.groups(from)
  const now = yield* openBytes(input)
  if (stampText(now.stamp) !== stampText(stamp)) return yield* changedMeanwhile(name)
  const step = chunk ?? rowsFor(rows, workers)
  const pieces: Array<Piece> = []
  let first = 0
  for (const group of groups) {
    for (let start = first; start < first + group; start += step) {
      const end = Math.min(start + step, first + group)
      pieces.push({ place: { _tag: "Rows", start, end }, rows: end - start })
    }
    first += group
  }
  return { stamp: stampText(stamp), rows, pieces }
})

const indexTable = Effect.fnUntraced(function* <In>(
  { chunk, key, read, workers }: Options<In>,
  input: Extract<InputRef, { readonly _tag: "Table" }>
) {
  const name = nameOf(input)
  const table = yield* TablePages.open(input)
  const step = chunk ?? rowsFor(yield* table.count, workers)
  const pieces: Array<Piece> = []
  let after: string | null = null
  const pull = Effect.gen(function* () {
    const page: TablePages.Page | undefined = yield* table.after(after, step)
    if (page === undefined) return undefined
    pieces.push({
      rows: page.rows,
      place: { _tag: "Keys", after, upTo: page.last, sum: crc32(page.bytes) }
    })
    after = page.last
    return page.bytes
  })
  const rows = yield* MemoryFile.reading(
    name,
    pull,
    0,
    drain(name, read({ from: name, format: "jsonl" }).items, key)
  )
  return { stamp: "", rows, pieces }
})

/**
 * Reads the whole input once, so that whatever is wrong with it is told before anything is woken, and finds its pieces.
 */
export const index = <In>(options: Options<In>): Effect.Effect<Indexed, InputError, Services> => {
  const { input } = options
  const indexed: Effect.Effect<Indexed, InputError, Services> =
    input._tag === "Table"
      ? indexTable(options, input)
      : input.format === "parquet"
        ? indexParquet(options, input)
        : indexText(options, input, input.format)
  return Effect.catchTag(indexed, "InvalidInput", ({ count, path, problems, unit }) =>
    Effect.fail(
      new Source.InvalidInput({
        path,
        count,
        problems,
        ...(unit === undefined ? {} : { unit }),
        canSkip: false
      })
    )
  )
}

const changed = (path: string, detail: string) => new Source.InputChanged({ path, detail })

const readBytes = Effect.fnUntraced(function* (
  source: ByteFile.ByteFile,
  { header, headerSum, parts, start }: Extract<Place, { readonly _tag: "Bytes" }>,
  name: string
) {
  const head = yield* source.slice(0, header)
  if (crc32(head) !== headerSum) return yield* changed(name, "its first line is another")
  const body = yield* source.slice(start, parts.at(-1)?.end ?? start)
  let from = start
  for (const { end, sum } of parts) {
    if (crc32(body.subarray(from - start, end - start)) !== sum) {
      return yield* changed(name, `its bytes from ${from} to ${end} are others`)
    }
    from = end
  }
  return { head, body }
})

/** Reads one piece, and fails where it is not what it was. */
export const read = Effect.fnUntraced(function* <In>(
  input: InputRef,
  stamp: string,
  { place, rows }: Piece,
  reader: Reader<In>
): Effect.fn.Return<ReadonlyArray<In>, InputError, Services> {
  const name = nameOf(input)
  const text = (format: Format, size: number, pull: MemoryFile.Pull<InputError>) => {
    const csv = input._tag === "Table" ? undefined : input.csv
    return MemoryFile.reading(name, pull, size, Stream.runCollect(reader({ from: name, format, csv }).items))
  }
  let items: ReadonlyArray<In>
  if (input._tag === "Table") {
    const table = yield* TablePages.open(input)
    const keys = place._tag === "Keys" ? place : { after: null, upTo: "", sum: 0 }
    const bytes = yield* table.between(keys.after, keys.upTo)
    if (crc32(bytes) !== keys.sum) {
      return yield* changed(name, `its rows up to the key ${JSON.stringify(keys.upTo)} are others`)
    }
    items = yield* text("jsonl", bytes.length, MemoryFile.once(bytes))
  } else {
    const source = yield* openBytes(input)
    const now = place._tag === "Bytes" ? textStamp(input, source.stamp) : stampText(source.stamp)
    if (now !== stamp) return yield* changed(name, `it was ${stamp}, and is ${now}`)
    if (place._tag === "Bytes") {
      const { body, head } = yield* readBytes(source, place, name)
      items = yield* text(input.format, head.length + body.length, MemoryFile.once(head, body))
    } else {
      const from = input._tag === "File" ? input.path : input.url
      const part = place._tag === "Rows" ? { start: place.start, end: place.end } : { start: 0, end: 0 }
      items = yield* Stream.runCollect(reader({ from, format: "parquet", rows: part }).items)
    }
  }
  if (items.length !== rows) {
    return yield* changed(name, `a part of it had ${rows} rows and has ${items.length}`)
  }
  return items
})
