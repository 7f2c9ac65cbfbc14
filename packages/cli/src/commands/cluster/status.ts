/** `stint cluster status`: how far the runs are, and what they cost. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../../Lazy.ts"
import * as Shared from "./Shared.ts"

const flags = {
  ...Shared.database,
  run: Argument.String("run").pipe(
    Argument.withDescription("The name of one run; without it all runs, workers, endpoints and schedules"),
    Argument.optional
  ),
  watch: Flag.Boolean("watch").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Look again each second, until the run is over or Ctrl-C is pressed"),
    Flag.withDefault(false)
  ),
  limit: Flag.Int("limit").pipe(
    Flag.withDescription("How many runs are listed, the latest first; 20 by default"),
    Flag.withDefault(20)
  ),
  json: Shared.json("One line of JSON for each look")
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint cluster status` */
export const status = Command.make(
  "status",
  flags,
  Lazy.handler(() => import("../../handlers/cluster/status.ts"))
).pipe(
  Command.withShortDescription("Show runs, workers, schedules, and who holds which endpoint"),
  Command.withDescription(
    "Show runs, workers, schedules, and who holds which endpoint at what price: of the whole cluster, or how far one run is and what it has cost"
  ),
  Command.withExamples([
    { command: "stint cluster status", description: "The whole cluster, once" },
    { command: "stint cluster status nightly --watch", description: "One run, until it is over" }
  ])
)
