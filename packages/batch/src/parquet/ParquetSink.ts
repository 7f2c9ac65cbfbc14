/**
 * Rows as Parquet, a group of rows at a time.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer"
import type { FileFormat } from "../Sink.ts"
import type { Cell, Column } from "../Table.ts"

/** A group ends when it holds so much; one row always passes. Readers take a group at a time as well. */
const GROUP_ROWS = 65_536
const GROUP_BYTES = 8 * 1024 * 1024

const text = (name: string, repetition: "OPTIONAL" | "REQUIRED" = "OPTIONAL"): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
  repetition_type: repetition
})

/** A list, as readers of other languages expect it: three levels, and these names. */
const list = (name: string, element: ReadonlyArray<SchemaElement>): ReadonlyArray<SchemaElement> => [
  {
    name,
    repetition_type: "OPTIONAL",
    num_children: 1,
    converted_type: "LIST",
    logical_type: { type: "LIST" }
  },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ...element
]

const elementsOf = ({ name, type }: Column, at: number): ReadonlyArray<SchemaElement> => {
  switch (type) {
    case "text":
    case "json":
      return [text(name, at === 0 ? "REQUIRED" : "OPTIONAL")]
    case "integer":
      return [{ name, type: "INT64", repetition_type: "OPTIONAL" }]
    case "number":
      return [{ name, type: "DOUBLE", repetition_type: "OPTIONAL" }]
    case "numbers":
      return list(name, [{ name: "element", type: "FLOAT", repetition_type: "REQUIRED" }])
    case "labels":
      return list(name, [
        { name: "element", repetition_type: "REQUIRED", num_children: 2 },
        text("label", "REQUIRED"),
        { name: "score", type: "DOUBLE", repetition_type: "REQUIRED" }
      ])
    case "bytes":
      return [{ name, type: "BYTE_ARRAY", repetition_type: "OPTIONAL" }]
  }
}

// Not through a schema: it is a list that a table has looked at, and every number of every vector goes through here.
const parse = Option.liftThrowable((json: string): unknown => JSON.parse(json))

const valueOf = ({ type }: Column, cell: Cell): unknown => {
  if (cell === null) return null
  switch (type) {
    case "integer":
      return typeof cell === "number" ? BigInt(cell) : null
    case "numbers":
    case "labels":
      return typeof cell === "string" ? Option.getOrNull(parse(cell)) : cell
    case "bytes":
      return typeof cell === "string" ? Result.getOrElse(Base64.decode(cell), () => null) : null
    case "json":
      return typeof cell === "string" ? cell : JSON.stringify(cell)
    default:
      return cell
  }
}

const sizeOf = (cell: Cell): number =>
  typeof cell === "string" ? cell.length : Array.isArray(cell) ? 4 * cell.length : 8

/**
 * Vectors are written as they are: they do not repeat and do not shrink, so that a dictionary or a compression would cost
 * time alone.
 */
const optionsOf = ({ type }: Column): Partial<ColumnSource> =>
  type === "numbers"
    ? { encoding: "PLAIN", codec: "UNCOMPRESSED", statistics: false, offsetIndex: false }
    : type === "bytes"
      ? { encoding: "PLAIN", codec: "UNCOMPRESSED", statistics: false, offsetIndex: false }
      : { offsetIndex: false }

/**
 * Parquet with a column for each of the table's: text as strings, vectors as lists of 32-bit floats, labels as lists of
 * structs, whole numbers as 64-bit integers, pictures as bytes. Compressed with Snappy but for vectors and pictures. Written
 * in groups of at most 65,536 rows and about 8 MiB, of which one is held at a time.
 *
 * **Example** (Vectors as Parquet)
 *
 * ```ts
 * import { Sink, Table } from "@stint/batch"
 * import { ParquetSink } from "@stint/batch/parquet"
 *
 * const written = Sink.results("out", { format: ParquetSink.format, table: Table.rows("embed") })
 * ```
 */
export const format: FileFormat = {
  extension: "parquet",
  open: (columns) => {
    const bytes = new ByteWriter()
    const writer = new ParquetWriter({
      writer: bytes,
      schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(elementsOf)],
      createdBy: "stint"
    })
    let rows: Array<ReadonlyArray<Cell>> = []
    let size = 0

    const group = () => {
      if (rows.length === 0) return
      const held = rows
      rows = []
      size = 0
      void writer.write({
        columnData: columns.map((column, at) => ({
          name: column.name,
          data: held.map((cells) => valueOf(column, cells[at] ?? null)),
          ...optionsOf(column)
        })),
        rowGroupSize: held.length
      })
    }

    /** What was written since it was taken last. */
    const take = () => {
      const taken = bytes.getBytes().slice()
      bytes.index = 0
      return taken
    }

    return {
      write: (more) =>
        Effect.sync(() => {
          for (const cells of more) {
            rows.push(cells)
            for (const cell of cells) size += sizeOf(cell)
            if (rows.length >= GROUP_ROWS || size >= GROUP_BYTES) group()
          }
          return take()
        }),
      end: Effect.sync(() => {
        group()
        void writer.finish()
        return take()
      })
    }
  }
}
