/** What `stint sweep` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { Sweep } from "@stint/batch/node"
import * as Credentials from "@stint/core/Credentials"
import * as DamagedRecords from "../DamagedRecords.ts"
import { ExitCode, signalCodes } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import { isLeftAwake } from "../Orphan.ts"
import { Signals } from "../Signals.ts"
import * as Supervised from "../Supervised.ts"
import * as RunView from "../ui/RunView.ts"
import { SweepRefused } from "../SweepRefused.ts"
import type { Given } from "../commands/sweep.ts"

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

/** What a program is told of an endpoint, one line each. */
const Line = Schema.fromJsonString(
  Schema.Struct({
    endpoint: Schema.String,
    /** `toRelease` is what is to be asked about, or would be done but for `--dry-run`. */
    outcome: Schema.Literals(["toRelease", "released", "cleared", "leftAlone", "leftAwake", "unconfirmed"]),
    detail: Schema.String,
    state: Schema.NullOr(Schema.String),
    foundBy: Schema.Literals(["record", "tag"]),
    policy: Schema.String,
    since: Schema.NullOr(Schema.String),
    pricePerHour: Schema.NullOr(Schema.Finite)
  })
)

const encode = Schema.encodeEffect(Line)

const outcomeOf = {
  Released: "released",
  Cleared: "cleared",
  Skipped: "leftAlone",
  Unconfirmed: "unconfirmed"
} as const

/** Says what becomes of an endpoint: to a person in words, to a program in its line. */
const tell = Effect.fnUntraced(function* (
  candidate: Sweep.Candidate,
  outcome: (typeof Line.Type)["outcome"],
  words: string,
  { json }: Given
) {
  if (!json) return yield* Console.log(`${describe(candidate)}  ${words}`)
  const { foundBy, name, namespace, policy, pricePerHour, since, state } = candidate
  const line = {
    endpoint: `${namespace}/${name}`,
    outcome,
    detail: words,
    state: state ?? null,
    foundBy,
    policy,
    since: since || null,
    pricePerHour: pricePerHour ?? null
  }
  yield* Console.log(yield* Effect.orDie(encode(line)))
})

/** What is to be released, after everything that is not has been told of. */
const choose = Effect.fnUntraced(function* (options: Given) {
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
      const words = `LEFT AWAKE, IT MAY BE BILLING FOR NOBODY: ${candidate.skipped}. If nobody uses it: stint sweep --force`
      yield* tell(candidate, "leftAwake", words, options)
    } else if (!options.quiet) {
      yield* tell(candidate, "leftAlone", `left alone: ${candidate.skipped}`, options)
    }
  }
  return all.filter(isChosen)
})

/** Releases one after the other, each to its end; after a signal none is begun any more. */
const release = Effect.fnUntraced(function* (todo: ReadonlyArray<Sweep.Candidate>, options: Given) {
  const status = yield* ExitStatus
  const signals = yield* Signals
  const guardian = { token: yield* Credentials.token }
  for (const candidate of todo) {
    if (signals.received() !== undefined) {
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      const words = "NOT RELEASED, IT MAY STILL BE BILLING: the sweep was stopped"
      yield* tell(candidate, "unconfirmed", words, options)
      continue
    }
    signals.setAtRisk(RunView.atRisk(candidate.namespace, candidate.name, undefined))
    const releasing = Effect.gen(function* () {
      const result = yield* Sweep.sweep({ ...candidate, skipped: undefined }, { guardian })
      yield* tell(candidate, outcomeOf[result._tag], outcome(result), options)
      if (result._tag === "Unconfirmed") yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      else signals.setAtRisk(undefined)
    })
    yield* Supervised.toItsEnd(releasing, Console.error)
  }
})

/** What the command does. */
export const handle = Effect.fn("sweep")(function* (options: Given) {
  const status = yield* ExitStatus
  const signals = yield* Signals
  let isReleasing = false
  const swept = Effect.gen(function* () {
    const todo = yield* choose(options)
    if (todo.length === 0) {
      const isAllAsleep = (yield* Ref.get(status)) === ExitCode.success
      if (!options.quiet && !options.json)
        yield* Console.log(isAllAsleep ? "Nothing to release." : "Nothing was released.")
      return
    }
    if (options.dryRun || !options.yes) {
      for (const candidate of todo)
        yield* tell(
          candidate,
          "toRelease",
          `to be released (${candidate.policy})${although(candidate)}`,
          options
        )
    }
    if (options.dryRun) return
    if (!options.yes) {
      const { canPrompt } = yield* TerminalCapabilities
      if (!canPrompt) return yield* new SweepRefused({ count: todo.length })
      const message = `Release ${todo.length === 1 ? "it" : `these ${todo.length}`}?`
      if (!(yield* Prompt.run(Prompt.Confirm({ message })))) return yield* Console.error("Nothing was done.")
    }
    isReleasing = true
    yield* release(todo, options)
  })
  const stopped = Effect.flatMap(signals.first, (signal) =>
    isReleasing ? Effect.never : Console.error(`${signal}: stopping; nothing was released.`)
  )
  yield* Effect.raceFirst(swept, stopped)
  const signal = signals.received()
  if (signal === undefined) return
  yield* Ref.update(status, (code) => (code === ExitCode.releaseUnconfirmed ? code : signalCodes[signal]))
})
