/** `stint endpoints wait`: until it is ready, or in another state. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  name: Target.name,
  ...Target.flags,
  state: Flag.String("state").pipe(
    Flag.withDescription(
      "The state to wait for; running, the default, also waits until the endpoint answers requests"
    ),
    Flag.withDefault("running")
  ),
  timeout: Target.timeout,
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints wait` */
export const wait = Command.make(
  "wait",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/wait.ts"))
).pipe(
  Command.withDescription("Wait until an endpoint is ready, and print its URL"),
  Command.withExamples([
    {
      command: "stint endpoints wait batch --timeout 10m",
      description: "Exit code 6 when it is not ready then"
    },
    { command: "stint endpoints wait batch --state scaledToZero", description: "Until it has fallen asleep" }
  ])
)
