/**
 * `stint sweep`: puts to sleep what runs for nobody.
 */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { Sweep } from "@stint/batch/node"
import * as Credentials from "@stint/core/Credentials"
import * as Endpoints from "@stint/core/Endpoints"
import * as DamagedRecords from "../DamagedRecords.ts"
import { ExitCode, signalCodes } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import { isLeftAwake } from "../Orphan.ts"
import { ShortDuration } from "../ShortDuration.ts"
import { Signals } from "../Signals.ts"
import * as Supervised from "../Supervised.ts"
import * as RunView from "../ui/RunView.ts"

/** There is something to release, and nobody to ask. */
export class SweepRefused extends Schema.TaggedError<SweepRefused>()("SweepRefused", { count: Schema.Int }) {
  override get message() {
    return `${this.count === 1 ? "An endpoint is" : `${this.count} endpoints are`} to be released, and there is no terminal to ask on: nothing was done. Run it again with --yes.`
  }
}

const flags = {
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Do not ask; for cron"),
    Flag.withDefault(false)
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Only say what would be done"),
    Flag.withDefault(false)
  ),
  quiet: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("Say nothing of what is left alone, unless a run here left it awake"),
    Flag.withDefault(false)
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDescription(
      "Release also what was changed since its run was lost: by that run itself, or by somebody who uses it"
    ),
    Flag.withDefault(false)
  ),
  idle: Flag.String("idle").pipe(
    Flag.withDescription(
      "Leave endpoints alone that were called or changed within this time and that no record here knows: a run on another machine may hold them"
    ),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.minutes(30))
  )
}

const describe = ({ foundBy, name, namespace, pricePerHour, since, skipped, state }: Sweep.Candidate) =>
  [
    `${namespace}/${name}`,
    // What is held by somebody else is not asked for.
    state ?? (skipped === undefined ? "no such endpoint" : "not looked at"),
    `found by ${foundBy}`,
    ...(since === undefined || since === "" ? [] : [`since ${since}`]),
    pricePerHour === undefined ? "price unknown" : `$${pricePerHour}/h`
  ].join("  ")

const although = ({ skipped }: Sweep.Candidate) =>
  skipped === undefined ? "" : `, although it was ${skipped}`

const outcome = (result: Sweep.Result): string => {
  switch (result._tag) {
    case "Released":
      return `released: ${result.state}, read back from the API`
    case "Cleared":
      return `record cleared: ${result.detail}`
    case "Skipped":
      return `left alone: ${result.reason}`
    case "Unconfirmed":
      return `NOT CONFIRMED, IT MAY STILL BE BILLING: ${result.detail}`
  }
}

type Options = Command.Command.Config.Infer<typeof flags>

/** What is to be released, after everything that is not has been told of. */
const choose = Effect.fnUntraced(function* (options: Options) {
  const status = yield* ExitStatus
  const { candidates: all, damaged, unlisted } = yield* Sweep.plan({ idle: options.idle })
  if (unlisted !== undefined) {
    yield* Effect.logWarning(`Nothing is looked for by its tag: ${unlisted.message}`)
    yield* Ref.set(status, ExitCode.releaseUnconfirmed)
  }
  yield* DamagedRecords.report(damaged)
  const isChosen = (candidate: Sweep.Candidate) =>
    candidate.skipped === undefined || (options.force && isLeftAwake(candidate))
  for (const candidate of all.filter((one) => !isChosen(one))) {
    if (isLeftAwake(candidate)) {
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      yield* Console.log(
        `${describe(candidate)}  LEFT AWAKE, IT MAY BE BILLING FOR NOBODY: ${candidate.skipped}. If nobody uses it: stint sweep --force`
      )
    } else if (!options.quiet) {
      yield* Console.log(`${describe(candidate)}  left alone: ${candidate.skipped}`)
    }
  }
  return all.filter(isChosen)
})

/** Releases one after the other, each to its end; after a signal none is begun any more. */
const release = Effect.fnUntraced(function* (todo: ReadonlyArray<Sweep.Candidate>) {
  const status = yield* ExitStatus
  const signals = yield* Signals
  const guardian = { token: yield* Credentials.token }
  for (const candidate of todo) {
    if (signals.received() !== undefined) {
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      yield* Console.log(
        `${describe(candidate)}  NOT RELEASED, IT MAY STILL BE BILLING: the sweep was stopped`
      )
      continue
    }
    signals.setAtRisk(RunView.atRisk(candidate.namespace, candidate.name, undefined))
    const releasing = Effect.gen(function* () {
      const result = yield* Sweep.sweep({ ...candidate, skipped: undefined }, { guardian })
      yield* Console.log(`${describe(candidate)}  ${outcome(result)}`)
      if (result._tag === "Unconfirmed") yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      else signals.setAtRisk(undefined)
    })
    yield* Supervised.toItsEnd(releasing, Console.error)
  }
})

/** `stint sweep` */
export const sweep = Command.make(
  "sweep",
  flags,
  Effect.fn("sweep")(function* (options) {
    const status = yield* ExitStatus
    const signals = yield* Signals
    let isReleasing = false
    const swept = Effect.gen(function* () {
      const todo = yield* choose(options)
      if (todo.length === 0) {
        const isAllAsleep = (yield* Ref.get(status)) === ExitCode.success
        if (!options.quiet) yield* Console.log(isAllAsleep ? "Nothing to release." : "Nothing was released.")
        return
      }
      if (options.dryRun || !options.yes) {
        for (const candidate of todo)
          yield* Console.log(
            `${describe(candidate)}  to be released (${candidate.policy})${although(candidate)}`
          )
      }
      if (options.dryRun) return
      if (!options.yes) {
        const { canPrompt } = yield* TerminalCapabilities
        if (!canPrompt) return yield* new SweepRefused({ count: todo.length })
        const message = `Release ${todo.length === 1 ? "it" : `these ${todo.length}`}?`
        if (!(yield* Prompt.run(Prompt.Confirm({ message })))) return yield* Console.log("Nothing was done.")
      }
      isReleasing = true
      yield* release(todo)
    })
    const stopped = Effect.flatMap(signals.first, (signal) =>
      isReleasing ? Effect.never : Console.error(`${signal}: stopping; nothing was released.`)
    )
    yield* Effect.raceFirst(swept, stopped)
    const signal = signals.received()
    if (signal === undefined) return
    yield* Ref.update(status, (code) => (code === ExitCode.releaseUnconfirmed ? code : signalCodes[signal]))
  })
).pipe(
  Command.provide(Endpoints.layerConfig()),
  Command.withDescription(
    "Release endpoints that nobody holds any more: by lease record, and by the tag stint"
  ),
  Command.withExamples([
    { command: "stint sweep --dry-run", description: "What runs for nobody, and what it costs" },
    {
      command: "stint sweep --force",
      description: "Also what was changed since its run was lost, after a question"
    },
    {
      command: "stint sweep --yes --quiet",
      description: "From cron: one line for each endpoint that is released"
    }
  ])
)
