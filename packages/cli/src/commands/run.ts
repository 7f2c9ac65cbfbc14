/**
 * `stint run`: one batch, from a file to a folder, on an endpoint that sleeps before and after.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Batch from "@stint/batch/Batch"
import type { Bill } from "@stint/batch/Cost"
import * as Journal from "@stint/batch/Journal"
import * as Limit from "@stint/batch/Limit"
import * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import * as Progress from "@stint/batch/Progress"
import * as Report from "@stint/batch/Report"
import * as Row from "@stint/batch/Row"
import * as Endpoints from "@stint/core/Endpoints"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import { ExitCode, signalCodes } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import * as OutputFolder from "../OutputFolder.ts"
import { ShortDuration } from "../ShortDuration.ts"
import { Signals } from "../Signals.ts"
import * as SpecFile from "../SpecFile.ts"
import * as Supervised from "../Supervised.ts"
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

/** What the answers depend on, known without waking anything: the spec, or the endpoint that exists. */
const identityOf = Effect.fnUntraced(function* (name: string, spec: EndpointSpec.EndpointSpec | undefined) {
  if (spec !== undefined) return Batch.identityFromSpec(spec)
  const endpoint = yield* Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.get(name))
  return { repository: endpoint.model?.repository ?? undefined }
})

const count = (n: number) => n.toLocaleString("en-US")

/** `stint run` */
export const run = Command.make(
  "run",
  flags,
  Effect.fn("run")(function* (options) {
    const { endpoint: name, input, job: kind } = options
    const signals = yield* Signals
    const status = yield* ExitStatus
    const view = yield* RunView.make(name)
    const job = Row.job(kind)
    const rows = Row.source(input, kind)

    const spec = Option.isSome(options.spec) ? yield* SpecFile.read(options.spec.value) : undefined
    const { journal, finish } = yield* OutputFolder.open(options.out)
    const identity = yield* identityOf(name, spec)
    const batch = { identity, changed: options.changed, limit: Limit.fixed(options.concurrency) }

    const plan = yield* Batch.prepare(rows, job, batch).pipe(
      Effect.provideService(Journal.Journal, journal),
      Effect.catchTag("DuplicateKey", ({ key }) =>
        Effect.flatMap(Row.duplicateAt(input, kind, key), Effect.fail)
      )
    )

    if (plan.remaining === 0) {
      yield* view.say(
        plan.items === 0
          ? `${input} has no rows: nothing to do, endpoint ${name} is not woken.`
          : `All ${count(plan.items)} rows are in the journal already: nothing to do, endpoint ${name} is not woken.`
      )
      const report = Report.nothingToDo(plan.items)
      yield* finish(report)
      return yield* Console.log(RunView.summary(report, options.out, undefined))
    }
    yield* view.say(`${count(plan.items)} rows in ${input}, ${count(plan.remaining)} to do.`)

    const drain = yield* Deferred.make<void>()
    const progress = Progress.make({ total: plan.items })
    let phase: Supervised.Phase = "waking"
    let bill: Bill | undefined
    let state: string | undefined

    const onEvent = (event: ManagedEndpoint.Event) => {
      if (event._tag === "Ready") phase = "running"
      if (event._tag === "Releasing") phase = "releasing"
      if (event._tag === "Acquired") signals.setAtRisk(RunView.atRisk(event.endpoint))
      if (event._tag === "Released") {
        bill = event.bill
        state = event.state
      }
      if (event._tag === "Kept") {
        bill = event.bill
        state = "left running, and billed"
      }
      return view.event(event)
    }

    const held = ManagedEndpoint.withEndpoint(
      { name, spec, onRelease: policyOf[options.onRelease], readyTimeout: options.readyTimeout, onEvent },
      (current) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.forkScoped(view.follow(progress, current.bill))
            return yield* Batch.run(rows, job, { ...batch, progress, drain: Deferred.await(drain) })
          })
        )
    ).pipe(Effect.provideService(Journal.Journal, journal))

    const exit = yield* Supervised.run(held, {
      phase: () => phase,
      drain,
      drainTimeout: options.drainTimeout,
      say: view.say
    })

    const report = yield* Report.fromProgress(progress, bill)
    const written = yield* Effect.exit(finish(report))
    yield* Console.log(RunView.summary(report, options.out, state))

    const signal = signals.received()
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      return yield* Effect.failCause(
        Exit.isFailure(written) ? Cause.combine(exit.cause, written.cause) : exit.cause
      )
    }
    yield* written
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
