/** `stint endpoints logs`: what its containers write. */
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const optional = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const flags = {
  name: Target.name,
  ...Target.flags,
  tail: Flag.Int("tail").pipe(
    Flag.withDescription("Only the last so many lines, 1 or more"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
    Flag.optional
  ),
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Go on with the lines that come, until Ctrl-C"),
    Flag.withDefault(false)
  ),
  replica: optional("replica", 'Only those of one replica; see "stint endpoints replicas"'),
  level: optional("level", "Only those of a level, as in error"),
  search: optional("search", "Only those that have this in them, in capitals or not"),
  since: optional("since", "Only those from a moment on, as in 2026-02-03T04:05:06Z"),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each record: time, level, stream, replica, line"),
    Flag.withDefault(false)
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints logs` */
export const logs = Command.make(
  "logs",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/logs.ts"))
).pipe(
  Command.withDescription("Show what an endpoint's containers write"),
  Command.withExamples([
    { command: "stint endpoints logs batch --tail 50", description: "The end of it" },
    { command: "stint endpoints logs batch --follow --level error", description: "Errors, as they come" }
  ])
)
