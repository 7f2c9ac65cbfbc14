/** What `stint plan` does. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Batch from "@stint/batch/Batch"
import * as Forecast from "@stint/batch/Forecast"
import * as Journal from "@stint/batch/Journal"
import * as Row from "@stint/batch/Row"
import * as Endpoints from "@stint/core/Endpoints"
import { ExitCode } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import * as InputFile from "../InputFile.ts"
import * as InputFlags from "../InputFlags.ts"
import * as JobFlags from "../JobFlags.ts"
import { FolderRefused } from "../OutputFolder.ts"
import { Plan } from "../Plan.ts"
import * as PlanHardware from "../PlanHardware.ts"
import * as SpecFile from "../SpecFile.ts"
import * as PlanView from "../ui/PlanView.ts"
import { PlanRefused } from "../PlanRefused.ts"
import type { Given } from "../commands/plan.ts"

/** The kinds that are measured in tokens, and those of them that write some. */
const texts: ReadonlySet<Row.Kind> = new Set(["embed", "classify", "generate", "chat"])

const writers: ReadonlySet<Row.Kind> = new Set(["generate", "chat"])

/** How far off an estimate of tokens is that does not know the model's own tokenizer. */
const TOKENS_OFF = 1.35

/** What would run: known without waking anything. */
const target = Effect.fnUntraced(function* (given: Given) {
  const spec = Option.isSome(given.spec) ? yield* SpecFile.read(given.spec.value) : undefined
  const model = Option.getOrUndefined(given.model)
  if (spec === undefined && model === undefined && Option.isNone(given.endpoint)) {
    return yield* new PlanRefused({
      detail: "say with --endpoint, --spec or --model which model it is"
    })
  }
  const size = Option.map(given.modelSize, Forecast.sizeFromText)
  if (Option.isSome(size) && size.value === undefined) {
    return yield* new PlanRefused({ detail: "--model-size is a number and a unit, as in 8B or 33M" })
  }
  const endpoints = yield* Endpoints.Endpoints
  const endpoint = Option.isNone(given.endpoint)
    ? undefined
    : yield* endpoints.get(given.endpoint.value).pipe(
        // With a spec it would be created.
        Effect.catchTag("NotFound", (error) =>
          spec === undefined && model === undefined ? Effect.fail(error) : Effect.succeed(undefined)
        )
      )
  const repository = spec?.repository ?? endpoint?.model?.repository ?? model
  return {
    spec,
    endpoint,
    repository,
    identity: Batch.identityFromSpec(spec) ?? { repository },
    size: Option.getOrUndefined(size) ?? (repository === undefined ? undefined : Forecast.sizeOf(repository))
  }
})

/** What the command's own flags add to a row. */
const tokensUnder = (options: Row.JobOptions) => {
  const system = options.system === undefined ? 0 : Forecast.tokensOfText(options.system)
  const named = options.parameters?.["max_tokens"] ?? options.parameters?.["max_new_tokens"]
  const most = options.maxTokens ?? (typeof named === "number" ? named : undefined)
  return (row: Row.Row): Forecast.RequestTokens => {
    const { input, maxOutput } = Forecast.tokensOfRow(row)
    return { input: input + system, maxOutput: maxOutput ?? most }
  }
}

/** Makes the plan. */
const planOf = Effect.fnUntraced(function* (given: Given) {
  const { job: kind } = given
  const reading = yield* InputFlags.toReading(given, given.input)
  const files = yield* JobFlags.folder(given, kind)
  const asked = yield* JobFlags.toOptions(given, kind)
  const job = Row.job(kind, { ...asked, files })
  const { endpoint, identity, repository, size, spec } = yield* target(given)

  // Stdin and what is invalid have to be written somewhere; not into the output folder.
  const directory = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const input = yield* InputFile.open({
    input: given.input,
    reading,
    kind,
    directory,
    files,
    skipInvalid: given.skipInvalid
  })
  const out = Option.getOrUndefined(given.out)
  const folder = out === undefined ? undefined : yield* readFolder(out)
  const survey = yield* Forecast.survey(JobFlags.plainOnly(input.rows, given), job, {
    identity,
    changed: given.changed,
    dedupe: Option.getOrUndefined(given.dedupe),
    tokens: tokensUnder(asked)
  }).pipe(folder === undefined ? (survey) => survey : Effect.provideService(Journal.Journal, folder.journal))

  const { all, at, instances, problems } = yield* PlanHardware.find({ spec, endpoint })
  const past =
    folder && Forecast.past(folder, job, { hardware: all, at, inputTokens: survey.doneInputTokens })
  const assumed = Forecast.assume({
    writes: writers.has(kind),
    answers: past?.answers,
    allowed: survey.maxOutput
  })
  const mean = survey.inputTokens
  const inputTokens = { low: mean / TOKENS_OFF, expected: mean, high: mean * TOKENS_OFF }
  const deadline = Option.getOrUndefined(given.deadline)
  const forecast = Forecast.make({
    work: {
      requests: survey.requests,
      inputTokens,
      outputTokens: assumed.outputTokens,
      longestOutput: assumed.longest,
      isText: texts.has(kind)
    },
    hardware: instances,
    model: size,
    evidence: past?.evidence,
    boot: past?.boot,
    running: endpoint?.isRunning === true ? at : undefined,
    deadline
  })
  const plan: Plan = {
    input: input.name,
    job: kind,
    rows: survey.items,
    done: survey.done,
    shared: survey.shared,
    invalid: yield* input.invalid,
    tokens: {
      input: inputTokens,
      output: assumed.outputTokens,
      outputBecause: assumed.because,
      counted: survey.counted
    },
    model: { repository, parameters: size?.parameters },
    endpoint: endpoint && { name: endpoint.name, state: endpoint.state, hardware: endpoint.hardware },
    deadlineMinutes: deadline && Duration.toMinutes(deadline),
    problems,
    forecast
  }
  return plan
}, Effect.scoped)

const readFolder = (directory: string) =>
  Effect.mapError(
    Forecast.readFolder(directory),
    ({ message }) => new FolderRefused({ directory, detail: message })
  )

const encode = Schema.encodeEffect(Schema.fromJsonString(Plan))

/** What the command does. */
export const handle = Effect.fn("plan")(function* (given: Given) {
  const made = yield* planOf(given)
  yield* Console.log(given.json ? yield* Effect.orDie(encode(made)) : PlanView.format(made))
  if (made.invalid > 0) yield* Ref.set(yield* ExitStatus, ExitCode.itemsFailed)
})
