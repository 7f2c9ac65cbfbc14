/**
 * `stint report`: what a run came to, on the terminal and as pages.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../Lazy.ts"

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

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint report` */
export const report = Command.make(
  "report",
  flags,
  Lazy.handler(() => import("../handlers/report.ts"))
).pipe(
  Command.withShortDescription("Say what a run came to"),
  Command.withDescription("Say what a run came to, and write its report.md and report.html again"),
  Command.withExamples([{ command: "stint report results --open", description: "Show it in the browser" }])
)
