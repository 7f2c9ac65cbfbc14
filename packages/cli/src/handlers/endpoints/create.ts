/** What `stint endpoints create` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import * as Hardware from "@stint/core/Hardware"
import { EndpointsRefused } from "../../EndpointsRefused.ts"
import { dollars } from "../../EndpointPrice.ts"
import { SpecFileError } from "../../SpecFile.ts"
import * as SpecFlags from "../../SpecFlags.ts"
import * as Attended from "./attended.ts"
import * as Namespace from "../../Namespace.ts"
import * as Target from "../../commands/endpoints/Target.ts"
import * as Waiting from "./waiting.ts"
import type { Given } from "../../commands/endpoints/create.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** What has no default, and its flag. */
const needed = {
  repository: "--repository",
  vendor: "--vendor",
  region: "--region",
  instanceType: "--instance-type",
  instanceSize: "--instance-size"
} as const

/** So many instances are suggested. */
const SUGGESTED = 4

/** What is missing, and the hardware that goes with what is not. */
const missing = (fields: SpecFlags.Fields, all: ReadonlyArray<Hardware.Instance>): string | undefined => {
  const flags = Object.entries(needed).flatMap(([name, flag]) => (fields[name] === undefined ? [flag] : []))
  if (flags.length === 0) return undefined
  const wanted = `give ${flags.join(", ")}, or a --spec that says so`
  if (flags.every((flag) => flag === "--repository")) return wanted
  const choices = SpecFlags.matches(fields, all)
    .filter(Hardware.isDeployable)
    .toSorted((a, b) => (a.pricePerHour ?? Infinity) - (b.pricePerHour ?? Infinity))
  const near = choices.slice(0, SUGGESTED).map(Hardware.describe)
  const more = choices.length > SUGGESTED ? "; …" : ""
  return near.length === 0
    ? `${wanted}. See what there is with: stint hardware`
    : `${wanted}. What goes with the rest: ${near.join("; ")}${more}`
}

/** The spec, checked against what can be had. */
const specOf = Effect.fnUntraced(function* (
  given: Parameters<typeof SpecFlags.fields>[0],
  all: ReadonlyArray<Hardware.Instance>
) {
  const { scaleToZeroTimeout, ...rest } = yield* SpecFlags.fields(given, "create")
  if (scaleToZeroTimeout === null && !(Number(rest["minReplica"] ?? 0) > 0)) {
    return yield* new EndpointsRefused({
      command: "create",
      detail: "an endpoint that never falls asleep keeps a replica: give --min-replica 1 with it"
    })
  }
  const timeout = typeof scaleToZeroTimeout === "number" ? { scaleToZeroTimeout } : {}
  const fields = SpecFlags.completed({ ...rest, ...timeout }, all)
  const detail = missing(fields, all)
  if (detail !== undefined) return yield* new EndpointsRefused({ command: "create", detail })
  const spec = yield* Effect.mapError(
    // An instance that there is not has none, and is refused below by what comes near it.
    EndpointSpec.fromJson({ accelerator: "gpu", ...fields }),
    ({ message }) =>
      Option.match(given.spec, {
        onNone: () => new EndpointsRefused({ command: "create", detail: message }),
        onSome: (path) => new SpecFileError({ path, detail: message })
      })
  )
  const verdict = Hardware.judge(spec, all)
  return verdict instanceof Hardware.HardwareUnavailable
    ? yield* verdict
    : { spec, instance: verdict.instance }
})

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`

/** What it costs, and when that ends by itself. */
const money = (spec: EndpointSpec.EndpointSpec, { pricePerHour }: Hardware.Instance): string => {
  const each =
    pricePerHour === undefined ? "The API gives no price" : `$${dollars(pricePerHour)} an hour a replica`
  const most =
    pricePerHour === undefined || spec.maxReplica < 2
      ? ""
      : `, at most $${dollars(pricePerHour * spec.maxReplica)} with ${spec.maxReplica}`
  const idle =
    spec.minReplica > 0
      ? `it keeps ${plural(spec.minReplica, "replica")} AND NEVER FALLS ASLEEP BY ITSELF`
      : "it falls asleep by itself when no requests come"
  return `${each}${most}; ${idle}.`
}

/** What the command does. */
export const handle = Effect.fn("endpoints.create")(function* (given: Given) {
  const { name } = given
  const endpoints = yield* Namespace.service(given)
  const stop = Target.commandLine("pause", name, given)
  let isSent = false
  const creating = Effect.gen(function* () {
    const { instance, spec } = yield* specOf(given, yield* endpoints.hardware)
    isSent = true
    const created = yield* endpoints.create(name, spec)
    yield* Console.error(`${name}: ${created.state}, on ${created.hardware}. ${money(spec, instance)}`)
    yield* Console.error(`To stop it: ${stop}`)
    const endpoint = given.wait ? yield* Waiting.untilReady(endpoints, name, given.timeout) : created
    yield* Console.log(
      given.json ? yield* Effect.orDie(encode(endpoint.raw)) : (endpoint.status.url ?? endpoint.state)
    )
  })
  yield* Attended.untilSignal(creating, () =>
    isSent ? `${name} MAY BE BILLED. To stop it: ${stop}` : "nothing was created."
  )
})
