/** `stint endpoints get`: everything about one endpoint. */
import * as Command from "effect/cli/Command"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = { name: Target.name, ...Target.flags, json: Target.json }

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints get` */
export const get = Command.make(
  "get",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/get.ts"))
).pipe(
  Command.withDescription("Show one endpoint: state, URL, price, scaling"),
  Command.withExamples([
    { command: "stint endpoints get batch --json", description: "What the server says, as it says it" }
  ])
)
