/**
 * `stint hardware`: what can be rented where, cheapest first.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Api from "../Api.ts"
import * as Target from "./endpoints/Target.ts"
import * as Lazy from "../Lazy.ts"

const optional = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const atLeast = (name: string, description: string) =>
  Flag.Finite(name).pipe(Flag.withDescription(description), Flag.optional)

const flags = {
  ...Target.flags,
  vendor: optional("vendor", "Only aws, gcp or azure"),
  region: optional("region", "Only one region, as in us-east-1"),
  accelerator: optional("accelerator", "Only cpu, gpu or neuron"),
  type: optional("instance-type", "Only those whose type has this in it, as in l4"),
  gpus: atLeast("min-gpus", "Only those with so many accelerators or more"),
  memory: atLeast("min-gpu-memory", "Only those whose accelerators have so many GB together or more"),
  price: atLeast("max-price", "Only those that cost so many dollars an hour or less"),
  available: Flag.Boolean("available").pipe(
    Flag.withDescription("Only what can be had now: offered, and within the quota"),
    Flag.withDefault(false)
  ),
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint hardware` */
export const hardware = Command.make(
  "hardware",
  flags,
  Lazy.handler(() => import("../handlers/hardware.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withDescription("List the hardware that can be rented, cheapest first"),
  Command.withExamples([
    {
      command: "stint hardware --available --min-gpu-memory 40",
      description: "What a 16-bit model of 18B fits on"
    },
    { command: "stint hardware --instance-type l4 --json", description: "For a program" }
  ])
)
