/** What each process runs: the whole of a batch, on files. */
import {
  Batch,
  FailureBudget,
  Inference,
  Job,
  Journal,
  Limit,
  type ManagedEndpoint,
  type Progress,
  Report,
  Sink,
  Sharing,
  Source,
  withEndpoint
} from "@stint/batch"
import { Endpoints, Policy } from "@stint/core"
import { Effect, Logger, References, Schedule as Repetition, Schema, Stream } from "effect"
import type * as Invariants from "./Invariants.ts"
import type * as Schedule from "./Schedule.ts"
import type * as Service from "./Service.ts"

export const journalPath = "/out/journal.jsonl"
export const rowsPath = "/in/rows.jsonl"
export const folder = "/out"

const Row = Schema.Struct({ id: Schema.String, text: Schema.String })

export const make = (options: {
  readonly schedule: Schedule.Schedule
  readonly service: Service.Service
  readonly watch: ReturnType<Invariants.Invariants["process"]>
  readonly progress: Progress.Progress
  readonly isDurable: (key: string, tag: string) => boolean
  readonly onEvent: (event: ManagedEndpoint.Event) => void
}) =>
  Effect.gen(function* () {
    const { progress, schedule, service, watch } = options
    const { endpoints, name, spec } = service
    const journal = yield* Journal.makeFile(journalPath)
    let pulled = 0
    const settled = () => progress.cells.succeeded + progress.cells.failed + progress.cells.skipped
    const rows = Stream.suspend(() => {
      pulled = 0
      return Source.jsonl(rowsPath, Row).pipe(
        Stream.rechunk(1),
        Stream.tap(() =>
          Effect.sync(() => {
            pulled++
            if (progress.cells.startedAt !== undefined) watch.onHeld(pulled - settled())
          })
        )
      )
    })
    const job = Job.make({
      name: "embed",
      key: (row: Schedule.Row) => row.id,
      fingerprint: (row) => row.text,
      output: Schema.Array(Schema.Finite),
      run: (row) => Inference.featureExtraction(row.text),
      isDeterministic: schedule.isDeterministic
    })
    const batch: Batch.Options = {
      progress,
      limit: schedule.isAdaptive ? adaptive(schedule.limit) : Limit.fixed(schedule.limit),
      attemptTimeout: "3 minutes",
      // Where rows are bad, a rerun meets nothing else.
      failureBudget: [...schedule.fates.values()].some((fate) => fate !== "fine")
        ? FailureBudget.unlimited
        : undefined
    }
    const endpoint: ManagedEndpoint.Options = {
      name,
      spec,
      onRelease: schedule.policy,
      onEvent: (event) => Effect.sync(() => options.onEvent(event))
    }
    const one = Effect.gen(function* () {
      if (schedule.way === "runOn") return yield* Batch.runOn(rows, endpoint, job, batch)
      const plan = yield* Batch.prepare(rows, job, batch)
      if (plan.remaining === 0) return Report.nothingToDo(plan.items)
      yield* withEndpoint(endpoint, () =>
        rows.pipe(
          Batch.stream(job, batch),
          Stream.runForEach((outcome) => Effect.sync(() => watch.onOutcome(outcome, options.isDurable)))
        )
      )
      return yield* Report.fromProgress(progress)
    }).pipe(
      Effect.provideService(Endpoints.Endpoints, endpoints),
      // What is held dies with its process, though the service that it goes through is the world's.
      Effect.provideService(Sharing.Sharing, Sharing.make())
    )
    const report = yield* one.pipe(Effect.provideService(Journal.Journal, journal))
    yield* Effect.provideService(Sink.results(folder), Journal.Journal, journal)
    return report
  }).pipe(
    Effect.scoped,
    Effect.provideService(Policy.CurrentPolling, Repetition.spaced("3 seconds")),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provideService(Logger.CurrentLoggers, new Set())
  )

/** At most so many, and what it learns below that. */
const adaptive = (max: number) => Limit.adaptive({ max })
