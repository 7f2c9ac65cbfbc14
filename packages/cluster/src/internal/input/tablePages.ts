/**
 * The rows of a query, as lines of JSON, a page at a time, in the order of a key.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Source } from "@stint/batch"
import type { InputRef } from "../../InputRef.ts"
import { innermost } from "../innermost.ts"
import { isTransient } from "../results/transient.ts"

/** The rows after one key and up to another, and their checksum. */
export const Keys = { after: Schema.NullOr(Schema.String), upTo: Schema.String, sum: Schema.Int }

/** Some rows. */
export interface Page {
  readonly rows: number
  /** The last one's key. */
  readonly last: string
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()

const bytesOf = (rows: ReadonlyArray<{ readonly stint_row: string }>) =>
  encoder.encode(rows.map(({ stint_row: row }) => `${row}\n`).join(""))

/** What is wrong with the query; a database that is away for a moment is no fault of the input. */
const toError = (error: SqlError) =>
  isTransient(error)
    ? error
    : new Source.SourceError({
        path: "of the query",
        line: 0,
        detail: `Postgres says: ${innermost(error)}. The query is written into the run: start another run with one that is right`
      })

/** Looks at a query, so that its rows can be asked for. */
export const open = Effect.fnUntraced(function* ({
  key,
  query
}: Extract<InputRef, { readonly _tag: "Table" }>) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = sql`(${sql.literal(query.trim().replace(/;+$/, ""))}) AS stint_input`
  // As the query names it, whatever else has that name.
  const column = sql`stint_input.${sql(key)}`
  const typed = yield* Effect.mapError(
    sql<{ type: string }>`SELECT pg_typeof(${column})::text AS type FROM ${rows} LIMIT 1`,
    toError
  )
  // A type's own name, as the database writes it.
  const type = sql.literal(typed[0]?.type ?? "text")
  const select = sql`SELECT row_to_json(stint_input)::text AS stint_row, ${column}::text AS stint_key FROM ${rows}`
  const pageOf = (
    found: ReadonlyArray<{ readonly stint_row: string; readonly stint_key: string }>
  ): Page | undefined => {
    const last = found.at(-1)
    return last && { rows: found.length, last: last.stint_key, bytes: bytesOf(found) }
  }
  const unique = Effect.flatMap(
    sql<{
      key: string
    }>`SELECT ${column}::text AS key FROM ${rows} GROUP BY ${column} HAVING count(*) > 1 OR ${column} IS NULL LIMIT 1`,
    (found) =>
      found.length === 0
        ? Effect.void
        : new Source.SourceError({
            path: "the table",
            line: 0,
            detail: `its key ${JSON.stringify(found[0]?.key ?? null)} is not unique, or null: choose a column whose values are`
          })
  )
  return {
    /** How many rows there are; it fails where the key is not one. */
    count: Effect.gen(function* () {
      yield* unique
      const counted = yield* sql<{ rows: number }>`SELECT count(*)::float8 AS rows FROM ${rows}`
      return counted[0]?.rows ?? 0
    }).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(toError(error)))),
    /** So many rows after a key, if there are any. */
    after: (key: string | null, limit: number) =>
      Effect.mapError(
        Effect.map(
          key === null
            ? sql<{ stint_row: string; stint_key: string }>`${select} ORDER BY ${column} LIMIT ${limit}`
            : sql<{
                stint_row: string
                stint_key: string
              }>`${select} WHERE ${column} > (${key}::text)::${type} ORDER BY ${column} LIMIT ${limit}`,
          pageOf
        ),
        toError
      ),
    /** The rows after a key, up to another one. */
    between: (after: string | null, upTo: string) =>
      Effect.mapError(
        Effect.map(
          after === null
            ? sql<{
                stint_row: string
              }>`${select} WHERE ${column} <= (${upTo}::text)::${type} ORDER BY ${column}`
            : sql<{
                stint_row: string
              }>`${select} WHERE ${column} > (${after}::text)::${type} AND ${column} <= (${upTo}::text)::${type} ORDER BY ${column}`,
          bytesOf
        ),
        toError
      )
  }
})
