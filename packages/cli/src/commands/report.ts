/**
 * `stint report`: what a run came to, on the terminal and as pages.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { describe } from "@stint/batch/FileProblem"

const flags = {
  directory: Argument.String("dir").pipe(Argument.withDescription("The folder that --out of a run named")),
  open: Flag.Boolean("open").pipe(
    Flag.withDescription("Show report.html in the browser"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the report as JSON instead"),
    Flag.withDefault(false)
  )
}

/** `stint report` */
export const report = Command.make(
  "report",
  flags,
  Effect.fn("report")(function* ({ directory, json, open }) {
    const ReportFolder = yield* Effect.promise(() => import("../report/ReportFolder.ts"))
    const found = yield* ReportFolder.read(directory)
    const path = yield* Path.Path
    if (found.source === "run" && (yield* ReportFolder.isOutdated(directory))) {
      yield* Effect.logWarning(
        "The journal has grown since this report was written: a later run was killed, or goes on still. Run its command again for a report of all of it."
      )
    }
    const page = path.resolve(directory, "report.html")
    const isWritten = yield* ReportFolder.write(directory, found, "pages").pipe(
      Effect.as(true),
      Effect.catchTag("PlatformError", (error) =>
        Effect.as(Effect.logWarning(`${page} could not be written: ${describe(error)}.`), false)
      )
    )
    if (json) {
      const { RunReportJson } = yield* Effect.promise(() => import("../report/RunReport.ts"))
      yield* Console.log(yield* Effect.orDie(Schema.encodeEffect(RunReportJson)(found)))
    } else {
      const { text } = yield* Effect.promise(() => import("../report/ReportText.ts"))
      yield* Console.log(text(found))
    }
    if (isWritten) yield* Effect.logInfo(`The whole report: ${page}`)
    if (open && isWritten) {
      const Browser = yield* Effect.promise(() => import("../report/Browser.ts"))
      yield* Browser.open(page)
    }
  })
).pipe(
  Command.withDescription("Say what a run came to, and write its report.md and report.html again"),
  Command.withExamples([{ command: "stint report results --open", description: "Show it in the browser" }])
)
