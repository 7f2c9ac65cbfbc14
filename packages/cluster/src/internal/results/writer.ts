/**
 * Group commit: whatever waits is written with one statement, by one writer a process.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Journal } from "@stint/batch"
import { PURGED } from "../run/runs.ts"
import { isTransient } from "./transient.ts"

/** A result, as it is written down. What is JSON is text. */
export interface Row {
  readonly runId: string
  readonly position: number
  readonly key: string
  readonly fingerprint: string
  readonly succeeded: boolean
  readonly runAttempt: number
  readonly attempts: number
  readonly durationMillis: number
  readonly output: string | null
  readonly error: string | null
  readonly input: string | null
}

/** Makes rows durable. */
export interface Writer {
  readonly write: (rows: ReadonlyArray<Row>) => Effect.Effect<void, Journal.JournalError>
}

/** What one statement holds at most. */
const ROWS = 256
const BYTES = 8 * 1024 * 1024

/** Whoever is interrupted waits no longer for what is being written: an endpoint may have to be released after it. */
const LAST_GROUP = Duration.seconds(2)

/** A database that is being restarted comes back within this time. */
const patience = Schedule.jittered(
  Schedule.min([Schedule.exponential(Duration.millis(200)), Schedule.spaced(Duration.seconds(2))])
).pipe(Schedule.upTo({ duration: Duration.seconds(60) }))

interface Ticket {
  left: number
  readonly done: Deferred.Deferred<void, Journal.JournalError>
}

interface Waiting {
  readonly row: Row
  readonly ticket: Ticket
}

const sizeOf = ({ error, input, key, output }: Row) =>
  key.length + (output?.length ?? 0) + (error?.length ?? 0) + (input?.length ?? 0)

/** A row may be there twice, where two have the same chunk: a success counts, else the last. */
const distinct = (group: ReadonlyArray<Waiting>): ReadonlyArray<Row> => {
  const rows = new Map<string, Row>()
  for (const { row } of group) {
    const id = `${row.runId}/${row.position}`
    if (row.succeeded || rows.get(id)?.succeeded !== true) rows.set(id, row)
  }
  return [...rows.values()]
}

/**
 * Writes rows. JSON is never an empty text, and a list of nothing but nulls has no type. Of a row that is there a success is
 * replaced by nothing but another success. Of a run that is purged, or is being purged, nothing is written: nobody would ever
 * remove it.
 */
const insert = (sql: SqlClient.SqlClient, rows: ReadonlyArray<Row>) => sql`
  INSERT INTO stint_results AS old (run_id, position, row_key, fingerprint, succeeded, run_attempt, attempts, duration_ms, output, error, input)
  SELECT run_id, position, row_key, fingerprint, succeeded, run_attempt, attempts, duration_ms,
    nullif(output, ''), nullif(error, ''), nullif(input, '') FROM unnest(
    ${rows.map(({ runId }) => runId)}::text[]::bigint[], ${rows.map(({ position }) => String(position))}::text[]::bigint[],
    ${rows.map(({ key }) => key)}::text[], ${rows.map(({ fingerprint }) => fingerprint)}::text[],
    ${rows.map(({ succeeded }) => String(succeeded))}::text[]::boolean[],
    ${rows.map(({ runAttempt }) => String(runAttempt))}::text[]::int[], ${rows.map(({ attempts }) => String(attempts))}::text[]::int[],
    ${rows.map(({ durationMillis }) => String(durationMillis))}::text[]::float8[], ${rows.map(({ output }) => output ?? "")}::text[],
    ${rows.map(({ error }) => error ?? "")}::text[], ${rows.map(({ input }) => input ?? "")}::text[])
    AS one (run_id, position, row_key, fingerprint, succeeded, run_attempt, attempts, duration_ms, output, error, input)
  WHERE EXISTS (SELECT 1 FROM stint_runs r WHERE r.id = one.run_id AND r.report IS DISTINCT FROM ${PURGED})
  ON CONFLICT (run_id, position) DO UPDATE SET row_key = EXCLUDED.row_key, fingerprint = EXCLUDED.fingerprint,
    succeeded = EXCLUDED.succeeded, run_attempt = EXCLUDED.run_attempt, attempts = EXCLUDED.attempts,
    duration_ms = EXCLUDED.duration_ms, output = EXCLUDED.output, error = EXCLUDED.error, input = EXCLUDED.input
  WHERE EXCLUDED.succeeded OR NOT old.succeeded`

/** What failed, in the words of the journal. */
export const toError = (error: SqlError): Journal.JournalError =>
  new Journal.JournalError({ path: "in Postgres", detail: error.message })

/** Makes the writer of a process. */
export const make: Effect.Effect<Writer, never, SqlClient.SqlClient | Scope.Scope> = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const waiting: Array<Waiting> = []
  const isThere = Latch.makeUnsafe()

  const take = () => {
    let bytes = 0
    let count = 0
    for (const { row } of waiting) {
      bytes += sizeOf(row)
      if (count > 0 && (count === ROWS || bytes > BYTES)) break
      count++
    }
    return waiting.splice(0, count)
  }

  const flush = Effect.gen(function* () {
    yield* isThere.await
    const group = take()
    if (waiting.length === 0) isThere.closeUnsafe()
    if (group.length === 0) return
    yield* insert(sql, distinct(group)).pipe(
      Effect.retry({ schedule: patience, while: isTransient }),
      Effect.matchCauseEffect({
        onSuccess: () =>
          Effect.sync(() => {
            for (const { ticket } of group) {
              if (--ticket.left === 0) Deferred.doneUnsafe(ticket.done, Effect.void)
            }
          }),
        onFailure: (cause) =>
          Effect.sync(() => {
            const failure = Cause.map(cause, toError)
            for (const { ticket } of group) Deferred.doneUnsafe(ticket.done, Effect.failCause(failure))
          })
      })
    )
  })
  yield* Effect.forkScoped(Effect.forever(flush))

  return {
    write: (rows) =>
      Effect.suspend(() => {
        if (rows.length === 0) return Effect.void
        const ticket: Ticket = { left: rows.length, done: Deferred.makeUnsafe() }
        for (const row of rows) waiting.push({ row, ticket })
        isThere.openUnsafe()
        const done = Deferred.await(ticket.done)
        // A chunk that is given back is read by another worker at once: what is on its way is to be there by then.
        return Effect.onInterrupt(done, () => Effect.ignore(Effect.timeoutOption(done, LAST_GROUP)))
      })
  }
})
