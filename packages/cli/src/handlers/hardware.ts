/** What `stint hardware` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Hardware from "@stint/core/Hardware"
import * as HardwareTable from "../ui/HardwareTable.ts"
import * as Width from "../ui/Width.ts"
import * as Namespace from "../Namespace.ts"
import type { Given } from "../commands/hardware.ts"

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

/** What the command does. */
export const handle = Effect.fn("hardware")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const all = yield* endpoints.hardware
  const wanted = all.filter(isWanted(given)).toSorted(cheapestFirst)
  if (given.json) return yield* Console.log(yield* Effect.orDie(encode(wanted.map(toJson))))
  if (wanted.length === 0) {
    return yield* Console.error(`None of the ${all.length} instances is like that; ask for less.`)
  }
  yield* Console.log(HardwareTable.format(wanted, yield* Width.ofStdout))
})
