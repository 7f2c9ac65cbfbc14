/** `stint cluster cancel` and `resume`: the end of a run, and its next attempt. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../../Lazy.ts"
import * as Shared from "./Shared.ts"

const cancelFlags = {
  ...Shared.database,
  run: Shared.name,
  json: Shared.json("The run's status as one line of JSON, as stint cluster status has it")
}

const resumeFlags = {
  ...cancelFlags,
  detach: Flag.Boolean("detach").pipe(
    Flag.withDescription("Do not wait for its end"),
    Flag.withDefault(false)
  )
}

/** What `cancel` was given. */
export type Cancel = Command.Command.Config.Infer<typeof cancelFlags>

/** What `resume` was given. */
export type Resume = Command.Command.Config.Infer<typeof resumeFlags>

/** `stint cluster cancel` */
export const cancel = Command.make(
  "cancel",
  cancelFlags,
  Lazy.handler(() => import("../../handlers/cluster/cancel.ts"))
).pipe(
  Command.withShortDescription("End a run; what is done is kept"),
  Command.withDescription(
    "End a run for all workers: they hear of it within about a second, finish what is in flight, and pause the endpoint. What is done is kept"
  ),
  Command.withExamples([{ command: "stint cluster cancel nightly", description: "Enough" }])
)

/** `stint cluster resume` */
export const resume = Command.make(
  "resume",
  resumeFlags,
  Lazy.handler(() => import("../../handlers/cluster/resume.ts"))
).pipe(
  Command.withShortDescription("Go on with a run that is over"),
  Command.withDescription(
    "Go on with a run that was cancelled, failed, or has rows that failed: what is left and what failed is sent, what succeeded is not"
  ),
  Command.withExamples([
    {
      command: "stint cluster resume nightly",
      description: "After the cause is mended, and wait for its end"
    }
  ])
)
