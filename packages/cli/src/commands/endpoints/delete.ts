/** `stint endpoints delete`: for good, so it asks for the name. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  names: Target.names,
  ...Target.flags,
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Do not ask for the name; needed where there is no terminal"),
    Flag.withDefault(false)
  ),
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints delete` */
const remove = Command.make(
  "delete",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/delete.ts"))
).pipe(
  Command.withDescription("Delete endpoints for good"),
  Command.withExamples([
    { command: "stint endpoints delete batch", description: "Asks for the name first" },
    { command: "stint endpoints delete batch --yes", description: "For a script" }
  ])
)

export { remove as delete }
