/**
 * A program that runs by the calendar, one run at a time, for as long as the process lives.
 *
 * What is due while a run goes on, and what was due while the machine slept, is decided by policy and told, never piled up.
 * A run that fails is told and does not end the schedule.
 */
import * as Clock from "effect/Clock"
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import { dual } from "effect/Function"

/** What happens, in order. Times are in milliseconds since 1970. */
export type Event =
  /** `isLate`: it was due while the machine slept, or while another run went on. */
  | { readonly _tag: "Started"; readonly due: number; readonly isLate: boolean }
  | { readonly _tag: "Ended"; readonly due: number; readonly exit: Exit.Exit<unknown, unknown> }
  /** Not run: the run before went on (`busy`), or the machine slept (`missed`). `due` is the latest of those. */
  | { readonly _tag: "Skipped"; readonly due: number; readonly why: "busy" | "missed" }

/** When to run, and what to do when that is not possible. */
export interface Options {
  /** A cron expression, as `0 2 * * *` (with a sixth field in front for seconds), or a `Cron`. */
  readonly cron: Cron.Cron | string
  /** Of an expression. Default: UTC, which knows no hour that is there twice or not at all. */
  readonly timeZone?: DateTime.TimeZone | string | undefined
  /** What is due while a run goes on: left out (`skip`, the default), or run once as soon as that one ends (`queue`). */
  readonly overlap?: "skip" | "queue" | undefined
  /** What was due while the machine slept: left out (`skip`, the default), or run `once`, however many they were. */
  readonly missed?: "skip" | "once" | undefined
  /** The longest that one run may take: it is interrupted then, and ends with a `TimeoutError`. Default: none. */
  readonly deadline?: Duration.Input | undefined
  /** Called at each step. Default: writes failures and what is left out to the log. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/**
 * A timer counts the time that the machine is awake. So it is looked at the clock this often, and what is later than that
 * was slept through.
 */
const LOOK = Duration.toMillis("1 minute")

const at = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

const log = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Started":
      return Effect.void
    case "Ended":
      return event.exit._tag === "Success"
        ? Effect.void
        : Effect.logError(`The run that was due at ${at(event.due)} failed.`, event.exit.cause)
    case "Skipped": {
      const why = event.why === "busy" ? "the run before it was going on" : "the machine slept"
      return Effect.logWarning(`The run that was due at ${at(event.due)} was left out: ${why}.`)
    }
  }
}

/**
 * Runs the program whenever it is due, one run at a time, until it is interrupted. Fails only with a `CronParseError`.
 *
 * An interruption reaches the run that goes on, whose endpoint is released by that. Runs of other processes are another
 * matter: the lock of an output folder and the lease of an endpoint keep those apart.
 *
 * **Example** (Every night at two, three hours at most)
 *
 * ```ts
 * import { Scheduled } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const nightly = Effect.logInfo("the batch").pipe(
 *   Scheduled.run({ cron: "0 2 * * *", timeZone: "Europe/Berlin", missed: "once", deadline: "3 hours" })
 * )
 * ```
 */
export const run: {
  (
    options: Options
  ): <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.Effect<never, Cron.CronParseError, R>
  <A, E, R>(program: Effect.Effect<A, E, R>, options: Options): Effect.Effect<never, Cron.CronParseError, R>
} = dual(
  2,
  Effect.fnUntraced(function* <A, E, R>(
    program: Effect.Effect<A, E, R>,
    options: Options
  ): Effect.fn.Return<never, Cron.CronParseError, R> {
    const cron = Cron.isCron(options.cron)
      ? options.cron
      : yield* Effect.fromResult(Cron.parse(options.cron, options.timeZone ?? "UTC"))
    const { deadline, missed, overlap, onEvent = log } = options
    const tell = (event: Event) =>
      Effect.catchCause(onEvent(event), (cause) =>
        Cause.hasInterrupts(cause)
          ? Effect.failCause(cause)
          : Effect.logWarning("A watcher of the schedule failed.", cause)
      )

    /** The last time that is due after one moment and not after another. */
    const latest = (after: number, until: number): number | undefined => {
      // `prev` is before the moment that it is given.
      const due = Cron.prev(cron, until + 1000).getTime()
      const last = due <= until ? due : Cron.prev(cron, until).getTime()
      return last > after ? last : undefined
    }

    const waitUntil = Effect.fnUntraced(function* (due: number) {
      let now = yield* Clock.currentTimeMillis
      while (now < due) {
        yield* Effect.sleep(Duration.millis(Math.min(due - now, LOOK)))
        now = yield* Clock.currentTimeMillis
      }
      return now
    })

    const once = Effect.fnUntraced(function* (due: number, isLate: boolean) {
      yield* tell({ _tag: "Started", due, isLate })
      const exit = yield* Effect.exit(deadline === undefined ? program : Effect.timeout(program, deadline))
      yield* tell({ _tag: "Ended", due, exit })
    })

    let seen = yield* Clock.currentTimeMillis
    while (true) {
      const due = Cron.next(cron, seen).getTime()
      const now = yield* waitUntil(due)
      const isLate = now - due > LOOK
      seen = isLate ? (latest(seen, now) ?? due) : due
      if (isLate && missed !== "once") {
        yield* tell({ _tag: "Skipped", due: seen, why: "missed" })
        continue
      }
      yield* once(seen, isLate)
      let passed = latest(seen, yield* Clock.currentTimeMillis)
      while (passed !== undefined) {
        seen = passed
        if (overlap !== "queue") {
          yield* tell({ _tag: "Skipped", due: seen, why: "busy" })
          break
        }
        yield* once(seen, true)
        passed = latest(seen, yield* Clock.currentTimeMillis)
      }
    }
  })
)
