/**
 * Schedules, as rows. A tick belongs to who writes it down first, so that it does not matter how many workers look.
 */
import type * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { bounded } from "../transaction.ts"
import type { State } from "../run/runs.ts"
import { type Decision, type Why, decide } from "./decide.ts"
import type { Times } from "./expression.ts"

/** A run that is to be started, by whoever sees it: a worker may be lost between writing a tick down and starting it. */
export interface Pending {
  readonly run: string
  readonly due: number
}

/** What a look has found. */
export interface Found {
  readonly now: number
  readonly seen: number
  readonly pending: Pending | undefined
  readonly skipped: Decision["skipped"]
}

interface Row {
  readonly now: number
  readonly seen: number
  readonly run: string | null
  readonly due: number | null
  readonly pending: boolean
  readonly exists: boolean
  readonly live: boolean
}

/** The name of the run of a tick. */
export const runOf = (schedule: string, due: number): string =>
  `${schedule}-${DateTime.formatIso(DateTime.makeUnsafe(due)).replaceAll(/[-:]|\.000/g, "")}`

/** The rows of one schedule. */
export const make = Effect.fnUntraced(function* (options: {
  readonly schedule: string
  readonly worker: string
  readonly cron: Cron.Cron
  /** The same in writing, for whoever looks. */
  readonly times: Times | undefined
  readonly within: number
}) {
  const client = yield* SqlClient.SqlClient
  const sql = client.withoutTransforms()
  const { cron, schedule, times, within, worker } = options
  const bigint = (value: number) => sql`${String(value)}::text::bigint`
  const now = sql.literal("(extract(epoch FROM clock_timestamp()) * 1000)::float8")

  const read = (lock: "" | "FOR UPDATE OF s") =>
    Effect.map(
      sql<Row>`SELECT ${now} AS now, s.seen::float8 AS seen, s.run, s.due::float8 AS due, s.pending,
          r.run IS NOT NULL AS exists, coalesce(r.state IN ('enqueuing', 'running'), false) AS live
        FROM stint_schedules s LEFT JOIN stint_runs r ON r.run = s.run WHERE s.schedule = ${schedule} ${sql.literal(lock)}`,
      (rows) => rows[0]
    )

  const skip = (skipped: Decision["skipped"]) =>
    skipped === undefined
      ? sql.literal("")
      : sql`, skipped_due = ${bigint(skipped.due)}, skipped_why = ${skipped.why}`

  /** With its row locked. */
  const claim = Effect.gen(function* () {
    const row = yield* read("FOR UPDATE OF s")
    if (row === undefined) return undefined
    const found = { now: row.now, seen: row.seen, pending: undefined, skipped: undefined }
    if (row.pending && row.run !== null && row.due !== null) {
      const { due, run } = row
      if (row.exists || row.now - due <= within) return { ...found, pending: { run, due } }
      // Whoever took it was lost, and nobody was there for long.
      const skipped = { due, why: "missed" as const }
      yield* sql`UPDATE stint_schedules SET pending = false${skip(skipped)} WHERE schedule = ${schedule}`
      return { ...found, skipped }
    }
    const decision = decide(cron, { now: row.now, seen: row.seen, isBusy: row.live, within })
    if (decision === undefined) return found
    const { seen, skipped, start } = decision
    if (start === undefined) {
      yield* sql`UPDATE stint_schedules SET seen = ${bigint(seen)}${skip(skipped)} WHERE schedule = ${schedule}`
      return { ...found, seen, skipped }
    }
    const run = runOf(schedule, start)
    yield* sql`UPDATE stint_schedules SET seen = ${bigint(seen)}, run = ${run}, due = ${bigint(start)}, pending = true,
      worker = ${worker}${skip(skipped)} WHERE schedule = ${schedule}`
    return { ...found, seen, skipped, pending: { run, due: start } }
  }).pipe((use) => bounded(sql, use))

  return {
    /** Begins the schedule, unless it has begun: what was due before is not missed. */
    begin: sql`INSERT INTO stint_schedules (schedule, seen) VALUES (${schedule}, ${now}) ON CONFLICT (schedule) DO NOTHING`,
    /** Says when it is due, where that is not known yet or was changed. */
    say: sql`UPDATE stint_schedules SET cron = ${times?.cron ?? null}, zone = ${times?.zone ?? null}
      WHERE schedule = ${schedule} AND (cron, zone) IS DISTINCT FROM (${times?.cron ?? null}::text, ${times?.zone ?? null}::text)`,
    /** Looks what is due; the row is locked only where something is. */
    look: Effect.gen(function* () {
      const row = yield* read("")
      if (row === undefined) return undefined
      if (
        !row.pending &&
        decide(cron, { now: row.now, seen: row.seen, isBusy: false, within }) === undefined
      ) {
        return { now: row.now, seen: row.seen, pending: undefined, skipped: undefined } satisfies Found
      }
      return (yield* claim) satisfies Found | undefined
    }),
    /** The run of a tick was started, or cannot be, for a reason; whether nobody has said so before. */
    started: (run: string, failed: string | undefined) =>
      Effect.map(
        sql`UPDATE stint_schedules SET pending = false
          ${failed === undefined ? sql.literal("") : sql`, failed_due = due, failed_why = ${failed}`} WHERE schedule = ${schedule} AND run = ${run} AND pending RETURNING 1`,
        (rows) => rows.length > 0
      )
  }
})

/** A schedule, as its row says. */
export interface Kept {
  readonly schedule: string
  readonly run: string | null
  readonly due: number | null
  readonly skippedDue: number | null
  readonly skippedWhy: Why | null
  readonly failedDue: number | null
  readonly failedWhy: string | null
  readonly cron: string | null
  readonly zone: string | null
  /** Where its last run stands. */
  readonly state: State | null
  readonly now: number
}

/** All schedules. */
export const all = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  return yield* sql<Kept>`SELECT s.schedule, s.run, s.due::float8 AS due, s.skipped_due::float8 AS "skippedDue",
      s.skipped_why AS "skippedWhy", s.failed_due::float8 AS "failedDue", s.failed_why AS "failedWhy", s.cron, s.zone, r.state,
      (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
    FROM stint_schedules s LEFT JOIN stint_runs r ON r.run = s.run ORDER BY s.schedule`
})

/** Removes one. */
export const forget = Effect.fnUntraced(function* (schedule: string) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  yield* sql`DELETE FROM stint_schedules WHERE schedule = ${schedule}`
})
