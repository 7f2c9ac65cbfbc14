/**
 * Runs by the calendar, one at a time, that go on whichever worker is lost.
 *
 * Each worker that has the schedule looks at its row in Postgres when something is due. Who writes the tick down first starts
 * its run, under a name that says the time; from there on the run belongs to the cluster. There is no worker that has to live,
 * no message for a tick, and the time is the database's.
 */
import * as Cause from "effect/Cause"
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type * as ClusterBatch from "./ClusterBatch.ts"
import { LATE, type Why } from "./internal/schedule/decide.ts"
import * as Expression from "./internal/schedule/expression.ts"
import * as Rows from "./internal/schedule/rows.ts"
import { RunRefused } from "./RunError.ts"
import type { State } from "./RunStatus.ts"
import { Worker } from "./Worker.ts"

/** A time that a run is due at. */
export interface Tick {
  /** In milliseconds since 1970. */
  readonly due: number
  /** The name of its run: the schedule's and the time in UTC, as in `nightly-20261121T020000Z`. */
  readonly run: string
}

/** What happens, told on the worker that sees it. */
export type Event =
  | { readonly _tag: "Started"; readonly due: number; readonly run: string }
  /** The run of this tick cannot be started, with what it was to be started with. */
  | {
      readonly _tag: "Failed"
      readonly due: number
      readonly run: string
      readonly cause: Cause.Cause<unknown>
    }
  /** Not run: the run before goes on (`busy`), or nobody was there (`missed`). `due` is the latest of those. */
  | { readonly _tag: "Skipped"; readonly due: number; readonly why: Why }

/** What a run is started with, besides its name. */
export type Start<P> = Omit<ClusterBatch.StartOptions<P>, "run">

/** When to run, and what. */
export interface Options<P> {
  /** The same on every worker: 1 to 80 letters, digits, dots, hyphens and underscores. */
  readonly name: string
  /** A cron expression, as `0 2 * * *` (with a sixth field in front for seconds), or a `Cron`. */
  readonly cron: Cron.Cron | string
  /** Of an expression. Default: UTC, which knows no hour that is there twice or not at all. */
  readonly timeZone?: DateTime.TimeZone | string | undefined
  /** Whose runs they are. */
  readonly batch: Pick<ClusterBatch.ClusterBatch<P, never>, "start">
  /** What a tick's run is started with: of the same tick always the same. */
  readonly start: (tick: Tick) => Start<P>
  /**
   * What was due more than a minute ago, because no worker was there: left out (`skip`, the default), or run `once`, however
   * many they were.
   */
  readonly missed?: "skip" | "once" | undefined
  /** With `once`: how late that may be. Default: 12 hours. */
  readonly missedWithin?: Duration.Input | undefined
  /** Called at each step. Default: writes failures and what is left out to the log. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/** It is looked this often at least: the clocks of worker and database may part, and a machine may sleep. */
const LOOK = Duration.toMillis("1 minute")
/** After a database that did not answer, and while a run could not be started for that. */
const AGAIN = Duration.seconds(2)

const wordsOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

const at = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

const logOf =
  (name: string) =>
  (event: Event): Effect.Effect<void> => {
    switch (event._tag) {
      case "Started":
        return Effect.logInfo(`Schedule "${name}": run ${event.run} was started.`)
      case "Failed":
        return Effect.logError(`Schedule "${name}": run ${event.run} cannot be started.`, event.cause)
      case "Skipped": {
        const why = event.why === "busy" ? "the run before it goes on" : "no worker was there"
        return Effect.logWarning(`Schedule "${name}": what was due at ${at(event.due)} was left out: ${why}.`)
      }
    }
  }

/**
 * Runs a batch by the calendar: for workers, beside the `layer` of its batch. Have it on every worker, or on several.
 *
 * A run is started once for a tick, however many workers have the schedule and whichever are lost. A tick at which the former
 * run of the schedule still goes on is left out and told (`busy`), and so is one that was missed. A run that fails does not
 * end the schedule. Runs are not purged.
 *
 * Nobody can be asked at that hour: where somebody runs the endpoint already, the run of a tick ends with `AdoptionRefused` and
 * leaves it as it is. Give `onRelease` with the endpoint where the schedule may use it all the same: `pause`, or `restore`.
 *
 * Fails with a `CronParseError`, and with `RunRefused` where the name cannot be one. It ends with the worker: one that was
 * told to stop starts nothing more.
 *
 * **Example** (Every night at two)
 *
 * ```ts
 * import { Job } from "@stint/batch"
 * import { ClusterBatch, ClusterSchedule, InputRef } from "@stint/cluster"
 * import { Layer, Schema } from "effect"
 *
 * const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const embedding = ClusterBatch.make({
 *   name: "embedding",
 *   row: Row,
 *   job: Job.embed({ key: (row: typeof Row.Type) => row.id, text: (row) => row.text })
 * })
 *
 * const nightly = ClusterSchedule.layer({
 *   name: "nightly",
 *   cron: "0 2 * * *",
 *   timeZone: "Europe/Berlin",
 *   missed: "once",
 *   batch: embedding,
 *   start: () => ({
 *     input: InputRef.file("/mnt/data/rows.jsonl"),
 *     endpoint: { name: "batch-endpoint", maxCost: 20 },
 *     parameters: {}
 *   })
 * })
 *
 * export const onWorkers = Layer.merge(embedding.layer, nightly)
 * ```
 */
export const layer = <P>(
  options: Options<P>
): Layer.Layer<never, Cron.CronParseError | RunRefused, Worker | ClusterBatch.Client> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { missed, name, onEvent = logOf(options.name) } = options
      if (!/^[\w.-]{1,80}$/.test(name)) {
        const detail = "a schedule's name has 1 to 80 letters, digits, dots, hyphens and underscores"
        return yield* new RunRefused({ run: name, detail })
      }
      const cron = Cron.isCron(options.cron)
        ? options.cron
        : yield* Effect.fromResult(Cron.parse(options.cron, options.timeZone ?? "UTC"))
      const bound = missed === "once" ? Duration.toMillis(options.missedWithin ?? "12 hours") : 0
      const worker = yield* Worker
      const rows = yield* Rows.make({
        schedule: name,
        worker: worker.name,
        cron,
        times: Expression.timesOf(options.cron, cron),
        within: Math.max(LATE, bound)
      })

      const tell = (event: Event) =>
        Effect.catchCause(onEvent(event), (cause) =>
          Cause.hasInterrupts(cause)
            ? Effect.failCause(cause)
            : Effect.logWarning("A watcher of the schedule failed.", cause)
        )

      /** Starts a run; whatever is not about this run fails here, and is tried again. */
      const start = Effect.fnUntraced(function* (tick: Rows.Pending) {
        const given = yield* Effect.exit(Effect.sync(() => options.start(tick)))
        const exit: Exit.Exit<void, unknown> = Exit.isFailure(given)
          ? given
          : yield* options.batch.start({ ...given.value, run: tick.run }).pipe(
              Effect.as(Exit.void),
              Effect.catchTag(["RunExists", "RunRefused", "ParametersRefused"], (error) =>
                Effect.succeed(Exit.fail(error))
              )
            )
        // Of those who start it at once one has the say.
        const why = Exit.isSuccess(exit) ? undefined : wordsOf(exit.cause)
        if (!(yield* rows.started(tick.run, why))) return
        yield* tell(
          Exit.isSuccess(exit) ? { _tag: "Started", ...tick } : { _tag: "Failed", ...tick, cause: exit.cause }
        )
      })

      let isSaid = false
      /** Looks once; how long nothing will be due. */
      const look = Effect.gen(function* () {
        const found = yield* rows.look
        if (found === undefined) return yield* Effect.as(rows.begin, Duration.zero)
        if (!isSaid) yield* rows.say
        isSaid = true
        const { now, pending, seen, skipped } = found
        if (skipped !== undefined) yield* tell({ _tag: "Skipped", ...skipped })
        if (pending !== undefined) yield* start(pending)
        return Duration.millis(Math.max(0, Math.min(LOOK, Cron.next(cron, seen).getTime() - now)))
      })

      const loop = Effect.forever(
        look.pipe(
          Effect.catchCause((cause) =>
            Cause.hasInterrupts(cause)
              ? Effect.failCause(cause)
              : Effect.as(
                  Effect.logWarning(`Schedule "${name}" cannot be kept for now; trying again.`, cause),
                  AGAIN
                )
          ),
          Effect.flatMap(Effect.sleep)
        )
      )
      yield* Effect.forkScoped(Effect.raceFirst(loop, worker.draining))
    })
  )

/** A schedule, as it was heard of last. Times are in milliseconds since 1970. */
export interface Status {
  readonly schedule: string
  /** Its cron expression and the zone of it, as the worker said that had it last; not there where none can say it. */
  readonly times: { readonly cron: string; readonly zone: string } | undefined
  /** When it is due next by the database's clock, if a worker that has it is there then. */
  readonly next: number | undefined
  /** The last tick that was run. */
  readonly last: Tick | undefined
  /** Where the run of that tick stands; not there where it was purged, or never written down. */
  readonly state: State | undefined
  /** The last tick that was left out. */
  readonly skipped: { readonly due: number; readonly why: Why } | undefined
  /** The last tick whose run could not be started, and why. */
  readonly failed: { readonly due: number; readonly why: string } | undefined
}

/**
 * The schedules that this cluster has ever had, each with its last run. How far that run is says `ClusterBatch.status`.
 *
 * **Example** (How last night went)
 *
 * ```ts
 * import { ClusterBatch, ClusterSchedule } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const lastNight = Effect.gen(function* () {
 *   const nightly = (yield* ClusterSchedule.all).find(({ schedule }) => schedule === "nightly")
 *   return nightly?.last === undefined ? undefined : yield* ClusterBatch.status(nightly.last.run)
 * })
 * ```
 */
export const all: Effect.Effect<ReadonlyArray<Status>, SqlError, SqlClient.SqlClient> = Effect.flatMap(
  Rows.all,
  Effect.forEach(
    Effect.fnUntraced(function* (row: Rows.Kept) {
      const { cron, due, failedDue, failedWhy, now, run, schedule, skippedDue, skippedWhy, state, zone } = row
      const times = cron === null || zone === null ? undefined : { cron, zone }
      const status: Status = {
        schedule,
        times,
        next: times && (yield* Expression.nextOf(times, now)),
        last: run === null || due === null ? undefined : { run, due },
        state: state ?? undefined,
        skipped:
          skippedDue === null || skippedWhy === null ? undefined : { due: skippedDue, why: skippedWhy },
        failed: failedDue === null || failedWhy === null ? undefined : { due: failedDue, why: failedWhy }
      }
      return status
    })
  )
)

/**
 * Forgets a schedule, so that it begins anew when a worker has it again: nothing of the time between is missed. Its runs
 * stay. Do it after the workers that have the schedule are gone.
 *
 * **Example** (No more nights)
 *
 * ```ts
 * import { ClusterSchedule } from "@stint/cluster"
 *
 * const noMore = ClusterSchedule.forget("nightly")
 * ```
 */
export const forget = (name: string): Effect.Effect<void, SqlError, SqlClient.SqlClient> => Rows.forget(name)
