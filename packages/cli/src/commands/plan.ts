/**
 * `stint plan`: what a run would take, before anything is woken. It only reads.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Api from "../Api.ts"
import { EndpointName } from "@stint/core/EndpointName"
import * as InputFlags from "../InputFlags.ts"
import * as JobFlags from "../JobFlags.ts"
import * as RunLimits from "../RunLimits.ts"
import { PositiveDuration } from "../ShortDuration.ts"
import * as Lazy from "../Lazy.ts"

const flags = {
  input: Argument.String("input").pipe(
    Argument.withDescription("The rows, as stint run takes them; - is stdin")
  ),
  endpoint: Flag.String("endpoint").pipe(
    Flag.withAlias("e"),
    Flag.withDescription("An endpoint that exists: its model, its hardware and its state"),
    Flag.withSchema(EndpointName),
    Flag.optional
  ),
  spec: Flag.String("spec").pipe(
    Flag.withDescription("JSON file that says what would be created"),
    Flag.optional
  ),
  model: Flag.String("model").pipe(
    Flag.withDescription("The model's repository, where there is neither an endpoint nor a spec yet"),
    Flag.optional
  ),
  modelSize: Flag.String("model-size").pipe(
    Flag.withDescription(
      "How many parameters the model has, as in 8B or 33M, where its name does not say it"
    ),
    Flag.optional
  ),
  job: Flag.Literals("job", JobFlags.kinds).pipe(Flag.withDescription("What would be done with each row")),
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription(
      "The folder of the run: what is done already is not counted, and earlier runs say how fast it goes; it is only read"
    ),
    Flag.optional
  ),
  deadline: Flag.String("deadline").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription("Say how many replicas are done within this, boot included, as in 30m or 2h"),
    Flag.withSchema(PositiveDuration),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON with everything, for a program to read"),
    Flag.withDefault(false)
  ),
  ...InputFlags.flags,
  ...JobFlags.flags,
  dedupe: RunLimits.flags.dedupe,
  skipInvalid: Flag.Boolean("skip-invalid").pipe(
    Flag.withDescription("Plan without the lines that cannot be used; exit code 3 when there are any"),
    Flag.withDefault(false)
  ),
  changed: Flag.Literals("changed", ["refuse", "redo", "keep"]).pipe(
    Flag.withDescription(
      "Rows that are done under another request or model: refuse (the default), count them again, or leave them out"
    ),
    Flag.withDefault("refuse")
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint plan` */
export const plan = Command.make(
  "plan",
  flags,
  Lazy.handler(() => import("../handlers/plan.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withShortDescription("Say what a run would take, in minutes and dollars"),
  Command.withDescription(
    "Say what a run would take, in minutes and dollars on each hardware; only reads, and wakes nothing"
  ),
  Command.withExamples([
    {
      command: "stint plan rows.jsonl --job embed --spec endpoint.json",
      description: "Before there is an endpoint: by data sheets, so roughly"
    },
    {
      command: "stint plan rows.jsonl --job chat --endpoint batch-chat --out results --deadline 2h",
      description: "By the earlier runs in that folder, with the replicas that are done in two hours"
    },
    {
      command: "stint plan rows.jsonl --job chat --model Qwen/Qwen3-8B --json",
      description: "For a program to read"
    }
  ])
)
