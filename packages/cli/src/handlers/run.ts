/** What `stint run` does. */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Batch from "@stint/batch/Batch"
import type { Bill } from "@stint/batch/Cost"
import * as Journal from "@stint/batch/Journal"
import * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import * as Progress from "@stint/batch/Progress"
import * as Report from "@stint/batch/Report"
import * as Row from "@stint/batch/Row"
import * as Endpoints from "@stint/core/Endpoints"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import { ExitCode, signalCodes } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import * as InputFile from "../InputFile.ts"
import * as InputFlags from "../InputFlags.ts"
import * as JobFlags from "../JobFlags.ts"
import * as LeaseFlags from "../LeaseFlags.ts"
import * as MoneyFlags from "../MoneyFlags.ts"
import * as Orphan from "../Orphan.ts"
import * as OutputFlags from "../OutputFlags.ts"
import * as OutputFolder from "../OutputFolder.ts"
import * as Repeated from "../Repeated.ts"
import * as LastWords from "../report/LastWords.ts"
import * as Recorder from "../report/Recorder.ts"
import { RunReportJson } from "../report/RunReport.ts"
import * as RunLimits from "../RunLimits.ts"
import { Signals } from "../Signals.ts"
import * as SpecFile from "../SpecFile.ts"
import * as Supervised from "../Supervised.ts"
import * as Telemetry from "../Telemetry.ts"
import * as RunView from "../ui/RunView.ts"
import type { Given } from "../commands/run.ts"

/** What the answers depend on, known without waking anything: the spec, or the endpoint that exists. */
const identityOf = Effect.fnUntraced(function* (name: string, spec: EndpointSpec.EndpointSpec | undefined) {
  if (spec !== undefined) return Batch.identityFromSpec(spec)
  const endpoint = yield* Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.get(name))
  return { repository: endpoint.model?.repository ?? undefined }
})

/**
 * With what was done before the run, `before` rows: a run that ends early has counted only those of them that it came by, and
 * the others are not left.
 */
const withBefore = (report: Report.Report, before: number): Report.Report => {
  const skipped = Math.max(report.skipped, before)
  const left = Math.max(0, report.items - report.succeeded - report.failed - skipped)
  return { ...report, skipped, remaining: report.remaining === undefined ? undefined : left }
}

const withCounts = (
  report: Report.Report,
  { invalid, truncated = 0 }: { readonly invalid: number; readonly truncated?: number }
): Report.Report => ({
  ...report,
  ...(invalid === 0 ? {} : { invalid }),
  ...(truncated === 0 ? {} : { truncated })
})

const count = (n: number) => n.toLocaleString("en-US")

const encode = Schema.encodeEffect(RunReportJson)

/** The end of a run on stdout: in words, or for a program as the report of it. */
const tell = Effect.fnUntraced(function* (
  recorder: Recorder.Recorder,
  {
    end,
    json,
    report,
    state
  }: {
    readonly json: boolean
    readonly report: Report.Report
    readonly end: Parameters<typeof LastWords.write>[2]
    readonly state: string | undefined
  }
) {
  const written = yield* LastWords.write(recorder, report, end)
  const summary = RunView.summary(report, end.directory, state)
  if (!json) return yield* Console.log(summary)
  yield* Console.error(summary)
  const whole = written ?? (yield* recorder.report(report, LastWords.endedOf(end), undefined))
  yield* Console.log(yield* Effect.orDie(encode(whole)))
})

const once = Effect.fn("run")(function* (options: Given) {
  const { endpoint: name, job: kind } = options
  yield* Effect.annotateCurrentSpan({ "stint.endpoint.name": name, "stint.job": kind })
  const signals = yield* Signals
  const status = yield* ExitStatus
  const view = yield* RunView.make(name, options)
  const files = yield* JobFlags.folder(options, kind)
  let kept = 0
  const job = Row.job(kind, {
    ...(yield* JobFlags.toOptions(options, kind)),
    files,
    onKept: () => void kept++
  })

  const spec = Option.isSome(options.spec) ? yield* SpecFile.read(options.spec.value) : undefined
  const output = yield* OutputFlags.toOutput(options, kind)
  const reading = yield* InputFlags.toReading(options, options.input)
  const { journal, finish } = yield* OutputFolder.open(options.out)
  const identity = yield* identityOf(name, spec)
  const batch = { identity, changed: options.changed, ...(yield* RunLimits.toOptions(options)) }

  const input = yield* InputFile.open({
    input: options.input,
    reading,
    kind,
    directory: options.out,
    files,
    skipInvalid: options.skipInvalid
  })
  const rows = JobFlags.plainOnly(input.rows, options)
  const plan = yield* Batch.prepare(rows, job, batch).pipe(Effect.provideService(Journal.Journal, journal))
  const invalid = yield* input.invalid
  if (invalid > 0) {
    yield* view.say(
      `${count(invalid)} invalid ${input.unit}s of ${input.name} are left out; they are in invalid.jsonl.`
    )
  }

  const progress = Progress.make({ total: plan.items })
  const { conceal } = yield* Endpoints.Endpoints
  const recorder = yield* Recorder.make({
    progress,
    name,
    job: kind,
    input: options.input,
    directory: options.out,
    args: yield* Effect.flatMap(Stdio.Stdio, ({ args }) => args),
    usage: job.usage,
    conceal
  })

  if (plan.remaining === 0) {
    yield* view.say(
      plan.items === 0
        ? `${input.name} has no rows: nothing to do, endpoint ${name} is not woken.`
        : `All ${count(plan.items)} rows are in the journal already: nothing to do, endpoint ${name} is not woken.`
    )
    const report = withCounts(Report.nothingToDo(plan.items), { invalid })
    yield* finish(report, output, rows)
    if (invalid > 0) yield* Ref.set(status, ExitCode.itemsFailed)
    yield* tell(recorder, {
      json: options.json,
      report,
      end: { directory: options.out, exit: Exit.void, signal: undefined },
      state: undefined
    })
    return yield* Orphan.release(name, { isGuarded: options.guardian, say: view.say })
  }
  yield* view.say(
    `${count(plan.items)} ${plan.items === 1 ? "row" : "rows"} in ${input.name}, ${count(plan.remaining)} to do.`
  )

  const drain = yield* Deferred.make<void>()
  const namespace = yield* Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.namespace)
  let phase: Supervised.Phase = "claiming"
  let bill: Bill | undefined
  let state: string | undefined

  const onEvent = (event: ManagedEndpoint.Event) => {
    phase = Supervised.phaseAfter(event, phase)
    if (event._tag === "TookOver") signals.setAtRisk(RunView.atRisk(namespace, name, undefined))
    if (event._tag === "Creating") signals.setAtRisk(RunView.atRisk(event.namespace, name, undefined))
    if (event._tag === "Resuming" || event._tag === "Acquired") {
      signals.setAtRisk(RunView.atRisk(event.namespace, name, event.endpoint))
    }
    if (event._tag === "Released") {
      signals.setAtRisk(undefined)
      bill = event.bill
      state = event.state
    }
    if (event._tag === "Left") {
      signals.setAtRisk(undefined)
      bill = event.bill
      state = "held by others still"
    }
    if (event._tag === "Kept") {
      bill = event.bill
      state = "left running, and billed"
    }
    return Effect.andThen(recorder.event(event), view.event(event))
  }

  const held = ManagedEndpoint.withEndpoint(
    {
      name,
      spec,
      ...(yield* LeaseFlags.toOptions(options)),
      ...MoneyFlags.toOptions(options),
      onEvent
    },
    (current) =>
      Batch.run(rows, job, {
        ...batch,
        ...Telemetry.ofRequests(options),
        progress,
        drain: Deferred.await(drain)
      }).pipe(Telemetry.requests(options, current))
  ).pipe(Effect.provideService(Journal.Journal, recorder.watch(journal)))

  yield* Effect.forkScoped(recorder.follow)
  const supervised = Supervised.run(held, {
    phase: () => phase,
    drain,
    drainTimeout: options.drainTimeout,
    say: view.say
  })
  const exit = yield* Effect.scoped(Effect.andThen(Effect.forkScoped(view.follow(progress)), supervised))

  const now = withBefore(yield* Report.fromProgress(progress, bill), plan.items - plan.remaining)
  const report = withCounts(now, { invalid, truncated: kept })
  const written = yield* Effect.exit(finish(report, output, rows))
  const signal = signals.received()
  yield* tell(recorder, { json: options.json, report, end: { directory: options.out, exit, signal }, state })
  if (kept > 0) yield* view.say(JobFlags.keptText(kept))

  const isUnreached = Exit.isFailure(exit) && (phase === "claiming" || phase === "taken")
  const isLeftAwake = isUnreached && (yield* Orphan.warn(namespace, name))

  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
    return yield* Effect.failCause(
      Exit.isFailure(written) ? Cause.combine(exit.cause, written.cause) : exit.cause
    )
  }
  yield* written
  if (isLeftAwake) return
  yield* Ref.set(
    status,
    signal !== undefined
      ? signalCodes[signal]
      : report.failed + invalid > 0
        ? ExitCode.itemsFailed
        : ExitCode.success
  )
}, Effect.scoped)

/** What the command does. */
export const handle = (options: Given) =>
  Effect.flatMap(RunView.make(options.endpoint), (view) =>
    Telemetry.around(Repeated.run(once(options), options, view.say), options, view.say)
  )
