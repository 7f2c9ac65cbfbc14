/** `stint endpoints resume`: the bill begins again. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  names: Target.names,
  ...Target.flags,
  wait: Flag.Boolean("wait").pipe(
    Flag.withDescription("Wait until they answer requests"),
    Flag.withDefault(false)
  ),
  timeout: Target.timeout,
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints resume` */
export const resume = Command.make(
  "resume",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/resume.ts"))
).pipe(
  Command.withDescription("Start endpoints that are paused or asleep, and their bill"),
  Command.withExamples([
    { command: "stint endpoints resume batch --wait", description: "Start it, and wait until it answers" }
  ])
)
