/**
 * What can be rented where, for how much, and how much of it the namespace may use.
 */
import * as Schema from "effect/Schema"
import type { EndpointSpec } from "./EndpointSpec.ts"

const absent = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** How many accelerators of an instance type the namespace may use, and does. */
export const Quota = Schema.Struct({ maxAccelerators: Schema.Finite, usedAccelerators: Schema.Finite })

/** One instance in one region. `pricePerHour` is in US dollars per replica; memory is in GB. */
export const Compute = Schema.Struct({
  id: absent(Schema.String),
  accelerator: absent(Schema.String),
  numAccelerators: absent(Schema.Finite),
  numCpus: absent(Schema.Finite),
  memoryGb: absent(Schema.Finite),
  gpuMemoryGb: absent(Schema.Finite),
  instanceType: Schema.String,
  instanceSize: Schema.String,
  architecture: absent(Schema.String),
  status: absent(Schema.String),
  pricePerHour: absent(Schema.Finite),
  quota: absent(Quota)
})

const Region = Schema.Struct({
  name: Schema.String,
  label: absent(Schema.String),
  status: absent(Schema.String),
  computes: Schema.Array(Compute)
})

/** The catalogue of `GET /v2/provider` and `/v2/provider/{namespace}`. */
export const Vendors = Schema.Struct({
  vendors: Schema.Array(
    Schema.Struct({ name: Schema.String, status: absent(Schema.String), regions: Schema.Array(Region) })
  )
})

/** The quotas of `GET /v2/provider/quotas/{namespace}`. */
export const Quotas = Schema.Struct({
  vendors: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      quotas: Schema.Array(
        Schema.Struct({
          instanceType: Schema.String,
          architecture: absent(Schema.String),
          maxAccelerators: Schema.Finite,
          usedAccelerators: Schema.Finite
        })
      )
    })
  )
})

/** One instance that can be asked for, with where it is. */
export interface Instance {
  readonly vendor: string
  readonly region: string
  readonly instanceType: string
  readonly instanceSize: string
  readonly accelerator: string | undefined
  readonly accelerators: number
  readonly architecture: string | undefined
  readonly cpus: number | undefined
  readonly memory: number | undefined
  readonly acceleratorMemory: number | undefined
  /** `available`, `low_availability`, `not_available`, `reserved`, `deprecated`, or a word made up since. */
  readonly status: string
  readonly pricePerHour: number | undefined
  /** Accelerators that the namespace may still use; `undefined` where the server does not say. */
  readonly quotaLeft: number | undefined
}

/** The catalogue as a flat list. */
export const instances = (catalogue: typeof Vendors.Type): ReadonlyArray<Instance> =>
  catalogue.vendors.flatMap((vendor) =>
    vendor.regions.flatMap((region) =>
      region.computes.map((compute) => ({
        vendor: vendor.name,
        region: region.name,
        instanceType: compute.instanceType,
        instanceSize: compute.instanceSize,
        accelerator: compute.accelerator ?? undefined,
        accelerators: compute.numAccelerators ?? 0,
        architecture: compute.architecture ?? undefined,
        cpus: compute.numCpus ?? undefined,
        memory: compute.memoryGb ?? undefined,
        acceleratorMemory: compute.gpuMemoryGb ?? undefined,
        status: compute.status ?? "available",
        pricePerHour: compute.pricePerHour ?? undefined,
        quotaLeft:
          compute.quota === undefined || compute.quota === null
            ? undefined
            : compute.quota.maxAccelerators - compute.quota.usedAccelerators
      }))
    )
  )

/**
 * Whether an instance can be had now: offered, and within the quota.
 *
 * @source `huggingface_hub`: rows marked available with a quota of nothing exist.
 */
export const isDeployable = (instance: Instance): boolean =>
  instance.status !== "deprecated" &&
  instance.status !== "not_available" &&
  (instance.quotaLeft === undefined || instance.quotaLeft >= instance.accelerators)

/** What a spec asks of the hardware. */
export type Wanted = Pick<EndpointSpec, "vendor" | "region" | "instanceType" | "instanceSize"> &
  Partial<Pick<EndpointSpec, "maxReplica">>

/** The hardware of a spec cannot be had, with what comes near it. */
export class HardwareUnavailable extends Schema.TaggedError<HardwareUnavailable>()("HardwareUnavailable", {
  wanted: Schema.String,
  problem: Schema.Literals(["unknown", "unavailable", "quota"]),
  detail: Schema.String,
  suggestions: Schema.Array(Schema.String)
}) {
  override get message() {
    const near = this.suggestions.length === 0 ? "" : ` Near it: ${this.suggestions.join("; ")}.`
    return `${this.wanted} cannot be had: ${this.detail}. Choose other hardware.${near}`
  }
}

/** What an hour of a spec costs, and how much quota is left after it. */
export interface Preflight {
  readonly instance: Instance
  /** US dollars an hour with all replicas up; `undefined` where there is no price. */
  readonly pricePerHour: number | undefined
}

/** `aws us-east-1 nvidia-l4 x1 ($0.8/h)` */
export const describe = (instance: Instance): string => {
  const price = instance.pricePerHour === undefined ? "" : ` ($${instance.pricePerHour}/h)`
  return `${instance.vendor} ${instance.region} ${instance.instanceType} ${instance.instanceSize}${price}`
}

const near = (wanted: Wanted, all: ReadonlyArray<Instance>) => {
  const distance = (instance: Instance) =>
    (instance.instanceType === wanted.instanceType
      ? 0
      : sharesWord(instance.instanceType, wanted.instanceType)
        ? 3
        : 8) +
    (instance.instanceSize === wanted.instanceSize ? 0 : 2) +
    (instance.vendor === wanted.vendor ? 0 : 2) +
    (instance.region === wanted.region ? 0 : 1)
  return all
    .filter(isDeployable)
    .map((instance) => ({ instance, distance: distance(instance) }))
    .filter((candidate) => candidate.distance < 8)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map((candidate) => describe(candidate.instance))
}

const sharesWord = (a: string, b: string) => {
  const words = new Set(a.split("-"))
  return b.split("-").some((word) => word.length > 1 && words.has(word))
}

/**
 * Judges a spec's hardware by the catalogue: whether it exists, is offered, and fits the quota.
 *
 * **Example** (Hardware that is spelt wrong)
 *
 * ```ts
 * import { Hardware } from "@stint/core"
 *
 * const wanted = { vendor: "aws", region: "us-east-1", instanceType: "nvidia-l5", instanceSize: "x1" }
 * const verdict = Hardware.judge(wanted, [])
 * console.log(verdict instanceof Hardware.HardwareUnavailable) // => true
 * ```
 */
export const judge = (wanted: Wanted, all: ReadonlyArray<Instance>): Preflight | HardwareUnavailable => {
  const text = `${wanted.vendor} ${wanted.region} ${wanted.instanceType} ${wanted.instanceSize}`
  const refuse = (problem: HardwareUnavailable["problem"], detail: string) =>
    new HardwareUnavailable({ wanted: text, problem, detail, suggestions: near(wanted, all) })
  const instance = all.find(
    (candidate) =>
      candidate.vendor === wanted.vendor &&
      candidate.region === wanted.region &&
      candidate.instanceType === wanted.instanceType &&
      candidate.instanceSize === wanted.instanceSize
  )
  if (instance === undefined) return refuse("unknown", missing(wanted, all))
  if (instance.status === "not_available" || instance.status === "deprecated") {
    return refuse("unavailable", `it is ${instance.status.replace("_", " ")}`)
  }
  const replicas = Math.max(1, wanted.maxReplica ?? 1)
  const needed = instance.accelerators * replicas
  if (instance.quotaLeft !== undefined && instance.quotaLeft < needed) {
    return refuse("quota", `it needs ${needed} accelerators and the quota has ${instance.quotaLeft} left`)
  }
  return {
    instance,
    pricePerHour: instance.pricePerHour === undefined ? undefined : instance.pricePerHour * replicas
  }
}

const missing = (wanted: Wanted, all: ReadonlyArray<Instance>): string => {
  const ofVendor = all.filter((instance) => instance.vendor === wanted.vendor)
  if (ofVendor.length === 0) return `there is no vendor "${wanted.vendor}"`
  if (!ofVendor.some((instance) => instance.region === wanted.region)) {
    return `${wanted.vendor} has no region "${wanted.region}"`
  }
  return ofVendor.some((instance) => instance.instanceType === wanted.instanceType)
    ? `there is no ${wanted.instanceType} ${wanted.instanceSize} in ${wanted.region}`
    : `${wanted.vendor} has no instance "${wanted.instanceType}"`
}
