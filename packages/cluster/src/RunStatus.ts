/**
 * How far a run of the cluster is, as its rows say.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Cost } from "@stint/batch"
import { nameOf } from "./InputRef.ts"
import * as Accounts from "./internal/run/accounts.ts"
import * as Runs from "./internal/run/runs.ts"
import { RunNotFound, fromText } from "./RunError.ts"

/** Where a run stands: `enqueuing` and `running` go on, the others are the end of an attempt. */
export const State = Runs.State

/** Where a run stands. */
export type State = Runs.State

/** A worker, as it was heard of last. */
export const WorkerStatus = Schema.Struct({
  worker: Schema.String,
  host: Schema.String,
  state: Schema.String,
  definitions: Schema.Array(Schema.String),
  /** Requests in flight, and how many may be. */
  inFlight: Schema.Int,
  share: Schema.Int,
  /** Items since it began, and how many a second of late. */
  items: Schema.Finite,
  rate: Schema.Finite,
  /** Since it was heard of. */
  silentMillis: Schema.Finite
})

/** A worker, as it was heard of last. */
export type WorkerStatus = typeof WorkerStatus.Type

/**
 * How far a run is.
 *
 * | field | means |
 * | --- | --- |
 * | `items`, `chunks` | there once the input was read |
 * | `itemsDone` | of chunks that are done: those in the middle of one are not among them |
 * | `itemsFailed` | of these |
 * | `rate` | items a second of the workers that are at it, all runs together |
 * | `limit` | requests that may be in flight, while anybody is at it |
 * | `error` | why it stopped |
 * | `bill` | what the attempt has cost by now, from the first worker's first call to the last one's release; with what each has seen |
 *
 * The bill is what all workers together have seen to be billed, on the database's clock, as the bill of one machine is what one
 * has seen: of two looks the dearer counts for the time between them, and what comes and goes between two looks nobody sees.
 * What a worker that was killed held alone is counted until its release is written down, and not after the end of the run;
 * where others have woken the endpoint meanwhile, only until the worker was heard of last.
 */
export const RunStatus = Schema.Struct({
  run: Schema.String,
  definition: Schema.String,
  endpoint: Schema.String,
  input: Schema.String,
  attempt: Schema.Int,
  state: State,
  items: Schema.optional(Schema.Finite),
  chunks: Schema.optional(Schema.Int),
  chunksDone: Schema.Int,
  itemsDone: Schema.Finite,
  itemsFailed: Schema.Finite,
  limit: Schema.optional(Schema.Int),
  rate: Schema.Finite,
  error: Schema.optional(Schema.String),
  bill: Schema.optional(Cost.Bill),
  startedAt: Schema.optional(Schema.String),
  finishedAt: Schema.optional(Schema.String),
  workers: Schema.Array(Schema.String)
})

/** How far a run is. */
export type RunStatus = typeof RunStatus.Type

interface Counted {
  readonly items_done: number
  readonly items_failed: number
  readonly rate: number
  readonly total: number | null
  readonly started: string | null
  readonly finished: string | null
  readonly workers: string
}

/** The workers that are there, and those that were not heard of for less than ten seconds. */
export const workers: Effect.Effect<ReadonlyArray<WorkerStatus>, SqlError, SqlClient.SqlClient> = Effect.gen(
  function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const rows = yield* sql<Omit<WorkerStatus, "definitions"> & { readonly definitions: string }>`
      SELECT worker, host, state, definitions, in_flight AS "inFlight", limit_share AS share, items_done::float8 AS items, rate,
        (extract(epoch FROM clock_timestamp() - seen_at) * 1000)::float8 AS "silentMillis"
      FROM stint_workers WHERE expires_at >= clock_timestamp() ORDER BY worker`
    return rows.map(({ definitions, ...rest }) => ({
      ...rest,
      definitions: definitions === "" ? [] : definitions.split(" ")
    }))
  }
)

/** How far a run is. Fails with `RunNotFound`. */
export const of = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<RunStatus, RunNotFound | SqlError, SqlClient.SqlClient> {
  const runs = yield* Runs.make
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const run = yield* runs.find(name)
  if (run === undefined) return yield* new RunNotFound({ run: name })
  const id = sql`${run.id}::text::bigint`
  const rows = yield* sql<Counted>`
    WITH at_it AS (SELECT worker FROM stint_shares
      WHERE endpoint = ${`${run.settings.endpoint.name}#${run.id}`} AND expires_at >= clock_timestamp())
    SELECT
      (SELECT coalesce(sum(items) FILTER (WHERE done), 0)::float8 FROM stint_chunks WHERE run_id = ${id}) AS items_done,
      (SELECT coalesce(sum(failed) FILTER (WHERE done), 0)::float8 FROM stint_chunks WHERE run_id = ${id}) AS items_failed,
      (SELECT coalesce(sum(rate), 0)::float8 FROM stint_workers WHERE worker IN (SELECT worker FROM at_it)) AS rate,
      (SELECT total FROM stint_limits WHERE endpoint = ${`${run.settings.endpoint.name}#${run.id}`}) AS total,
      (SELECT coalesce(string_agg(worker, ' ' ORDER BY worker), '') FROM at_it) AS workers,
      (SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM stint_runs WHERE id = ${id}) AS started,
      (SELECT to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM stint_runs WHERE id = ${id}) AS finished`
  const counted = rows[0]
  const at = counted?.workers ?? ""
  const error = run.error === undefined ? undefined : (yield* fromText(name, run.error)).message
  const bill = yield* Accounts.billOf(run)
  return {
    run: run.run,
    definition: run.definition,
    endpoint: run.settings.endpoint.name,
    input: nameOf(run.input),
    attempt: run.attempt,
    state: run.state,
    items: run.items,
    chunks: run.chunks,
    chunksDone: run.chunksDone,
    itemsDone: counted?.items_done ?? 0,
    itemsFailed: counted?.items_failed ?? 0,
    limit: at === "" || counted?.total === 0 ? undefined : (counted?.total ?? undefined),
    rate: counted?.rate ?? 0,
    error,
    bill,
    startedAt: counted?.started ?? undefined,
    finishedAt: counted?.finished ?? undefined,
    workers: at === "" ? [] : at.split(" ")
  }
})
