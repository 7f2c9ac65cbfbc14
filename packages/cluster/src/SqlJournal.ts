/**
 * The journal of batch on rows of Postgres: the engine of one machine runs over a chunk, and what it makes durable are rows
 * of `stint_results`. What is done is skipped, what is changed is refused, and what failed is done again, as there.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import { Journal } from "@stint/batch"
import * as Writer from "./internal/results/writer.ts"

/** Which rows a journal is of. */
export interface Chunk {
  readonly runId: string
  readonly runAttempt: number
  /** The position of its first row in the input, counted from 0. */
  readonly first: number
  /** The keys of its rows, in their order. */
  readonly keys: ReadonlyArray<string>
}

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))
const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const textOf = (json: Schema.Json | undefined) => (json === undefined ? null : encodeJson(json))

const damaged = (key: string) =>
  new Journal.JournalError({ path: "in Postgres", detail: `the result of "${key}" is no JSON` })

const jsonOf = (key: string, text: string) => Effect.mapError(decodeJson(text), () => damaged(key))

/**
 * The journal of one chunk. Writes go through the process's one writer: with one statement goes whatever waits, of all of its
 * chunks, 256 rows at most.
 *
 * Equal requests are recognised within the chunk.
 */
export const ofChunk = Effect.fnUntraced(function* (
  chunk: Chunk,
  writer: Writer.Writer
): Effect.fn.Return<Journal.Journal, Journal.JournalError, SqlClient.SqlClient> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const { first, keys, runAttempt, runId } = chunk
  const positions = new Map(keys.map((key, index) => [key, first + index]))
  const found = yield* Effect.mapError(
    sql<{ row_key: string; position: string; fingerprint: string; succeeded: boolean }>`
      SELECT row_key, position::text AS position, fingerprint, succeeded FROM stint_results
      WHERE run_id = ${runId}::text::bigint AND position >= ${first} AND position < ${first + keys.length}`,
    Writer.toError
  )
  const known = new Map(
    found.map(({ fingerprint, row_key: key, succeeded }) => [key, { fingerprint, succeeded }])
  )
  const outputs = new Map(
    found.flatMap(({ fingerprint, position, row_key: key, succeeded }) =>
      succeeded ? [[fingerprint, { key, position: Number(position) }]] : []
    )
  )
  const rowOf = (entry: Journal.Entry): Writer.Row => ({
    runId,
    runAttempt,
    position: positions.get(entry.key) ?? first,
    key: entry.key,
    fingerprint: entry.fingerprint,
    succeeded: entry.tag === "Succeeded",
    attempts: entry.attempts,
    durationMillis: entry.durationMillis,
    output: textOf(entry.output),
    error: textOf(entry.error),
    input: textOf(entry.input)
  })
  return {
    lookup: (key) => known.get(key),
    knows: (fingerprint) => outputs.has(fingerprint),
    recall: Effect.fnUntraced(function* (fingerprint, key) {
      const place = outputs.get(fingerprint)
      if (place === undefined || (key !== undefined && key !== place.key)) return Option.none()
      const rows = yield* Effect.mapError(
        sql<{ output: string | null }>`SELECT output FROM stint_results
          WHERE run_id = ${runId}::text::bigint AND position = ${place.position} AND succeeded`,
        Writer.toError
      )
      const output = rows[0]?.output
      return output === null || output === undefined
        ? Option.none()
        : Option.some(yield* jsonOf(place.key, output))
    }),
    append: (entries) =>
      Effect.tap(writer.write(entries.map(rowOf)), () =>
        Effect.sync(() => {
          for (const { fingerprint, key, tag } of entries) {
            known.set(key, { fingerprint, succeeded: tag === "Succeeded" })
            const position = positions.get(key)
            if (tag === "Succeeded" && position !== undefined) outputs.set(fingerprint, { key, position })
          }
        })
      ),
    entries: Stream.empty,
    counts: Effect.sync(() => ({
      keys: known.size,
      succeeded: [...known.values()].filter(({ succeeded }) => succeeded).length
    }))
  }
})

/** How many rows are read at once; the next are asked for when these are used. */
const PAGE = 500

interface Found {
  readonly position: string
  readonly row_key: string
  readonly fingerprint: string
  readonly succeeded: boolean
  readonly attempts: number
  readonly duration_ms: number
  readonly output: string | null
  readonly error: string | null
  readonly input: string | null
}

const entryOf = Effect.fnUntraced(function* (
  row: Found
): Effect.fn.Return<Journal.Entry, Journal.JournalError> {
  const { error, input, output, row_key: key } = row
  return {
    key,
    fingerprint: row.fingerprint,
    tag: row.succeeded ? "Succeeded" : "Failed",
    attempts: row.attempts,
    durationMillis: row.duration_ms,
    ...(output === null ? {} : { output: yield* jsonOf(key, output) }),
    ...(error === null ? {} : { error: yield* jsonOf(key, error) }),
    ...(input === null ? {} : { input: yield* jsonOf(key, input) })
  }
})

const storedOf = (row: Found): Journal.Stored => ({
  key: row.row_key,
  tag: row.succeeded ? "Succeeded" : "Failed",
  output: row.succeeded && row.output !== null ? row.output : undefined,
  entry: entryOf(row)
})

/**
 * All results of a run, to be read: in the order of the input, a page of 500 rows at a time, so that memory does not grow with
 * the run. `Sink.results` of batch writes them to files of any kind.
 */
export const ofRun = Effect.fnUntraced(function* (
  runId: string
): Effect.fn.Return<Journal.Journal, never, SqlClient.SqlClient> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const page = (after: string) =>
    Effect.mapError(
      sql<Found>`SELECT position::text AS position, row_key, fingerprint, succeeded, attempts, duration_ms, output, error, input
        FROM stint_results WHERE run_id = ${runId}::text::bigint AND position > ${after}::text::bigint
        ORDER BY stint_results.position LIMIT ${PAGE}`,
      Writer.toError
    )
  const stored = Stream.paginate("-1", (after: string) =>
    Effect.map(page(after), (rows) => {
      const last = rows.at(-1)
      const records = rows.map(storedOf)
      const next =
        last === undefined || rows.length < PAGE ? Option.none<string>() : Option.some(last.position)
      return [Arr.isArrayNonEmpty(records) ? [records] : [], next]
    })
  )
  const counts = sql<{ keys: number; succeeded: number }>`
    SELECT count(*)::float8 AS keys, (count(*) FILTER (WHERE succeeded))::float8 AS succeeded
    FROM stint_results WHERE run_id = ${runId}::text::bigint`
  const readOnly = new Journal.JournalError({
    path: "in Postgres",
    detail: "these results are only to be read"
  })
  return {
    lookup: () => undefined,
    knows: () => false,
    recall: () => Effect.succeedNone,
    append: () => Effect.fail(readOnly),
    entries: Stream.flatMap(stored, (records) =>
      Stream.mapEffect(Stream.fromIterable(records), ({ entry }) => entry)
    ),
    stored,
    counts: Effect.orDie(Effect.map(counts, (rows) => rows[0] ?? { keys: 0, succeeded: 0 }))
  }
})
