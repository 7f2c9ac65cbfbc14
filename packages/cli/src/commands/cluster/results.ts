/** `stint cluster export` and `purge`: the results of a run, and its end. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../../Lazy.ts"
import * as OutputFlags from "../../OutputFlags.ts"
import { Age } from "./Age.ts"
import * as Shared from "./Shared.ts"

const { outputFormat, images } = OutputFlags.flags

const exportFlags = {
  ...Shared.database,
  run: Shared.name,
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("Folder for the results and errors.jsonl; what is there of them is replaced")
  ),
  outputFormat,
  images,
  json: Shared.json("What was written as one line of JSON")
}

const purgeFlags = {
  ...Shared.database,
  run: Argument.String("run").pipe(
    Argument.withDescription("The names of runs that are over"),
    Argument.variadic({ min: 0 })
  ),
  olderThan: Flag.String("older-than").pipe(
    Flag.withMetavar("age"),
    Flag.withDescription("All runs that have been over for so long, as in 30d or 12h"),
    Flag.withSchema(Age),
    Flag.optional
  ),
  json: Shared.json("One line of JSON for each run that is forgotten")
}

/** What `export` was given. */
export type Export = Command.Command.Config.Infer<typeof exportFlags>

/** What `purge` was given. */
export type Purge = Command.Command.Config.Infer<typeof purgeFlags>

/** `stint cluster export` */
export const exported = Command.make(
  "export",
  exportFlags,
  Lazy.handler(() => import("../../handlers/cluster/export.ts"))
).pipe(
  Command.withShortDescription("Write the results of a run to files"),
  Command.withDescription(
    "Write the results of a run to files, in the order of its input, as JSONL, CSV or Parquet. Of a run that goes on: what there is by now"
  ),
  Command.withExamples([
    {
      command: "stint cluster export nightly --out results --output-format parquet",
      description: "results.parquet and errors.jsonl"
    }
  ])
)

/** `stint cluster purge` */
export const purge = Command.make(
  "purge",
  purgeFlags,
  Lazy.handler(() => import("../../handlers/cluster/purge.ts"))
).pipe(
  Command.withShortDescription("Forget runs that are over, with their results"),
  Command.withDescription(
    "Forget runs that are over: their results, and all that is kept of them in the database. Export what is still wanted before"
  ),
  Command.withExamples([
    { command: "stint cluster purge nightly", description: "One run" },
    { command: "stint cluster purge --older-than 30d", description: "From cron" }
  ])
)
