/**
 * Runs and their chunks, as rows. What changes the state of a run is one statement that says from which state, so that it does
 * not matter who comes first.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { InputRef } from "../../InputRef.ts"
import { RunSettings } from "../../RunSettings.ts"
import { type Piece, Place } from "../input/pieces.ts"
import { bounded } from "../transaction.ts"

/** `enqueuing` and `running` go on; the others are the end of an attempt. */
export const State = Schema.Literals(["enqueuing", "running", "finished", "failed", "cancelled"])

/** Where a run stands. */
export type State = typeof State.Type

const decodeState = Schema.decodeUnknownSync(State)
const SettingsText = Schema.fromJsonString(Schema.toCodecJson(RunSettings))
const InputText = Schema.fromJsonString(Schema.toCodecJson(InputRef))
const PlaceText = Schema.fromJsonString(Place)
const encodeSettings = Schema.encodeSync(SettingsText)
const encodeInput = Schema.encodeSync(InputText)
const encodePlace = Schema.encodeSync(PlaceText)
const decodeSettings = Schema.decodeUnknownSync(SettingsText)
const decodeInput = Schema.decodeUnknownSync(InputText)
const decodePlace = Schema.decodeUnknownSync(PlaceText)

/** A run, as it is kept. */
export interface Run {
  readonly id: string
  readonly run: string
  readonly definition: string
  readonly attempt: number
  readonly state: State
  readonly settings: RunSettings
  readonly input: InputRef
  readonly stamp: string | undefined
  readonly token: string | undefined
  readonly error: string | undefined
  readonly items: number | undefined
  readonly chunks: number | undefined
  readonly chunksDone: number
  readonly report: string | undefined
}

interface RunRow {
  readonly id: string
  readonly run: string
  readonly definition: string
  readonly attempt: number
  readonly state: string
  readonly settings: string
  readonly input: string
  readonly stamp: string | null
  readonly token: string | null
  readonly error: string | null
  readonly items: number | null
  readonly chunks: number | null
  readonly chunks_done: number
  readonly report: string | null
}

const runOf = (row: RunRow): Run => ({
  id: row.id,
  run: row.run,
  definition: row.definition,
  attempt: row.attempt,
  state: decodeState(row.state),
  settings: decodeSettings(row.settings),
  input: decodeInput(row.input),
  stamp: row.stamp ?? undefined,
  token: row.token ?? undefined,
  error: row.error ?? undefined,
  items: row.items ?? undefined,
  chunks: row.chunks ?? undefined,
  chunksDone: row.chunks_done,
  report: row.report ?? undefined
})

/** A chunk of a run. */
export interface Chunk extends Piece {
  readonly number: number
  readonly first: number
  readonly isDone: boolean
}

/** What a chunk came to. */
export interface ChunkEnd {
  readonly failed: number
  readonly attempts: number
  readonly faults: string
}

/** The report of a run whose purge has begun: what is left of it is not whole, and nothing goes on with it. */
export const PURGED = "purged"

/** How many rows one statement writes. */
const GROUP = 500

export const make = Effect.map(SqlClient.SqlClient, (client) => {
  const sql = client.withoutTransforms()
  const columns = sql.literal(
    "id::text AS id, run, definition, attempt, state, settings, input, stamp, token, error, items::float8 AS items, chunks, chunks_done, report"
  )
  const one = (rows: ReadonlyArray<RunRow>) => {
    const row = rows[0]
    return row && runOf(row)
  }
  const inTransaction = <A, E, R>(use: Effect.Effect<A, E, R>) => bounded(sql, use)
  const isLive = sql.literal("state IN ('enqueuing', 'running')")
  const bigint = (id: string) => sql`${id}::text::bigint`

  return {
    /** Writes a new run down; nothing where its name is taken. */
    create: (run: {
      readonly run: string
      readonly definition: string
      readonly settings: RunSettings
      readonly input: InputRef
    }): Effect.Effect<Run | undefined, SqlError> =>
      Effect.map(
        sql<RunRow>`INSERT INTO stint_runs (run, definition, endpoint, settings, input, state)
          VALUES (${run.run}, ${run.definition}, ${run.settings.endpoint.name}, ${encodeSettings(run.settings)}, ${encodeInput(run.input)}, 'enqueuing')
          ON CONFLICT (run) DO NOTHING RETURNING ${columns}`,
        one
      ),
    /** Whether a run is of the same. */
    isSame: (run: Run, settings: RunSettings, input: InputRef): boolean =>
      encodeSettings(run.settings) === encodeSettings(settings) &&
      encodeInput(run.input) === encodeInput(input),
    find: (run: string): Effect.Effect<Run | undefined, SqlError> =>
      Effect.map(sql<RunRow>`SELECT ${columns} FROM stint_runs WHERE run = ${run}`, one),
    get: (id: string): Effect.Effect<Run | undefined, SqlError> =>
      Effect.map(sql<RunRow>`SELECT ${columns} FROM stint_runs WHERE id = ${bigint(id)}`, one),
    setToken: (id: string, attempt: number, token: string) =>
      sql`UPDATE stint_runs SET token = ${token} WHERE id = ${bigint(id)} AND attempt = ${attempt}`,

    /** Writes the pieces of an input down, all or none; where that was done already, what is there is being worked on. */
    cut: (id: string, attempt: number, stamp: string, pieces: ReadonlyArray<Piece>) =>
      Effect.gen(function* () {
        const open = yield* sql`SELECT 1 FROM stint_runs
          WHERE id = ${bigint(id)} AND attempt = ${attempt} AND ${isLive} AND items IS NULL FOR UPDATE`
        if (open.length === 0) return
        yield* sql`DELETE FROM stint_chunks WHERE run_id = ${bigint(id)}`
        let items = 0
        for (let from = 0; from < pieces.length; from += GROUP) {
          const group = pieces.slice(from, from + GROUP)
          const firsts = group.map(({ rows }) => {
            const first = items
            items += rows
            return String(first)
          })
          yield* sql`INSERT INTO stint_chunks (run_id, number, first, items, place)
            SELECT ${bigint(id)}, * FROM unnest(${group.map((_, index) => String(from + index))}::text[]::int[], ${firsts}::text[]::bigint[],
              ${group.map(({ rows }) => String(rows))}::text[]::int[], ${group.map(({ place }) => encodePlace(place))}::text[])`
        }
        yield* sql`UPDATE stint_runs SET stamp = ${stamp}, items = ${items}, chunks = ${pieces.length}, started_at = clock_timestamp()
          WHERE id = ${bigint(id)} AND attempt = ${attempt} AND ${isLive}`
      }).pipe(inTransaction),
    /** The chunks that are left, some at a time. */
    left: (id: string, after: number) =>
      Effect.map(
        sql<{
          number: number
        }>`SELECT number FROM stint_chunks WHERE run_id = ${bigint(id)} AND NOT done AND number > ${after}
          ORDER BY number LIMIT ${GROUP}`,
        (rows) => rows.map(({ number }) => number)
      ),
    /** All chunks are in the queue; whether none is left to be done. */
    enqueued: (id: string, attempt: number) =>
      Effect.map(
        sql<{
          drained: boolean
        }>`UPDATE stint_runs SET state = CASE WHEN state = 'enqueuing' THEN 'running' ELSE state END
          WHERE id = ${bigint(id)} AND attempt = ${attempt} RETURNING chunks_done >= chunks AS drained`,
        (rows) => rows[0]?.drained === true
      ),

    /** A chunk and its run. */
    chunk: (id: string, number: number): Effect.Effect<Chunk | undefined, SqlError> =>
      Effect.map(
        sql<{ number: number; first: number; items: number; place: string; done: boolean }>`
          SELECT number, first::float8 AS first, items, place, done FROM stint_chunks
          WHERE run_id = ${bigint(id)} AND number = ${number}`,
        ([row]) =>
          row && {
            number: row.number,
            first: row.first,
            rows: row.items,
            place: decodePlace(row.place),
            isDone: row.done
          }
      ),
    taken: (id: string, number: number, worker: string) =>
      sql`UPDATE stint_chunks SET worker = ${worker}, taken_at = clock_timestamp() WHERE run_id = ${bigint(id)} AND number = ${number}`,
    /**
     * A chunk is done; whether it was the last of its run. Of an attempt that is over nothing is written: the one after it finds
     * the chunk's results and counts it. The run's row is taken first, so that no attempt begins in between.
     */
    finish: (id: string, attempt: number, number: number, end: ChunkEnd) =>
      Effect.map(
        sql<{ drained: boolean }>`
          WITH current AS (
            SELECT id FROM stint_runs WHERE id = ${bigint(id)} AND attempt = ${attempt} FOR UPDATE
          ), moved AS (
            UPDATE stint_chunks SET done = true, done_at = clock_timestamp(), failed = ${end.failed},
              attempts = attempts + ${end.attempts}, faults = ${end.faults}
            FROM current WHERE run_id = current.id AND number = ${number} AND NOT done RETURNING 1
          )
          UPDATE stint_runs SET chunks_done = chunks_done + (SELECT count(*) FROM moved)
          WHERE id = ${bigint(id)} AND attempt = ${attempt}
          RETURNING state = 'running' AND chunks_done >= chunks AS drained`,
        (rows) => rows[0]?.drained === true
      ),
    /** Ends an attempt before its work is done; the token of whoever waits for it, if it was not over already. */
    stop: (id: string, attempt: number, state: "failed" | "cancelled", error: string | null) =>
      Effect.map(
        sql<{
          token: string | null
        }>`UPDATE stint_runs SET state = ${state}, error = ${error}, finished_at = clock_timestamp()
          WHERE id = ${bigint(id)} AND attempt = ${attempt} AND ${isLive} RETURNING token`,
        (rows) => rows[0]?.token ?? undefined
      ),
    /** Writes down what an attempt came to. */
    report: (id: string, attempt: number, report: string) =>
      sql`UPDATE stint_runs SET report = ${report}, state = CASE WHEN ${isLive} THEN 'finished' ELSE state END,
          finished_at = coalesce(finished_at, clock_timestamp())
        WHERE id = ${bigint(id)} AND attempt = ${attempt} AND report IS DISTINCT FROM ${PURGED}`,
    /** Begins another attempt of a run that is over: chunks that are not done, and those with items that failed. */
    again: (id: string, attempt: number): Effect.Effect<Run | undefined, SqlError> =>
      Effect.gen(function* () {
        const run = one(
          yield* sql<RunRow>`UPDATE stint_runs SET attempt = attempt + 1, state = 'enqueuing', error = NULL, report = NULL,
              token = NULL, finished_at = NULL, started_at = clock_timestamp()
            WHERE id = ${bigint(id)} AND attempt = ${attempt} AND NOT ${isLive} AND report <> ${PURGED} RETURNING ${columns}`
        )
        if (run === undefined) return undefined
        yield* sql`UPDATE stint_chunks SET done = false WHERE run_id = ${bigint(id)} AND done AND failed > 0`
        yield* sql`UPDATE stint_runs SET chunks_done =
            (SELECT count(*) FROM stint_chunks WHERE run_id = ${bigint(id)} AND done) WHERE id = ${bigint(id)}`
        return run
      }).pipe(inTransaction),
    /** Begins the purge of a run that is over, or goes on with one; whether it was so. From then on it cannot be gone on with. */
    forget: (id: string, attempt: number): Effect.Effect<boolean, SqlError> =>
      Effect.gen(function* () {
        const marked =
          yield* sql`UPDATE stint_runs SET report = ${PURGED}, state = 'cancelled', error = NULL, token = NULL,
            items = NULL, chunks = NULL, chunks_done = 0
          WHERE id = ${bigint(id)} AND attempt = ${attempt} AND NOT ${isLive} AND report IS NOT NULL RETURNING 1`
        if (marked.length === 0) return false
        yield* sql`DELETE FROM stint_chunks WHERE run_id = ${bigint(id)}`
        return true
      }).pipe(inTransaction),
    /** Of some runs those that are over, or at another attempt. */
    over: (ids: ReadonlyArray<string>) =>
      sql<{ id: string; attempt: number; live: boolean }>`
        SELECT id::text AS id, attempt, ${isLive} AS live FROM stint_runs WHERE id = ANY (${ids}::text[]::bigint[])`
  }
})

/** Runs and their chunks, as rows. */
export type Runs = Effect.Success<typeof make>
