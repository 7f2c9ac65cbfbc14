/** How rows are read that a schema describes, or that are rows of the command. */
import type * as Schema from "effect/Schema"
import type { HttpClient } from "effect/http/HttpClient"
import { Row, Source } from "@stint/batch"
import { Parquet } from "@stint/batch/parquet"
import type { At, Reader } from "../input/pieces.ts"

const checkedParquet = <S extends Schema.ConstraintCodec<unknown, unknown, never, never>>(
  { from, rows }: At,
  schema: S,
  key: (item: S["Type"]) => string
): Source.Checked<S["Type"], HttpClient> =>
  typeof from === "string"
    ? Parquet.checked(from, schema, { key, rows })
    : Parquet.checked(from, schema, { key, rows })

/** Rows that a schema describes. */
export const ofSchema =
  <S extends Schema.ConstraintCodec<unknown, unknown, never, never>>(
    schema: S,
    key: (item: S["Type"]) => string
  ): Reader<S["Type"]> =>
  (at) => {
    const path = String(at.from)
    switch (at.format) {
      case "jsonl":
        return Source.checked(path, schema, { key })
      case "csv":
        return Source.checkedCsv(path, schema, { key, ...at.csv })
      case "parquet":
        return checkedParquet(at, schema, key)
    }
  }

/** Rows of the command, whose columns may be mapped. */
export const ofRows =
  (kind: Row.Kind, mapping: Row.Mapping | undefined): Reader<Row.Row> =>
  (at) => {
    if (at.format !== "parquet") {
      return Row.checked(String(at.from), kind, { format: at.format, csv: at.csv, mapping })
    }
    const { from, rows } = at
    return typeof from === "string"
      ? Parquet.rows(from, kind, { mapping, rows })
      : Parquet.rows(from, kind, { mapping, rows })
  }
