/**
 * `stint hardware`: what can be rented where, cheapest first.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Endpoints from "@stint/core/Endpoints"
import * as Hardware from "@stint/core/Hardware"
import * as HardwareTable from "../ui/HardwareTable.ts"
import * as Width from "../ui/Width.ts"
import * as Target from "./endpoints/Target.ts"

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

type Given = Command.Command.Config.Infer<typeof flags>

/** The API counts a processor as an accelerator. */
const gpusOf = ({ accelerator, accelerators }: Hardware.Instance) =>
  accelerator === "cpu" ? 0 : accelerators

const isWanted = (given: Given) => (instance: Hardware.Instance) =>
  Option.match(given.vendor, { onNone: () => true, onSome: (one) => instance.vendor === one }) &&
  Option.match(given.region, { onNone: () => true, onSome: (one) => instance.region === one }) &&
  Option.match(given.accelerator, { onNone: () => true, onSome: (one) => instance.accelerator === one }) &&
  Option.match(given.type, { onNone: () => true, onSome: (one) => instance.instanceType.includes(one) }) &&
  Option.match(given.gpus, { onNone: () => true, onSome: (one) => gpusOf(instance) >= one }) &&
  Option.match(given.memory, {
    onNone: () => true,
    onSome: (one) => (instance.acceleratorMemory ?? 0) >= one
  }) &&
  Option.match(given.price, {
    onNone: () => true,
    onSome: (one) => instance.pricePerHour !== undefined && instance.pricePerHour <= one
  }) &&
  (!given.available || Hardware.isDeployable(instance))

const cheapestFirst = (a: Hardware.Instance, b: Hardware.Instance) =>
  (a.pricePerHour ?? Number.MAX_VALUE) - (b.pricePerHour ?? Number.MAX_VALUE)

const Listed = Schema.Array(
  Schema.Struct({
    vendor: Schema.String,
    region: Schema.String,
    accelerator: Schema.NullOr(Schema.String),
    instanceType: Schema.String,
    instanceSize: Schema.String,
    accelerators: Schema.Finite,
    acceleratorMemory: Schema.NullOr(Schema.Finite),
    architecture: Schema.NullOr(Schema.String),
    cpus: Schema.NullOr(Schema.Finite),
    memory: Schema.NullOr(Schema.Finite),
    pricePerHour: Schema.NullOr(Schema.Finite),
    quotaLeft: Schema.NullOr(Schema.Finite),
    status: Schema.String,
    deployable: Schema.Boolean
  })
)

const encode = Schema.encodeEffect(Schema.fromJsonString(Listed))

const toJson = (instance: Hardware.Instance) => ({
  ...instance,
  accelerator: instance.accelerator ?? null,
  acceleratorMemory: instance.acceleratorMemory ?? null,
  architecture: instance.architecture ?? null,
  cpus: instance.cpus ?? null,
  memory: instance.memory ?? null,
  pricePerHour: instance.pricePerHour ?? null,
  quotaLeft: instance.quotaLeft ?? null,
  deployable: Hardware.isDeployable(instance)
})

/** `stint hardware` */
export const hardware = Command.make(
  "hardware",
  flags,
  Effect.fn("hardware")(function* (given) {
    const endpoints = yield* Target.service(given)
    const all = yield* endpoints.hardware
    const wanted = all.filter(isWanted(given)).toSorted(cheapestFirst)
    if (given.json) return yield* Console.log(yield* Effect.orDie(encode(wanted.map(toJson))))
    if (wanted.length === 0) {
      return yield* Console.error(`None of the ${all.length} instances is like that; ask for less.`)
    }
    yield* Console.log(HardwareTable.format(wanted, yield* Width.ofStdout))
  })
).pipe(
  Command.provide(Endpoints.layerConfig()),
  Command.withDescription("List the hardware that can be rented, cheapest first"),
  Command.withExamples([
    {
      command: "stint hardware --available --min-gpu-memory 40",
      description: "What a 16-bit model of 18B fits on"
    },
    { command: "stint hardware --instance-type l4 --json", description: "For a program" }
  ])
)
