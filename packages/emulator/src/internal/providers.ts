/** The hardware catalogue and the quotas. */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as ControlPlane from "@stint/core/ControlPlane"
import * as Hardware from "./hardware.ts"
import type { Limits } from "./limits.ts"
import type { Permit } from "./permit.ts"

const vendors = Object.entries(Hardware.regions)

// The price list has no processors and memory for accelerators. The one row that was seen live, an L4's, has these; the
// others are guessed from it.
const perAccelerator = { cpus: 7, memory: 30 }

const row = (offer: Hardware.Offer, limits: Limits, namespace: string | undefined) => {
  const { id, instance, units } = offer
  const {
    acceleratorMemory,
    cpus = units * perAccelerator.cpus,
    instanceSize,
    instanceType,
    memory = units * perAccelerator.memory,
    vendor
  } = instance
  return {
    id,
    accelerator: instance.accelerator,
    numAccelerators: units,
    numCpus: cpus,
    memoryGb: memory,
    gpuMemoryGb: acceleratorMemory ?? null,
    instanceType,
    instanceSize,
    architecture: Hardware.architectureOf(instanceType),
    status: Hardware.statusOf(offer, limits.unavailable),
    pricePerHour: instance.pricePerHour,
    ...(namespace === undefined
      ? {}
      : {
          quota: {
            maxAccelerators: limits.quotaOf(instanceType),
            usedAccelerators: limits.used(namespace, vendor, instanceType)
          }
        })
  }
}

const catalogue = (limits: Limits, namespace: string | undefined) => ({
  vendors: vendors.map(([vendor, regions]) => ({
    name: vendor,
    status: "available",
    regions: regions.map((region) => ({
      name: region,
      label: Hardware.labelOf(vendor, region),
      status: "available",
      computes: Hardware.offersIn(vendor, region).map((offer) => row(offer, limits, namespace))
    }))
  }))
})

const quotas = (limits: Limits, namespace: string) => ({
  vendors: vendors.map(([vendor, regions]) => {
    const types = new Set(
      regions.flatMap((region) =>
        Hardware.offersIn(vendor, region).map(({ instance }) => instance.instanceType)
      )
    )
    return {
      name: vendor,
      quotas: [...types].map((instanceType) => ({
        instanceType,
        architecture: Hardware.architectureOf(instanceType),
        maxAccelerators: limits.quotaOf(instanceType),
        usedAccelerators: limits.used(namespace, vendor, instanceType)
      }))
    }
  })
})

/** Makes the handlers of the group. The catalogue without a namespace is public. */
export const layer = ({ limits, permit }: { readonly limits: Limits; readonly permit: Permit }) =>
  HttpApiBuilder.group(ControlPlane.ControlPlane, "providers", (handlers) =>
    handlers
      .handle("public", () => Effect.succeed(catalogue(limits, undefined)))
      .handle("list", ({ params: { namespace }, request }) =>
        Effect.as(permit(request, namespace), namespace).pipe(
          Effect.map((namespace) => catalogue(limits, namespace))
        )
      )
      .handle("quotas", ({ params: { namespace }, request }) =>
        Effect.as(permit(request, namespace), namespace).pipe(
          Effect.map((namespace) => quotas(limits, namespace))
        )
      )
  )
