/** `stint endpoints list`: what there is, what it costs now, and whose it is. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  ...Target.flags,
  allNamespaces: Flag.Boolean("all-namespaces").pipe(
    Flag.withAlias("A"),
    Flag.withDescription("Also those of every organisation that lets the token in"),
    Flag.withDefault(false)
  ),
  tag: Flag.String("tag").pipe(
    Flag.withDescription("Only those that have this tag; given again, all of them"),
    Flag.atLeast(0),
    Flag.withDefault([])
  ),
  state: Flag.String("state").pipe(
    Flag.withDescription("Only those in this state, as in running or paused; given again, in any of them"),
    Flag.atLeast(0),
    Flag.withDefault([])
  ),
  search: Flag.String("search").pipe(
    Flag.withDescription("Only those whose name has this in it"),
    Flag.optional
  ),
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints list` */
export const list = Command.make(
  "list",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/list.ts"))
).pipe(
  Command.withDescription("List the endpoints, and what each costs an hour now"),
  Command.withExamples([
    { command: "stint endpoints list --state running", description: "What is billed" },
    {
      command: "stint endpoints list --tag stint --json",
      description: "What runs of Stint made, for a program"
    }
  ])
)
