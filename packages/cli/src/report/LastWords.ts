/**
 * The report of a run, written at its end, whatever that was. It never makes a run fail.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Report from "@stint/batch/Report"
import { ExitCode, type Signal, decidingError, fromCause } from "../ExitCode.ts"
import type { Ended, Recorder } from "./Recorder.ts"

/** How a run came to its end. */
export interface End {
  readonly directory: string
  readonly exit: Exit.Exit<unknown, unknown>
  readonly signal: Signal | undefined
}

/** An end as its report has it. */
export const endedOf = ({ exit, signal }: Omit<End, "directory">): Ended => {
  if (Exit.isSuccess(exit)) {
    return signal === undefined
      ? { how: "finished" }
      : { how: "stopped", why: `${signal}: what was in flight was finished.` }
  }
  if (Cause.hasInterruptsOnly(exit.cause)) {
    return { how: "stopped", why: `${signal ?? "An interruption"}: what was in flight was given up.` }
  }
  const error = Option.getOrUndefined(decidingError(exit.cause))
  const why = Predicate.isError(error) ? error.message : Cause.pretty(exit.cause).split("\n", 1)[0]
  return { how: fromCause(exit.cause) === ExitCode.stopped ? "stopped" : "failed", why }
}

/** Writes the report's files, and gives the report; what cannot be written is a warning, and nothing is given. */
export const write = (recorder: Recorder, report: Report.Report, end: End) =>
  Effect.gen(function* () {
    const ReportFolder = yield* Effect.promise(() => import("./ReportFolder.ts"))
    const { directory } = end
    const folder = yield* ReportFolder.totalOf(directory)
    const whole = yield* recorder.report(report, endedOf(end), folder)
    yield* ReportFolder.write(directory, whole)
    return whole
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.as(
        Effect.logWarning(
          `The report of this run could not be written to ${end.directory}: ${Cause.pretty(cause).split("\n", 1)[0]}. Its rows are not touched by that.`
        ),
        undefined
      )
    )
  )
