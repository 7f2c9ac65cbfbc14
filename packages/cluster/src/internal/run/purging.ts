/**
 * Forgets what is over: rows of ours, items of the queue, and the engine's messages, which nobody else ever removes.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { workflowOf } from "./workflow.ts"
import type { Run } from "./runs.ts"

/** Rows that one statement removes at most, so that none runs for long. */
const GROUP = 10_000

/** Runs that are over since so long. */
export const over = Effect.fnUntraced(function* (olderThanMillis: number) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<{ run: string }>`SELECT run FROM stint_runs
    WHERE state NOT IN ('enqueuing', 'running') AND report IS NOT NULL
      AND finished_at <= clock_timestamp() - ${String(olderThanMillis)}::text::float8 * interval '1 millisecond'
    ORDER BY id`
  return rows.map(({ run }) => run)
})

/** Removes all of a run; how many results those were. The run itself goes last, so that a purge can be done again. */
export const purge = Effect.fnUntraced(function* (run: Run) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const id = sql`${run.id}::text::bigint`
  let removed = 0
  while (true) {
    const gone = yield* sql<{ count: number }>`WITH gone AS (
        DELETE FROM stint_results WHERE run_id = ${id} AND position IN (
          SELECT position FROM stint_results WHERE run_id = ${id} ORDER BY position LIMIT ${GROUP}) RETURNING 1
      ) SELECT count(*)::float8 AS count FROM gone`
    const count = gone[0]?.count ?? 0
    removed += count
    if (count < GROUP) break
  }
  yield* sql`DELETE FROM effect_queue WHERE id LIKE ${`${run.id}/%`} AND queue_name = ${`stint/${run.definition}`}`
  for (let attempt = 1; attempt <= run.attempt; attempt++) {
    const execution = yield* workflowOf(run.definition).executionId({ id: run.id, attempt })
    yield* sql`WITH gone AS (DELETE FROM cluster_messages WHERE entity_id = ${execution} RETURNING request_id)
      DELETE FROM cluster_replies WHERE request_id IN (SELECT request_id FROM gone)`
  }
  yield* sql`DELETE FROM stint_limits WHERE endpoint = ${`${run.settings.endpoint.name}#${run.id}`}`
  yield* sql`DELETE FROM stint_runs WHERE id = ${id}`
  return removed
})
