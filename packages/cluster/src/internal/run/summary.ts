/** What a run came to, counted from its rows. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { Report } from "@stint/batch"

const ReportText = Schema.fromJsonString(Report.Report)

/** A report as a run keeps it. */
export const encode = Schema.encodeSync(ReportText)

/** The report that a run has kept. */
export const decode = Schema.decodeUnknownEffect(ReportText)

interface Counted {
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly attempts: number
}

/** Counts an attempt: what earlier attempts did is `skipped`. */
export const of = Effect.fnUntraced(function* (id: string, attempt: number) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const run = sql`${id}::text::bigint`
  const results = yield* sql<Counted>`
    SELECT (count(*) FILTER (WHERE succeeded AND run_attempt = ${attempt}))::float8 AS succeeded,
      (count(*) FILTER (WHERE NOT succeeded))::float8 AS failed,
      (count(*) FILTER (WHERE succeeded AND run_attempt < ${attempt}))::float8 AS skipped,
      coalesce(sum(attempts) FILTER (WHERE run_attempt = ${attempt}), 0)::float8 AS attempts
    FROM stint_results WHERE run_id = ${run}`
  const faults = yield* sql<{ reason: string; count: number }>`
    SELECT one.key AS reason, sum(one.value::bigint)::float8 AS count
    FROM stint_chunks, json_each_text(faults::json) AS one WHERE run_id = ${run} GROUP BY one.key`
  const totals = yield* sql<{ items: number | null; millis: number | null }>`
    SELECT items::float8 AS items, (extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at) * 1000)::float8 AS millis
    FROM stint_runs WHERE id = ${run}`
  const { attempts, failed, skipped, succeeded } = results[0] ?? {
    succeeded: 0,
    failed: 0,
    skipped: 0,
    attempts: 0
  }
  const total = totals[0]
  const items = total?.items ?? succeeded + failed + skipped
  const durationMillis = total?.millis ?? 0
  const report: Report.Report = {
    items,
    succeeded,
    failed,
    skipped,
    remaining: items - succeeded - failed - skipped,
    attempts,
    faults: Object.fromEntries(faults.map(({ count, reason }) => [reason, count])),
    durationMillis,
    itemsPerSecond: durationMillis === 0 ? 0 : ((succeeded + failed) * 1000) / durationMillis
  }
  return report
})
