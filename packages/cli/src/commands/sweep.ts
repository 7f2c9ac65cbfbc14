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
import * as Endpoints from "@stint/core/Endpoints"
import { ExitCode } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import { ShortDuration } from "../ShortDuration.ts"

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
    Flag.withDescription("Say nothing of what is left alone"),
    Flag.withDefault(false)
  ),
  idle: Flag.String("idle").pipe(
    Flag.withDescription(
      "Leave endpoints alone that were called or changed within this time and that no record here knows: a run on another machine may hold them"
    ),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.minutes(15))
  )
}

const describe = ({ foundBy, name, namespace, pricePerHour, since, state }: Sweep.Candidate) =>
  [
    `${namespace}/${name}`,
    state ?? "no such endpoint",
    `found by ${foundBy}`,
    ...(since === undefined || since === "" ? [] : [`since ${since}`]),
    pricePerHour === undefined ? "price unknown" : `$${pricePerHour}/h`
  ].join("  ")

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

/** `stint sweep` */
export const sweep = Command.make(
  "sweep",
  flags,
  Effect.fn("sweep")(function* (options) {
    const status = yield* ExitStatus
    const { candidates: all, unlisted } = yield* Sweep.plan({ idle: options.idle })
    if (unlisted !== undefined) {
      yield* Effect.logWarning(`Nothing is looked for by its tag: ${unlisted.message}`)
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
    }
    const skipped = all.filter((candidate) => candidate.skipped !== undefined)
    const todo = all.filter((candidate) => candidate.skipped === undefined)
    if (!options.quiet) {
      for (const candidate of skipped) {
        yield* Console.log(`${describe(candidate)}  left alone: ${candidate.skipped}`)
      }
    }
    if (todo.length === 0) {
      if (!options.quiet) yield* Console.log("Nothing to release.")
      return
    }
    if (options.dryRun || !options.yes) {
      for (const candidate of todo)
        yield* Console.log(`${describe(candidate)}  to be released (${candidate.policy})`)
    }
    if (options.dryRun) return
    if (!options.yes) {
      const { canPrompt } = yield* TerminalCapabilities
      if (!canPrompt) return yield* new SweepRefused({ count: todo.length })
      const message = `Release ${todo.length === 1 ? "it" : `these ${todo.length}`}?`
      if (!(yield* Prompt.run(Prompt.Confirm({ message })))) return yield* Console.log("Nothing was done.")
    }
    const results = yield* Effect.forEach(todo, (candidate) =>
      Effect.tap(Sweep.sweep(candidate), (result) =>
        Console.log(`${describe(candidate)}  ${outcome(result)}`)
      )
    )
    if (results.some(({ _tag }) => _tag === "Unconfirmed"))
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
  })
).pipe(
  Command.provide(Endpoints.layerConfig()),
  Command.withDescription(
    "Release endpoints that nobody holds any more: by lease record, and by the tag stint"
  ),
  Command.withExamples([
    { command: "stint sweep --dry-run", description: "What runs for nobody, and what it costs" },
    {
      command: "stint sweep --yes --quiet",
      description: "From cron: one line for each endpoint that is released"
    }
  ])
)
