/**
 * The same batch over many machines: a job with a name that every worker knows, and runs of it that any of them works on.
 *
 * A run is a workflow, its input is cut into chunks of 256 to 1,024 rows, chunks lie in a queue in Postgres, and workers take
 * them. Inside a chunk the engine of one machine runs, with rows of Postgres as its journal: retries, packing, classification
 * and resuming are those of `Batch.run`. Never is there a message for a row.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type * as PersistedQueue from "effect/persistence/PersistedQueue"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import type { Endpoints } from "@stint/core"
import type { CurrentEndpoint, Job, Report } from "@stint/batch"
import * as FleetLimit from "./FleetLimit.ts"
import type { InputRef } from "./InputRef.ts"
import type { Definition, Made } from "./internal/chunk/definition.ts"
import * as Readers from "./internal/chunk/readers.ts"
import { serve } from "./internal/chunk/serve.ts"
import * as Accounts from "./internal/run/accounts.ts"
import * as Attempt from "./internal/run/attempt.ts"
import { found, isLive, whole } from "./internal/run/found.ts"
import { execute } from "./internal/run/execute.ts"
import * as Runs from "./internal/run/runs.ts"
import * as Summary from "./internal/run/summary.ts"
import { settle, workflowOf } from "./internal/run/workflow.ts"
import {
  ParametersRefused,
  RunBroken,
  RunCancelled,
  type RunError,
  RunExists,
  type RunNotFound,
  RunRefused,
  fromText
} from "./RunError.ts"
import type { RunEndpoint, RunOptions, RunSettings } from "./RunSettings.ts"
import * as RunStatus from "./RunStatus.ts"
import type { Worker } from "./Worker.ts"

/** What a definition needs to serve its runs. */
export type Services =
  | Worker
  | SqlClient.SqlClient
  | WorkflowEngine.WorkflowEngine
  | PersistedQueue.PersistedQueueFactory
  | FileSystem.FileSystem
  | HttpClient.HttpClient
  | Endpoints.Endpoints

/** What a client needs to start and end runs. */
export type Client = SqlClient.SqlClient | WorkflowEngine.WorkflowEngine

/** A run to start. */
export interface StartOptions<P> {
  /** Its name, unique in the cluster. The same start again changes nothing: so may be repeated when its answer was lost. */
  readonly run: string
  readonly input: InputRef
  readonly endpoint: RunEndpoint
  readonly parameters: P
  /** Of the whole fleet. Default: `FleetLimit.adaptive()`. */
  readonly limit?: FleetLimit.FleetLimit | undefined
  readonly options?: RunOptions | undefined
  /** Rows of a chunk, 1 to 1,024. Default: 256, and up to 1,024 where each worker has eight chunks all the same. */
  readonly chunk?: number | undefined
}

/** A job that has a name in the cluster. */
export interface ClusterBatch<P, R> {
  readonly name: string
  /** Serves its runs: for workers. */
  readonly layer: Layer.Layer<never, never, Services | Exclude<R, CurrentEndpoint>>
  /**
   * Starts a run: writes it down and returns. What is wrong with its input is found by a worker, before anything is woken, and
   * told by {@link wait}.
   */
  readonly start: (
    options: StartOptions<P>
  ) => Effect.Effect<void, RunExists | RunRefused | ParametersRefused | SqlError, Client>
}

const purgeFirst = "a purge of it has begun and did not come to its end: purge it again, and start it anew"

const settingsOf = <P>(given: StartOptions<P>, parameters: Schema.Json): RunSettings => ({
  endpoint: given.endpoint,
  limit: given.limit ?? FleetLimit.adaptive(),
  options: given.options ?? {},
  parameters,
  ...(given.chunk === undefined ? {} : { chunk: given.chunk })
})

const refusalOf = <P>({ chunk, endpoint, run }: StartOptions<P>): string | undefined => {
  if (!/^[\w.-]{1,100}$/.test(run)) {
    return "a name has 1 to 100 letters, digits, dots, hyphens and underscores"
  }
  if (endpoint.spec?.secrets !== undefined) {
    return "its endpoint's spec has secrets, which are not written into the database: create the endpoint first, and name it"
  }
  return chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1 && chunk <= 1024)
    ? "a chunk has 1 to 1,024 rows"
    : undefined
}

/** Makes a definition of what makes its jobs. */
const define = <P, In, Out, E, R>(
  definition: Definition<In, Out, E, R>,
  encode: (parameters: P) => Effect.Effect<Schema.Json, ParametersRefused>
): ClusterBatch<P, R> => ({
  name: definition.name,
  layer: Layer.mergeAll(
    Layer.effectDiscard(serve(definition)),
    workflowOf(definition.name).toLayer(Attempt.body(definition))
  ),
  start: Effect.fnUntraced(function* (given) {
    const detail = refusalOf(given)
    if (detail !== undefined) return yield* new RunRefused({ run: given.run, detail })
    const parameters = yield* encode(given.parameters)
    yield* definition.make(parameters)
    const runs = yield* Runs.make
    const settings = settingsOf(given, parameters)
    const made = yield* runs.create({
      run: given.run,
      definition: definition.name,
      settings,
      input: given.input
    })
    const run = made ?? (yield* runs.find(given.run))
    if (run === undefined) return yield* new RunRefused({ run: given.run, detail: "it was purged meanwhile" })
    if (run.definition !== definition.name || !runs.isSame(run, settings, given.input)) {
      return yield* new RunExists({ run: given.run, state: run.state })
    }
    if (run.report === Runs.PURGED) return yield* new RunRefused({ run: given.run, detail: purgeFirst })
    yield* execute(run)
  })
})

/** How a definition is made. */
export interface Options<S extends Schema.ConstraintCodec<unknown, unknown, never, never>, Out, E, R> {
  /** The same on every worker; a part of the name of its queue. */
  readonly name: string
  /** What a row of the input is. */
  readonly row: S
  readonly job: Job.Job<S["Type"], Out, E, R>
}

/**
 * Gives a job a name in the cluster. The job is code: every worker has it, and has it registered by {@link ClusterBatch}'s
 * `layer`; a client needs it only to start runs.
 *
 * **Example** (A job, its workers, and a run)
 *
 * ```ts
 * import { Job } from "@stint/batch"
 * import { ClusterBatch, InputRef } from "@stint/cluster"
 * import { Effect, Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const embedding = ClusterBatch.make({
 *   name: "embedding",
 *   row: Row,
 *   job: Job.embed({ key: (row: typeof Row.Type) => row.id, text: (row) => row.text })
 * })
 *
 * export const onWorkers = embedding.layer
 * export const nightly = Effect.gen(function* () {
 *   const input = InputRef.file("/mnt/data/rows.jsonl")
 *   yield* embedding.start({ run: "2026-11-21", input, endpoint: { name: "batch-endpoint" }, parameters: {} })
 *   return yield* ClusterBatch.wait("2026-11-21")
 * })
 * ```
 */
export const make = <S extends Schema.ConstraintCodec<unknown, unknown, never, never>, Out, E, R>(
  options: Options<S, Out, E, R>
): ClusterBatch<{ readonly [key: string]: never }, R> => {
  const made: Made<S["Type"], Out, E, R> = {
    job: options.job,
    read: Readers.ofSchema(options.row, options.job.key)
  }
  return define<{ readonly [key: string]: never }, S["Type"], Out, E, R>(
    { name: options.name, make: () => Effect.succeed(made) },
    () => Effect.succeed({})
  )
}

/**
 * The same for a job that is made of parameters, which each run is started with.
 *
 * **Example** (A prompt for each run)
 *
 * ```ts
 * import { Job } from "@stint/batch"
 * import { ClusterBatch } from "@stint/cluster"
 * import { Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * export const asking = ClusterBatch.withParameters({
 *   name: "asking",
 *   row: Row,
 *   parameters: Schema.Struct({ system: Schema.String }),
 *   job: ({ system }) =>
 *     Job.chat({
 *       key: (row: typeof Row.Type) => row.id,
 *       messages: (row) => [
 *         { role: "system", content: system },
 *         { role: "user", content: row.text }
 *       ]
 *     })
 * })
 * ```
 */
export const withParameters = <
  S extends Schema.ConstraintCodec<unknown, unknown, never, never>,
  P extends Schema.ConstraintCodec<unknown, unknown, never, never>,
  Out,
  E,
  R
>(
  options: Omit<Options<S, Out, E, R>, "job"> & {
    readonly parameters: P
    readonly job: (parameters: P["Type"]) => Job.Job<S["Type"], Out, E, R>
  }
): ClusterBatch<P["Type"], R> =>
  custom({
    name: options.name,
    parameters: options.parameters,
    make: (parameters) =>
      Effect.sync((): Made<S["Type"], Out, E, R> => {
        const job = options.job(parameters)
        return { job, read: Readers.ofSchema(options.row, job.key) }
      })
  })

/** A definition whose rows are read in a way of their own. */
export const custom = <
  P extends Schema.ConstraintCodec<unknown, unknown, never, never>,
  In,
  Out,
  E,
  R
>(options: {
  readonly name: string
  readonly parameters: P
  readonly make: (parameters: P["Type"]) => Effect.Effect<Made<In, Out, E, R>, ParametersRefused>
}): ClusterBatch<P["Type"], R> => {
  const { name } = options
  const json = Schema.toCodecJson(options.parameters)
  const refused = (error: Schema.SchemaError) =>
    new ParametersRefused({ definition: name, detail: error.message })
  const encode = Schema.encodeUnknownEffect(json)
  const decode = Schema.decodeUnknownEffect(json)
  return define<P["Type"], In, Out, E, R>(
    {
      name,
      make: (parameters) => Effect.flatMap(Effect.mapError(decode(parameters), refused), options.make)
    },
    (parameters) => Effect.mapError(encode(parameters), refused)
  )
}

/**
 * How far a run is. Fails with `RunNotFound`.
 *
 * **Example** (How many rows are done)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const done = Effect.map(ClusterBatch.status("nightly"), ({ itemsDone }) => itemsDone)
 * ```
 */
export const status = RunStatus.of

const looks = Schedule.min([Schedule.exponential(Duration.millis(100)), Schedule.spaced(Duration.seconds(2))])

/**
 * Waits until a run is over, and gives its report, as `Batch.run` does: `skipped` is what an earlier attempt has done. Its bill
 * is that of the attempt by now, as `RunStatus.RunStatus` says. Fails with what stopped it: the same errors as on one machine,
 * or `RunCancelled`. Whoever stops waiting does not stop the run.
 *
 * **Example** (Two hours at most)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const report = Effect.timeout(ClusterBatch.wait("nightly"), "2 hours")
 * ```
 */
export const wait = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<Report.Report, RunError | RunCancelled | RunNotFound | SqlError, SqlClient.SqlClient> {
  const run = yield* Effect.repeat(whole(name), {
    schedule: looks,
    until: ({ report, state }) => report !== undefined && !isLive(state)
  })
  if (run.state === "cancelled") return yield* new RunCancelled({ run: name })
  if (run.state === "failed") {
    const why = run.error === undefined ? undefined : yield* fromText(name, run.error)
    return yield* why ?? new RunBroken({ run: name, detail: "it did not say why" })
  }
  const report = yield* Effect.orElseSucceed(Summary.decode(run.report), () => undefined)
  if (report === undefined) {
    return yield* new RunBroken({ run: name, detail: "its report was written by another version" })
  }
  const bill = yield* Accounts.billOf(run)
  return bill === undefined ? report : { ...report, bill }
})

/**
 * Ends a run: nothing more of it is taken, what is in flight is finished and kept. A run that is over stays as it is. Workers
 * hear of it within about a second.
 *
 * **Example** (Enough)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 *
 * const enough = ClusterBatch.cancel("nightly")
 * ```
 */
export const cancel = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<void, RunNotFound | SqlError, Client> {
  const runs = yield* Runs.make
  const run = yield* found(name)
  yield* settle(yield* runs.stop(run.id, run.attempt, "cancelled", null))
})

/**
 * Goes on with a run that failed, was cancelled, or finished with items that failed: those are tried again, and so is what is
 * left. What succeeded is not sent again. The input must be what it was.
 *
 * Fails with `RunRefused` while the run goes on.
 *
 * **Example** (After the credits were topped up)
 *
 * ```ts
 * import { ClusterBatch } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const again = Effect.andThen(ClusterBatch.resume("nightly"), ClusterBatch.wait("nightly"))
 * ```
 */
export const resume = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<void, RunNotFound | RunRefused | SqlError, Client> {
  const runs = yield* Runs.make
  const run = yield* found(name)
  const again = yield* runs.again(run.id, run.attempt)
  if (again === undefined) {
    const isPurged = run.report === Runs.PURGED
    return yield* new RunRefused({
      run: name,
      detail: isPurged ? purgeFirst : "it is not over yet: wait for it, or cancel it and wait"
    })
  }
  yield* execute(again)
})

export { exportTo, finishedBefore, purge, results } from "./RunResults.ts"
