/** `stint cluster reap`: releases endpoints that no worker holds any more. */
import * as Command from "effect/cli/Command"
import * as Api from "../../Api.ts"
import * as Lazy from "../../Lazy.ts"
import * as Shared from "./Shared.ts"

const flags = {
  ...Shared.database,
  json: Shared.json("One line of JSON for each endpoint, with what became of it")
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint cluster reap` */
export const reap = Command.make(
  "reap",
  flags,
  Lazy.handler(() => import("../../handlers/cluster/reap.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withShortDescription("Release endpoints that no worker holds any more"),
  Command.withDescription(
    "Release endpoints that no worker holds any more, once: workers do so by themselves; this is for cron, and for when all of them are gone. A holder is waited for until its lease is renewed or has run out"
  ),
  Command.withExamples([
    { command: "stint cluster reap", description: "From cron; exit code 5 when one may still be billing" }
  ])
)
