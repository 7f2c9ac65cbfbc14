/**
 * Rows as CSV: RFC 4180 with `\n` at the end of a line, UTF-8 without a byte order mark.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Csv from "effect/encoding/Csv"
import type { FileFormat } from "../../Sink.ts"
import type { Cell, Column } from "../../Table.ts"

const NEWLINE = "\n"

const textOf = (cell: Cell): string =>
  cell === null ? "" : typeof cell === "string" ? cell : JSON.stringify(cell)

const encode = (rows: ReadonlyArray<ReadonlyArray<string>>): Effect.Effect<Uint8Array> =>
  Stream.mkUint8Array(Stream.pipeThroughChannel(Stream.fromArray(rows), Csv.encode({ newline: NEWLINE })))

export const format: FileFormat = {
  extension: "csv",
  open: (columns: ReadonlyArray<Column>) => {
    let header: ReadonlyArray<ReadonlyArray<string>> = [columns.map(({ name }) => name)]
    const take = (rows: ReadonlyArray<ReadonlyArray<string>>) => {
      const all = [...header, ...rows]
      header = []
      return encode(all)
    }
    return {
      write: (rows) => Effect.suspend(() => take(rows.map((cells) => cells.map(textOf)))),
      end: Effect.suspend(() => take([]))
    }
  }
}
