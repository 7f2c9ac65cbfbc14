/**
 * A run by the calendar: flags, and what they mean. One run at a time; what is due meanwhile is left out and said.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import type * as Scheduled from "@stint/batch/Scheduled"
import { ExitCode, decidingError, fromCause, signalCodes } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"
import { InputFlagRefused } from "./InputFlags.ts"
import { Signals } from "./Signals.ts"

export const flags = {
  cron: Flag.String("cron").pipe(
    Flag.withDescription("Run whenever this cron expression is due, as in '0 2 * * *', until a signal comes"),
    Flag.optional
  ),
  timeZone: Flag.String("time-zone").pipe(
    Flag.withDescription("The time zone of --cron, as in Europe/Berlin; UTC by default"),
    Flag.withDefault("UTC")
  ),
  missed: Flag.Literals("missed", ["skip", "once"]).pipe(
    Flag.withDescription(
      "Runs that were due while the machine slept: left out (skip, the default), or made up for by one"
    ),
    Flag.withDefault("skip")
  )
}

/** The schedule cannot be read; nothing was run. */
export class ScheduleRefused extends Schema.TaggedError<ScheduleRefused>()("ScheduleRefused", {
  cron: Schema.String,
  timeZone: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The schedule "${this.cron}" (time zone ${this.timeZone}) cannot be used: ${this.detail}. Give five fields, as in "0 2 * * *": minute, hour, day of the month, month, day of the week.`
  }
}

interface When {
  readonly input: string
  readonly cron: Option.Option<string>
  readonly timeZone: string
  readonly missed: "skip" | "once"
}

const at = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

const failureOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Option.getOrUndefined(decidingError(exit.cause))
  return Predicate.isError(error) ? error.message : Cause.pretty(exit.cause)
}

/** What is said of a step of the schedule. */
const wordsFor = (event: Scheduled.Event): string | undefined => {
  switch (event._tag) {
    case "Started":
      return `Run of ${at(event.due)}${event.isLate ? ", late" : ""}:`
    case "Skipped":
      return `The run of ${at(event.due)} was left out: ${event.why === "busy" ? "the one before it went on" : "the machine slept"}.`
    case "Ended": {
      const failure = failureOf(event.exit)
      return failure === undefined ? undefined : `The run of ${at(event.due)} failed: ${failure}`
    }
  }
}

/**
 * Runs once, or whenever `--cron` is due until a signal comes: between two runs it ends the command, during one the run takes
 * care of it and is the last. A release that was not confirmed is how the command ends, unless a later run confirmed one.
 */
export const run = Effect.fnUntraced(function* <E, R>(
  once: Effect.Effect<void, E, R>,
  { cron, input, missed, timeZone }: When,
  say: (line: string) => Effect.Effect<void>
) {
  if (Option.isNone(cron)) return yield* once
  if (input === "-") {
    return yield* new InputFlagRefused({
      flag: "cron",
      detail:
        'each run reads the input anew, and standard input is there only once: every later run would find no rows. Give a file or a URL in place of "-"'
    })
  }
  const signals = yield* Signals
  const status = yield* ExitStatus
  const schedule = yield* Effect.mapError(
    Effect.fromResult(Cron.parse(cron.value, timeZone)),
    ({ message }) => new ScheduleRefused({ cron: cron.value, timeZone, detail: message })
  )
  let isRunning = false
  let unconfirmed: string | undefined
  const judge = Effect.fnUntraced(function* (exit: Exit.Exit<void, E>) {
    const code = Exit.isFailure(exit) ? fromCause(exit.cause) : ExitCode.success
    const isUnconfirmed =
      code === ExitCode.releaseUnconfirmed || (yield* Ref.get(status)) === ExitCode.releaseUnconfirmed
    if (isUnconfirmed) {
      unconfirmed =
        failureOf(exit) ?? signals.atRisk() ?? "The release of the endpoint could not be confirmed."
      return
    }
    // What is at risk is forgotten when it is read back asleep; a run that never came so far proves nothing.
    if (Exit.isSuccess(exit) || signals.atRisk() === undefined) unconfirmed = undefined
  })
  const running = Effect.suspend(() => {
    isRunning = true
    return Effect.andThen(Ref.set(status, ExitCode.success), once)
  }).pipe(
    Effect.onExit(judge),
    Effect.ensuring(
      Effect.sync(() => {
        isRunning = false
      })
    )
  )
  const stopped = Effect.gen(function* () {
    yield* signals.first
    // The run sets it.
    // oxlint-disable-next-line no-unmodified-loop-condition
    while (isRunning) yield* Effect.sleep("100 millis")
  })
  const next = Effect.flatMap(DateTime.now, (now) =>
    signals.received() === undefined
      ? say(`Next run at ${Cron.next(schedule, now).toISOString()}.`)
      : Effect.void
  )
  yield* next
  const Scheduled = yield* Effect.promise(() => import("@stint/batch/Scheduled"))
  yield* Scheduled.run(running, {
    cron: schedule,
    missed,
    onEvent: (event) => {
      const words = wordsFor(event)
      const told = words === undefined ? Effect.void : say(words)
      return event._tag === "Ended" ? Effect.andThen(told, next) : told
    }
  }).pipe(Effect.orDie, Effect.raceFirst(stopped))
  if (unconfirmed !== undefined) {
    yield* Ref.set(status, ExitCode.releaseUnconfirmed)
    return yield* Console.error(`stint: ${unconfirmed}`)
  }
  const signal = signals.received()
  if (signal !== undefined) yield* Ref.set(status, signalCodes[signal])
})
