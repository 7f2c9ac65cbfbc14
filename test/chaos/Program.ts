/** What each process runs: the whole of a batch, on files. */
import {
  Batch,
  FailureBudget,
  Inference,
  Job,
  Journal,
  Leases,
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
import * as LeaseRecords from "../../packages/batch/src/node/LeaseRecords.ts"
import * as Sweeping from "../../packages/batch/src/node/Sweep.ts"
import type * as Invariants from "./Invariants.ts"
import type * as Ownership from "./Ownership.ts"
import type * as Schedule from "./Schedule.ts"
import type * as Service from "./Service.ts"

export const journalPath = "/out/journal.jsonl"
export const rowsPath = "/in/rows.jsonl"
export const folder = "/out"
export const records = "/state/leases"

type Lessor = Pick<Ownership.Ownership, "watched">

/** The leases that a process goes by: on record, and watched. */
const leasesOf = (who: string, schedule: Schedule.Schedule, service: Service.Service, lessor: Lessor) =>
  schedule.hasLease
    ? Effect.map(
        Effect.orDie(
          LeaseRecords.make({
            directory: records,
            guardian: schedule.hasGuardian ? { token: service.token } : undefined
          })
        ),
        (leases) => lessor.watched(who, leases)
      )
    : Leases.Leases

/** What every process goes by: nothing is said, and nothing is held by a process that is gone. */
const asProcess = <A, E, R>(
  who: string,
  schedule: Schedule.Schedule,
  service: Service.Service,
  lessor: Lessor,
  program: Effect.Effect<A, E, R | Endpoints.Endpoints>
) =>
  Effect.flatMap(leasesOf(who, schedule, service, lessor), (leases) =>
    program.pipe(
      Effect.provideService(Endpoints.Endpoints, service.endpoints),
      // What is held dies with its process, though the service that it goes through is the world's.
      Effect.provideService(Sharing.Sharing, Sharing.make()),
      Effect.provideService(Leases.Leases, leases)
    )
  ).pipe(
    Effect.scoped,
    Effect.provideService(Policy.CurrentPolling, Repetition.spaced("3 seconds")),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provideService(Logger.CurrentLoggers, new Set())
  )

/** Another run on the same endpoint: it asks once and stays for a while. */
export const neighbour = (options: {
  readonly who: string
  readonly schedule: Schedule.Schedule
  readonly service: Service.Service
  readonly lessor: Lessor
  readonly neighbour: Schedule.Neighbour
  readonly onEvent: (event: ManagedEndpoint.Event) => void
}) => {
  const { lessor, neighbour, schedule, service, who } = options
  return asProcess(
    who,
    schedule,
    service,
    lessor,
    withEndpoint(
      {
        name: service.name,
        spec: service.spec,
        onRelease: schedule.policy,
        whenLeased: neighbour.whenLeased,
        onEvent: (event) => Effect.sync(() => options.onEvent(event))
      },
      () =>
        Effect.andThen(
          Effect.exit(Effect.timeout(Inference.featureExtraction(who), "1 minute")),
          Effect.sleep(neighbour.worksMillis)
        )
    )
  )
}

/** What `stint sweep` does with what is on record. */
export const sweep = (who: string, schedule: Schedule.Schedule, service: Service.Service, lessor: Lessor) =>
  asProcess(
    who,
    schedule,
    service,
    lessor,
    Effect.gen(function* () {
      const { candidates } = yield* Sweeping.plan({ directory: records })
      return yield* Effect.forEach(
        candidates.filter(({ foundBy }) => foundBy === "record"),
        (candidate) => Sweeping.sweep(candidate, { directory: records })
      )
    })
  )

const Row = Schema.Struct({ id: Schema.String, text: Schema.String })

export const make = (options: {
  readonly schedule: Schedule.Schedule
  readonly service: Service.Service
  readonly lessor: Lessor
  readonly who: string
  /** Whether nothing more goes wrong: then nothing ends before its time. */
  readonly isCalm: boolean
  readonly watch: ReturnType<Invariants.Invariants["process"]>
  readonly progress: Progress.Progress
  readonly isDurable: (key: string, tag: string) => boolean
  readonly onEvent: (event: ManagedEndpoint.Event) => void
}) =>
  Effect.gen(function* () {
    const { isCalm, lessor, progress, schedule, service, watch, who } = options
    const { name, spec } = service
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
      limit: limitOf(schedule),
      attemptTimeout: "3 minutes",
      itemTimeout:
        isCalm || schedule.itemTimeoutSeconds === undefined
          ? undefined
          : `${schedule.itemTimeoutSeconds} seconds`,
      deadline:
        isCalm || schedule.deadlineSeconds === undefined ? undefined : `${schedule.deadlineSeconds} seconds`,
      maxBytes: schedule.maxBytes,
      // Where rows are bad, a rerun meets nothing else.
      failureBudget: [...schedule.fates.values()].some((fate) => fate !== "fine")
        ? FailureBudget.unlimited
        : undefined
    }
    const endpoint: ManagedEndpoint.Options = {
      name,
      spec,
      onRelease: schedule.policy,
      whenLeased: schedule.whenLeased,
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
    })
    const report = yield* asProcess(
      who,
      schedule,
      service,
      lessor,
      one.pipe(Effect.provideService(Journal.Journal, journal))
    )
    yield* Effect.provideService(Sink.results(folder), Journal.Journal, journal)
    return report
  }).pipe(
    Effect.scoped,
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provideService(Logger.CurrentLoggers, new Set())
  )

/** At most so many, what it learns below that, and no faster than it may. */
const limitOf = ({ isAdaptive, limit, requestsPerMinute }: Schedule.Schedule) => {
  const within = isAdaptive ? Limit.adaptive({ max: limit }) : Limit.fixed(limit)
  return requestsPerMinute === undefined ? within : Limit.rate({ requestsPerMinute, within })
}
