/**
 * `stint run`: one batch, from a file to a folder, on an endpoint that sleeps before and after.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Batch from "@stint/batch/Batch"
import * as Journal from "@stint/batch/Journal"
import * as Limit from "@stint/batch/Limit"
import * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import * as Progress from "@stint/batch/Progress"
import * as Report from "@stint/batch/Report"
import * as Row from "@stint/batch/Row"
import * as Sink from "@stint/batch/Sink"
import { FolderLock } from "@stint/batch/node"
import * as Endpoints from "@stint/core/Endpoints"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import { ExitCode, signalCodes } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import { ShortDuration } from "../ShortDuration.ts"
import { Signals } from "../Signals.ts"
import * as SpecFile from "../SpecFile.ts"
import * as RunView from "../ui/RunView.ts"

const policies = ["pause", "restore", "scale-to-zero", "delete", "keep"] as const
const policyOf = {
  pause: "pause",
  restore: "restore",
  "scale-to-zero": "scaleToZero",
  delete: "delete",
  keep: "keep"
} as const

const flags = {
  input: Argument.String("input").pipe(
    Argument.withDescription('JSONL: OpenAI batch lines, or {"id", "input"} rows')
  ),
  endpoint: Flag.String("endpoint").pipe(
    Flag.withAlias("e"),
    Flag.withDescription(
      "Name of the endpoint: resumed when it sleeps, created from --spec when there is none"
    ),
    Flag.withSchema(EndpointSpec.Name)
  ),
  spec: Flag.String("spec").pipe(
    Flag.withDescription("JSON file that says what to create; without one nothing is created"),
    Flag.optional
  ),
  job: Flag.Literals("job", ["embed", "classify", "generate", "chat", "image", "http"]).pipe(
    Flag.withDescription("What to do with each row")
  ),
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription(
      "Folder for results.jsonl, errors.jsonl, journal.jsonl and report.json; used again, it goes on"
    )
  ),
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("Requests in flight"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4096 }))),
    Flag.withDefault(64)
  ),
  onRelease: Flag.Literals("on-release", policies).pipe(
    Flag.withDescription("What becomes of the endpoint in the end"),
    Flag.withDefault("pause")
  ),
  changed: Flag.Literals("changed", ["refuse", "redo", "keep"]).pipe(
    Flag.withDescription("What to do with rows that are done under another request or model"),
    Flag.withDefault("refuse")
  ),
  readyTimeout: Flag.String("ready-timeout").pipe(
    Flag.withDescription("How long the endpoint may take to be ready"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.minutes(20))
  ),
  drainTimeout: Flag.String("drain-timeout").pipe(
    Flag.withDescription("How long requests in flight may go on after the first Ctrl-C"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.seconds(30))
  )
}

type Phase = "waking" | "running" | "releasing"

const ReportJson = Schema.fromJsonString(Report.Report)

/** What the answers depend on, known without waking anything: the spec, or the endpoint that exists. */
const identityOf = Effect.fnUntraced(function* (name: string, spec: EndpointSpec.EndpointSpec | undefined) {
  if (spec !== undefined) return Batch.identityFromSpec(spec)
  const endpoint = yield* Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.get(name))
  return { repository: endpoint.model?.repository ?? undefined }
})

/** `stint run` */
export const run = Command.make(
  "run",
  flags,
  Effect.fn("run")(function* (options) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const signals = yield* Signals
    const status = yield* ExitStatus
    const view = yield* RunView.make(options.endpoint)
    const job = Row.job(options.job)
    const rows = Row.source(options.input, options.job)

    const spec = Option.isSome(options.spec) ? yield* SpecFile.read(options.spec.value) : undefined
    yield* fs.makeDirectory(options.out, { recursive: true })
    yield* FolderLock.hold(options.out)
    const journal = yield* Journal.makeFile(path.join(options.out, "journal.jsonl"))
    const identity = yield* identityOf(options.endpoint, spec)
    const batch = { identity, changed: options.changed, limit: Limit.fixed(options.concurrency) }

    const plan = yield* Effect.provideService(Batch.prepare(rows, job, batch), Journal.Journal, journal)

    const reportFile = path.join(options.out, "report.json")

    const finish = Effect.fnUntraced(function* (report: Report.Report, state: string | undefined) {
      yield* Effect.provideService(Sink.results(options.out, Row.format), Journal.Journal, journal)
      // A start that sends nothing has nothing to say of what the rows have cost.
      if (report.attempts > 0 || !(yield* fs.exists(reportFile))) {
        const json = yield* Schema.encodeEffect(ReportJson)(report)
        yield* fs.writeFileString(reportFile, `${json}\n`)
      }
      yield* Console.log(RunView.summary(report, options.out, state))
    })

    if (plan.remaining === 0) {
      yield* view.say(
        `All ${plan.items.toLocaleString("en-US")} rows are in the journal already: nothing to do, endpoint ${options.endpoint} is not woken.`
      )
      return yield* finish(Report.nothingToDo(plan.items), undefined)
    }

    yield* view.say(
      `${plan.items.toLocaleString("en-US")} rows in ${options.input}, ${plan.remaining.toLocaleString("en-US")} to do.`
    )

    const phase = yield* Ref.make<Phase>("waking")
    const drain = yield* Deferred.make<void>()
    const progress = Progress.make({ total: plan.items })
    let released: Extract<ManagedEndpoint.Event, { readonly _tag: "Released" }> | undefined

    const onEvent = (event: ManagedEndpoint.Event) => {
      if (event._tag === "Released") released = event
      const next: Phase =
        event._tag === "Ready" ? "running" : event._tag === "Releasing" ? "releasing" : "waking"
      return Effect.andThen(Ref.set(phase, next), view.event(event))
    }

    const held = ManagedEndpoint.withEndpoint(
      {
        name: options.endpoint,
        spec,
        onRelease: policyOf[options.onRelease],
        readyTimeout: options.readyTimeout,
        onEvent
      },
      ({ bill }) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.forkScoped(view.follow(progress, bill))
            return yield* Batch.run(rows, job, { ...batch, progress, drain: Deferred.await(drain) })
          })
        )
    ).pipe(Effect.provideService(Journal.Journal, journal))

    const fiber = yield* Effect.forkChild(held, { startImmediately: true })

    const onSignal = Effect.gen(function* () {
      const signal = yield* signals.first
      const now = yield* Ref.get(phase)
      if (now === "running") {
        yield* view.say(`${signal}: finishing what is in flight, then releasing. Once more: release now.`)
        yield* Deferred.succeed(drain, undefined)
        yield* Effect.raceFirst(Effect.asVoid(signals.second), Effect.sleep(options.drainTimeout))
      }
      yield* view.say(
        now === "releasing"
          ? `${signal}: being released already. Twice more leaves at once: it may then go on billing.`
          : "Releasing the endpoint. Once more leaves at once: it may then go on billing."
      )
      yield* Fiber.interrupt(fiber)
    })
    const watcher = yield* Effect.forkChild(onSignal)

    const exit = yield* Fiber.await(fiber)
    yield* Fiber.interrupt(watcher)

    const report = yield* Report.fromProgress(progress, released?.bill)
    yield* finish(report, released?.state)

    const signal = signals.received()
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause))
      return yield* Effect.failCause(exit.cause)
    yield* Ref.set(
      status,
      signal !== undefined ? signalCodes[signal] : report.failed > 0 ? ExitCode.itemsFailed : ExitCode.success
    )
  }, Effect.scoped)
).pipe(
  Command.provide(Endpoints.layerConfig()),
  Command.withDescription("Run a batch on an endpoint that is awake for it and asleep after it"),
  Command.withExamples([
    {
      command: "stint run rows.jsonl --endpoint batch-embed --spec endpoint.json --job embed --out results",
      description: "Create or resume the endpoint, embed every row, pause the endpoint"
    }
  ])
)
