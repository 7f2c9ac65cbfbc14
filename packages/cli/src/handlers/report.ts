/** What `stint report` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { describe } from "@stint/batch/FileProblem"
import * as Browser from "../report/Browser.ts"
import * as ReportFolder from "../report/ReportFolder.ts"
import { text } from "../report/ReportText.ts"
import { RunReportJson } from "../report/RunReport.ts"
import type { Given } from "../commands/report.ts"

/** What the command does. */
export const handle = Effect.fn("report")(function* ({ directory, json, open }: Given) {
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
    yield* Console.log(yield* Effect.orDie(Schema.encodeEffect(RunReportJson)(found)))
  } else {
    yield* Console.log(text(found))
  }
  if (isWritten) yield* Effect.logInfo(`The whole report: ${page}`)
  if (open && isWritten) {
    yield* Browser.open(page)
  }
})
