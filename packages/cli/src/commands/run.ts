/**
 * `stint run`: one batch, from a file to a folder, on an endpoint that sleeps before and after.
 */
import * as Duration from "effect/Duration"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as BatchFlags from "../BatchFlags.ts"
import * as GuardianFlag from "../GuardianFlag.ts"
import * as InputFlags from "../InputFlags.ts"
import * as JobFlags from "../JobFlags.ts"
import * as LeaseFlags from "../LeaseFlags.ts"
import * as MoneyFlags from "../MoneyFlags.ts"
import * as OutputFlags from "../OutputFlags.ts"
import * as Repeated from "../Repeated.ts"
import * as RunLimits from "../RunLimits.ts"
import { ShortDuration } from "../ShortDuration.ts"
import * as TelemetryFlags from "../TelemetryFlags.ts"
import * as Api from "../Api.ts"
import * as Lazy from "../Lazy.ts"

const flags = {
  input: Argument.String("input").pipe(
    Argument.withDescription(
      'JSONL (OpenAI batch lines, or {"id", "input"} rows), CSV or Parquet; - is stdin; also the URL of a Parquet file, or hf://datasets/OWNER/NAME'
    )
  ),
  ...BatchFlags.flags,
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription(
      "Folder for results.jsonl, errors.jsonl, journal.jsonl and the report; used again, it goes on"
    )
  ),
  ...JobFlags.flags,
  ...InputFlags.flags,
  ...OutputFlags.flags,
  ...RunLimits.flags,
  ...Repeated.flags,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription(
      "The report as one line of JSON on stdout in the end, as stint report --json has it"
    ),
    Flag.withDefault(false)
  ),
  skipInvalid: Flag.Boolean("skip-invalid").pipe(
    Flag.withDescription(
      "Go on without the lines that cannot be used, and write them to invalid.jsonl; exit code 3 when there are any"
    ),
    Flag.withDefault(false)
  ),
  ...LeaseFlags.flags,
  ...MoneyFlags.flags,
  ...GuardianFlag.flags,
  ...TelemetryFlags.flags,
  changed: Flag.Literals("changed", ["refuse", "redo", "keep"]).pipe(
    Flag.withDescription(
      "Rows that are done under another request or model: refuse the run (the default), do them again, or keep what there is"
    ),
    Flag.withDefault("refuse")
  ),
  drainTimeout: Flag.String("drain-timeout").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription("How long requests in flight may go on after the first Ctrl-C, 30s by default"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.seconds(30))
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint run` */
export const run = Command.make(
  "run",
  flags,
  Lazy.handler(() => import("../handlers/run.ts"))
).pipe(
  Command.provide(({ guardian }) => GuardianFlag.layer(guardian)),
  Command.provide(Api.layer),
  Command.withDescription(
    "Run a batch on an endpoint that is awake for it and asleep after it. Billed from its start to its pause, by the minute and replica; stint plan says before what that comes to. What is done is never sent again: run the same command to go on"
  ),
  Command.withShortDescription("Run a batch on an endpoint that is awake for it only"),
  Command.withExamples([
    {
      command: "stint run rows.jsonl --endpoint batch-embed --spec endpoint.json --job embed --out results",
      description: "Create or resume the endpoint, embed every row, pause the endpoint"
    },
    {
      command:
        "stint run hf://datasets/acme/reviews/default/train --input text --endpoint batch --job embed --out results",
      description: "The same with a dataset of the hub, by its config and split"
    }
  ])
)
