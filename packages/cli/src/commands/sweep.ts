/**
 * `stint sweep`: puts to sleep what runs for nobody.
 */
import * as Duration from "effect/Duration"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Api from "../Api.ts"
import { ShortDuration } from "../ShortDuration.ts"
import * as Lazy from "../Lazy.ts"

const flags = {
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Do not ask; for cron"),
    Flag.withDefault(false)
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Only say what would be done"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each endpoint that is looked at, with what became of it"),
    Flag.withDefault(false)
  ),
  quiet: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("Say nothing of what is left alone, unless a run here left it awake"),
    Flag.withDefault(false)
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDescription(
      "Release also what was changed since its run was lost: by that run itself, or by somebody who uses it"
    ),
    Flag.withDefault(false)
  ),
  idle: Flag.String("idle").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription(
      "Leave endpoints alone that were called or changed within this time and that no record here knows: a run on another machine may hold them; 30m by default"
    ),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.minutes(30))
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint sweep` */
export const sweep = Command.make(
  "sweep",
  flags,
  Lazy.handler(() => import("../handlers/sweep.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withShortDescription("Release endpoints that nobody holds any more"),
  Command.withDescription(
    "Release endpoints that nobody holds any more: by lease record, and by the tag stint"
  ),
  Command.withExamples([
    { command: "stint sweep --dry-run", description: "What runs for nobody, and what it costs" },
    {
      command: "stint sweep --force",
      description: "Also what was changed since its run was lost, after a question"
    },
    {
      command: "stint sweep --yes --quiet",
      description: "From cron: one line for each endpoint that is released"
    }
  ])
)
