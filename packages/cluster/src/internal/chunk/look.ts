/**
 * Looks now and then for runs that nobody would ever hear of again: what was to be said of them was lost with whoever was to say
 * it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as SqlClient from "effect/sql/SqlClient"
import { RunBroken } from "../../RunError.ts"
import { Worker } from "../../Worker.ts"
import { execute } from "../run/execute.ts"
import { MAX_ATTEMPTS, queueName, settle } from "../run/workflow.ts"
import { stopRun } from "./process.ts"

const EVERY = Duration.seconds(15)

/** A chunk with which worker after worker goes down is given up by the queue, which tells nobody. */
const givenUp = Effect.fnUntraced(function* (definition: string) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const { runs } = yield* Worker
  const rows = yield* sql<{ id: string }>`SELECT q.id FROM effect_queue q JOIN stint_runs r
      ON r.id::text = split_part(q.id, '/', 1) AND r.attempt::text = split_part(q.id, '/', 2)
    WHERE q.queue_name = ${queueName(definition)} AND q.state = 'failed' AND r.state IN ('enqueuing', 'running')`
  for (const { id } of rows) {
    const [runId = "", , number] = id.split("/")
    const run = yield* runs.get(runId)
    if (run === undefined) continue
    const detail = `chunk ${number} was taken ${MAX_ATTEMPTS} times and never done; the workers that had it went down`
    yield* stopRun(run, new RunBroken({ run: run.run, detail }))
  }
})

/**
 * Runs that were written down and never begun, and those that are over and have not summed up. A token is written before its
 * workflow begins, so it does not tell that it has: to begin it again changes nothing.
 */
const forgotten = Effect.fnUntraced(function* (definition: string) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<{ id: string; attempt: number; token: string | null; begins: boolean }>`
    SELECT id::text AS id, attempt, token, state = 'enqueuing' AS begins
    FROM stint_runs WHERE definition = ${definition} AND report IS NULL AND (
      (state = 'enqueuing' AND coalesce(started_at, created_at) < clock_timestamp() - interval '15 seconds')
      OR (state IN ('failed', 'cancelled') AND finished_at < clock_timestamp() - interval '15 seconds')
      OR (token IS NOT NULL AND state = 'running' AND chunks_done >= chunks))`
  for (const { attempt, begins, id, token } of rows) {
    yield* execute({ id, attempt, definition })
    if (!begins && token !== null) yield* settle(token)
  }
})

/** Looks for as long as it runs. */
export const look = (definition: string) =>
  Effect.andThen(givenUp(definition), forgotten(definition)).pipe(
    Effect.catchCause((cause) => Effect.logDebug("The database cannot be looked at for now.", cause)),
    Effect.repeat(Schedule.spaced(EVERY))
  )
