/**
 * One chunk: its rows are read where they lie, and the engine of batch does them, with the results table as its journal.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Batch, CostCap, Journal, ManagedEndpoint, Progress } from "@stint/batch"
import * as Pieces from "../input/pieces.ts"
import type { Chunk } from "../run/runs.ts"
import { settle } from "../run/workflow.ts"
import { toText } from "../../RunError.ts"
import * as SqlJournal from "../../SqlJournal.ts"
import { Worker } from "../../Worker.ts"
import type { Engaged } from "./engagement.ts"
import type { Since } from "./silence.ts"

const encodeFaults = Schema.encodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Int)))

/** Ends an attempt for a reason, and tells whoever waits for it. */
export const stopRun = Effect.fnUntraced(function* (
  { attempt, id, run }: { readonly id: string; readonly attempt: number; readonly run: string },
  error: unknown
) {
  const { runs } = yield* Worker
  yield* Effect.logWarning(`The run "${run}" is stopped.`, error)
  // What is left of a chunk is not what is left of the run.
  const told =
    error instanceof CostCap.CostCapReached
      ? new CostCap.CostCapReached({ ...error, left: undefined })
      : error
  yield* settle(yield* runs.stop(id, attempt, "failed", toText(run, told)))
})

/** Does the rows of a chunk; whether all of them have their fate. */
const work = Effect.fnUntraced(function* <In, Out, E, R>(
  engaged: Engaged<In, Out, E, R>,
  chunk: Chunk,
  since: Since
) {
  const worker = yield* Worker
  const { held, made, over, pool, run, settings, stock } = engaged
  const items = yield* Effect.scoped(Pieces.read(run.input, run.stamp ?? "", chunk, made.read))
  const journal = yield* SqlJournal.ofChunk(
    {
      runId: run.id,
      runAttempt: run.attempt,
      first: chunk.first,
      keys: items.map((item) => made.job.key(item))
    },
    worker.writer
  )
  // What the journal knew may be as old as the silence before its answer, and others do these rows by now.
  if (since.isLost()) return yield* Effect.interrupt
  const { job, limit } = pool.join(made.job)
  const progress = Progress.make({ total: items.length })
  const { options } = settings
  let left = items.length
  stock.rows += left
  const result = yield* Stream.fromIterable(items).pipe(
    Batch.stream(job, {
      ...options,
      identity: options.identity ?? Batch.identityFromSpec(settings.endpoint.spec),
      limit,
      progress,
      drain: Effect.raceAllFirst([Deferred.await(over), worker.draining, since.lost])
    }),
    Stream.runForEachArray((outcomes) =>
      Effect.sync(() => {
        left -= outcomes.length
        stock.rows -= outcomes.length
        worker.did(outcomes.length)
      })
    ),
    Effect.provideService(Journal.Journal, journal),
    Effect.provideService(ManagedEndpoint.CurrentEndpoint, held),
    Effect.ensuring(
      Effect.sync(() => {
        stock.rows -= left
      })
    ),
    Effect.exit
  )
  const { attempts, failed } = yield* progress.snapshot
  if (Exit.isFailure(result)) return yield* Effect.failCause(result.cause)
  return { isDone: left === 0, failed, attempts, faults: encodeFaults(Object.fromEntries(progress.faults)) }
})

/**
 * Does a chunk and writes down that it is done. What ends a run on one machine ends this one for all workers. Interrupted
 * where the worker is told to stop before it is done, or may have been taken for dead since the chunk was asked for: then
 * another has it.
 */
export const process = Effect.fnUntraced(function* <In, Out, E, R>(
  engaged: Engaged<In, Out, E, R>,
  number: number,
  isLast: boolean,
  since: Since
) {
  const worker = yield* Worker
  const { over, run } = engaged
  const { runs } = worker
  const chunk = yield* runs.chunk(run.id, number)
  if (chunk === undefined) return
  const none = { failed: 0, attempts: 0, faults: "{}" }
  if (chunk.isDone) {
    if (yield* runs.finish(run.id, run.attempt, number, none)) yield* settle(run.token)
    return
  }
  yield* runs.taken(run.id, number, worker.name)
  const exit = yield* Effect.exit(work(engaged, chunk, since))
  if (Exit.isFailure(exit)) {
    if (Cause.hasInterrupts(exit.cause)) return yield* Effect.failCause(exit.cause)
    const error = Cause.squash(exit.cause)
    // The database is away: the chunk is done again, by whoever reaches it.
    const isAway = error instanceof Journal.JournalError || Predicate.isTagged(error, "SqlError")
    if (isAway && !isLast) return yield* Effect.fail(error)
    return yield* stopRun(run, error)
  }
  if (exit.value.isDone) {
    if (yield* runs.finish(run.id, run.attempt, number, exit.value)) yield* settle(run.token)
    return
  }
  // Told to stop in the middle, or perhaps taken for dead: it is given back, if it is still ours. Of a run that is over nothing is left to be done.
  if (!(yield* Deferred.isDone(over))) return yield* Effect.interrupt
})
