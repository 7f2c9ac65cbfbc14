/**
 * An attempt of a run from its beginning to its end, as the workflow's body.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as Activity from "effect/workflow/Activity"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import { Worker } from "../../Worker.ts"
import type { Definition } from "../chunk/definition.ts"
import * as Process from "../chunk/process.ts"
import * as Pieces from "../input/pieces.ts"
import { bounded } from "../transaction.ts"
import { isLive } from "./found.ts"
import * as Summary from "./summary.ts"
import { Settled, itemId, queueOf } from "./workflow.ts"

/** A database that is being restarted comes back within this time. */
const patience = Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "1 minute" }))

/** What dies in an activity is kept for ever, and its run would never be over: a database is waited for, however long. */
const untilThere = {
  schedule: Schedule.spaced("2 seconds"),
  while: ({ _tag }: { readonly _tag: string }) => _tag === "SqlError"
}

const alive = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<{ workers: number }>`
    SELECT count(*)::int AS workers FROM stint_workers WHERE expires_at >= clock_timestamp()`
  return Math.max(1, rows[0]?.workers ?? 1)
})

/** Reads the input, unless an earlier attempt has, and writes its chunks down. */
const index = Effect.fnUntraced(function* <In, Out, E, R>(
  definition: Definition<In, Out, E, R>,
  id: string,
  attempt: number
) {
  const { runs } = yield* Worker
  const run = yield* runs.get(id)
  const isToBeRead = run?.attempt === attempt && isLive(run.state) && run.items === undefined
  if (!isToBeRead) return
  const { job, read } = yield* definition.make(run.settings.parameters)
  const { pieces, stamp } = yield* Effect.scoped(
    Pieces.index({
      input: run.input,
      read,
      key: job.key,
      chunk: run.settings.chunk,
      workers: yield* alive
    })
  )
  yield* runs.cut(id, attempt, stamp, pieces)
})

/** Puts the chunks that are left into the queue; an item that is there already is not put there again. */
const enqueue = Effect.fnUntraced(function* (definition: string, id: string, attempt: number) {
  const { runs } = yield* Worker
  const run = yield* runs.get(id)
  // Cancelled before it was begun.
  if (run === undefined || !isLive(run.state)) return true
  const sql = yield* SqlClient.SqlClient
  const queue = yield* queueOf(definition)
  let after = -1
  while (true) {
    const numbers = yield* runs.left(id, after)
    const last = numbers.at(-1)
    if (last === undefined) break
    yield* bounded(
      sql,
      Effect.forEach(
        numbers,
        (number) => {
          const item = { id, attempt, number }
          return queue.offer(item, { id: itemId(item) })
        },
        { discard: true }
      )
    )
    after = last
  }
  return yield* runs.enqueued(id, attempt)
})

/** What an attempt does. */
export const body = <In, Out, E, R>(definition: Definition<In, Out, E, R>) =>
  Effect.fnUntraced(function* ({ attempt, id }: { readonly id: string; readonly attempt: number }) {
    const stopped = (error: unknown) =>
      Effect.gen(function* () {
        const { runs } = yield* Worker
        const run = yield* runs.get(id)
        if (run !== undefined) yield* Process.stopRun({ id, attempt, run: run.run }, error)
        return true
      }).pipe(Effect.retry(untilThere), Effect.orDie)
    const isOver = yield* Activity.make({
      name: "enqueue",
      success: Schema.Boolean,
      execute: Effect.andThen(index(definition, id, attempt), enqueue(definition.name, id, attempt)).pipe(
        Effect.retry({
          schedule: patience,
          while: ({ _tag }) => _tag === "SqlError" || _tag === "PersistedQueueError"
        }),
        // Also what the job's own code throws.
        Effect.catchCause((cause) =>
          Cause.hasInterrupts(cause)
            ? Effect.failCause(Cause.fromReasons<never>(cause.reasons.filter(Cause.isInterruptReason)))
            : stopped(Cause.squash(cause))
        )
      )
    })
    if (!isOver) yield* DurableDeferred.await(Settled)
    yield* Activity.make({
      name: "summary",
      execute: Effect.gen(function* () {
        const { runs } = yield* Worker
        const report = yield* Summary.of(id, attempt)
        yield* runs.report(id, attempt, Summary.encode(report))
      }).pipe(Effect.retry(untilThere), Effect.orDie)
    })
  })
