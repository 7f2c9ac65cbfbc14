/**
 * The hardware that a plan is made for: what the namespace can deploy, by the API; else what the shipped list has.
 */
import * as Effect from "effect/Effect"
import type { Endpoint } from "@stint/core/Endpoint"
import * as Endpoints from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import * as Hardware from "@stint/core/Hardware"
import * as PriceList from "@stint/core/PriceList"

/** Where the run would be, as far as that is said. */
export interface Place {
  readonly vendor: string
  readonly region: string
  readonly instanceType: string
  readonly instanceSize: string
}

/** The hardware of an endpoint; nothing where the API does not say it. */
const ofEndpoint = ({ compute, provider }: Endpoint): Place | undefined => {
  const { instanceSize, instanceType } = compute ?? {}
  return typeof instanceType === "string" && typeof instanceSize === "string"
    ? { vendor: provider?.vendor ?? "", region: provider?.region ?? "", instanceType, instanceSize }
    : undefined
}

const shipped: ReadonlyArray<Hardware.Instance> = PriceList.instances
  .filter((instance) => !instance.isDeprecated)
  .map((instance) => ({
    ...instance,
    region: "",
    architecture: undefined,
    status: "unknown",
    // So that whoever shows the price looks it up, and says of which day it is.
    pricePerHour: undefined,
    quotaLeft: undefined
  }))

const isSame = (a: Omit<Place, "region">, b: Omit<Place, "region">) =>
  a.vendor === b.vendor && a.instanceType === b.instanceType && a.instanceSize === b.instanceSize

/** One of each kind: where the run would be, else where it is cheapest. */
const distinct = (all: ReadonlyArray<Hardware.Instance>, at: Place | undefined) => {
  const kinds = new Map<string, Hardware.Instance>()
  for (const instance of all) {
    const kind = `${instance.vendor} ${instance.instanceType} ${instance.instanceSize}`
    const known = kinds.get(kind)
    const isBetter =
      known === undefined ||
      (known.region !== at?.region &&
        (instance.region === at?.region ||
          (instance.pricePerHour ?? Infinity) < (known.pricePerHour ?? Infinity)))
    if (isBetter) kinds.set(kind, instance)
  }
  return [...kinds.values()]
}

/** How many replicas of the quota an endpoint has already: none when it is paused; one when it is scaled to zero. */
const heldBy = (endpoint: Endpoint | undefined): number =>
  endpoint === undefined || endpoint.state === "paused" ? 0 : Math.max(1, endpoint.status.targetReplica ?? 1)

/** The token is refused for everything: that is no matter of prices. */
const isUnauthorized = (error: { readonly reason: { readonly _tag: string } }) =>
  error.reason._tag === "Unauthorized"

/** What can be deployed, one of each kind, and what a person should know of it. Reads only. */
export const find = Effect.fnUntraced(function* (options: {
  readonly spec: EndpointSpec | undefined
  readonly endpoint: Endpoint | undefined
}) {
  const { endpoint, spec } = options
  const own = endpoint && ofEndpoint(endpoint)
  const at: Place | undefined = own ?? spec
  const endpoints = yield* Endpoints.Endpoints
  const problems: Array<string> = []
  const listed = yield* Effect.catchTag(endpoints.hardware, "ApiError", (error) =>
    isUnauthorized(error)
      ? Effect.fail(error)
      : Effect.sync(() => {
          problems.push(
            `The API does not list the hardware, so availability and quota are not known: ${error.message}`
          )
          return undefined
        })
  )
  if (listed !== undefined && own === undefined && spec !== undefined) {
    const verdict = Hardware.judge(spec, listed)
    if (verdict instanceof Hardware.HardwareUnavailable) problems.push(verdict.message)
  }
  const isOwn = (instance: Hardware.Instance) => own !== undefined && isSame(own, instance)
  if (own !== undefined && endpoint !== undefined && !(listed ?? shipped).some(isOwn)) {
    problems.push(
      `The endpoint's own hardware, ${endpoint.hardware}, is not among what is listed, so there is no forecast for it.`
    )
  }
  const held = heldBy(endpoint)
  // Neuron needs images of its own, and models that were compiled for it.
  const isNeuron = (endpoint?.compute?.accelerator ?? spec?.accelerator) === "neuron"
  const deployable = (listed ?? shipped).filter(
    (instance) =>
      // An endpoint has its own hardware already, whatever is left of the quota.
      isOwn(instance) || (Hardware.isDeployable(instance) && (instance.accelerator === "neuron") === isNeuron)
  )
  const instances = distinct(deployable, at).map((instance) =>
    isOwn(instance) && instance.quotaLeft !== undefined
      ? { ...instance, quotaLeft: instance.quotaLeft + held * instance.accelerators }
      : instance
  )
  return { at, problems, instances, all: listed ?? shipped }
})
