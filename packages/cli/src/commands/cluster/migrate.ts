/** `stint cluster migrate`: the tables of a cluster. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../../Lazy.ts"
import * as Shared from "./Shared.ts"

const flags = {
  ...Shared.database,
  role: Flag.String("role").pipe(
    Flag.withDescription(
      "Print the SQL that gives this role what workers need and no more, to be run by the tables' owner"
    ),
    Flag.optional
  ),
  json: Shared.json("The changes that were made, and the SQL, as one line of JSON")
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint cluster migrate` */
export const migrate = Command.make(
  "migrate",
  flags,
  Lazy.handler(() => import("../../handlers/cluster/migrate.ts"))
).pipe(
  Command.withShortDescription("Make the tables of a cluster, or bring them up to this version"),
  Command.withDescription(
    "Make the tables of a cluster, or bring them up to this version: before the workers of that version start, with a role that may create tables. May be run at any time, and twice"
  ),
  Command.withExamples([
    { command: "stint cluster migrate", description: "All that is missing" },
    {
      command: "stint cluster migrate --role stint_worker > grants.sql",
      description: "And the rights of a role for the workers"
    }
  ])
)
