/** `stint endpoints update`: changes what is given, and nothing else. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as SpecFlags from "../../SpecFlags.ts"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  name: Target.name,
  ...Target.flags,
  ...SpecFlags.flags,
  wait: Flag.Boolean("wait").pipe(
    Flag.withDescription("Wait until it answers requests again"),
    Flag.withDefault(false)
  ),
  timeout: Target.timeout,
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription(
      "Change it also while a run of this machine uses it; asked on a terminal, else refused"
    ),
    Flag.withDefault(false)
  ),
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints update` */
export const update = Command.make(
  "update",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/update.ts"))
).pipe(
  Command.withDescription("Change an endpoint: what is given and nothing else"),
  Command.withExamples([
    {
      command: "stint endpoints update batch --max-replica 4 --scale-to-zero-timeout 15m",
      description: "More replicas; asleep after a quarter of an hour without requests"
    }
  ])
)
