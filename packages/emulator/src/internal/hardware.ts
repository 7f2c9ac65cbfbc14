/** Which hardware there is, and where. Prices are those of `@stint/core`'s list. */
import * as PriceList from "@stint/core/PriceList"

/**
 * Where each vendor has regions, and what people call them.
 *
 * @source contract: the regions seen in live answers of the API
 */
const places: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  aws: { "us-east-1": "N. Virginia", "us-east-2": "Ohio", "us-west-2": "Oregon", "eu-west-1": "Ireland" },
  azure: { eastus: "Virginia" },
  gcp: { "us-east4": "Virginia" }
}

/** The regions of each vendor. */
export const regions: Readonly<Record<string, ReadonlyArray<string>>> = Object.fromEntries(
  Object.entries(places).map(([vendor, labels]) => [vendor, Object.keys(labels)])
)

/** What people call a region. */
export const labelOf = (vendor: string, region: string): string => places[vendor]?.[region] ?? region

const architectures: Readonly<Record<string, string>> = {
  "intel-spr": "Intel Sapphire Rapids",
  "intel-icl": "Intel Ice Lake",
  "intel-xeon": "Intel Xeon",
  inf2: "AWS Inferentia2"
}

/** `Nvidia L4` for `nvidia-l4`. */
export const architectureOf = (instanceType: string): string =>
  architectures[instanceType] ??
  instanceType
    .replace(/^nvidia-/, "")
    .toUpperCase()
    .replace(/^/, "Nvidia ")

// `eu-west-1` has only one T4, one A10G, and CPUs.
const isOffered = ({ accelerator, instanceSize, instanceType }: PriceList.Instance, region: string) =>
  region !== "eu-west-1" ||
  accelerator === "cpu" ||
  (instanceSize === "x1" && (instanceType === "nvidia-t4" || instanceType === "nvidia-a10g"))

/** One instance in one region. */
export interface Offer {
  readonly id: string
  readonly region: string
  readonly instance: PriceList.Instance
  /** What it counts in a quota: its accelerators, or the size of a CPU. */
  readonly units: number
}

const inRegion = (vendor: string, region: string): ReadonlyArray<Offer> =>
  PriceList.instances
    .filter((instance) => instance.vendor === vendor && isOffered(instance, region))
    .map((instance) => ({
      id: [vendor, region, instance.instanceType, instance.instanceSize].join("-"),
      region,
      instance,
      units: instance.accelerators || Number(instance.instanceSize.slice(1))
    }))

const offers = new Map(
  Object.entries(regions).flatMap(([vendor, names]) =>
    names.map((region) => [`${vendor} ${region}`, inRegion(vendor, region)] as const)
  )
)

/** The instances of a region. */
export const offersIn = (vendor: string, region: string): ReadonlyArray<Offer> =>
  offers.get(`${vendor} ${region}`) ?? []

// Large and new hardware is the scarce one. Nobody has written down which rows the API calls so.
const isScarce = ({ accelerators, instanceType }: PriceList.Instance) =>
  accelerators >= 8 || instanceType === "nvidia-h200"

/** Whether it can be had, as the catalogue says it. */
export const statusOf = ({ id, instance }: Offer, unavailable: ReadonlyArray<string>): string =>
  unavailable.includes(id) || unavailable.includes(instance.instanceType)
    ? "not_available"
    : instance.isDeprecated
      ? "deprecated"
      : isScarce(instance)
        ? "low_availability"
        : "available"

/** The instance of that kind in that place, if there is one. Deprecated ones can still be had. */
export const find = (wanted: {
  readonly vendor: string
  readonly region: string
  readonly instanceType: string
  readonly instanceSize: string
}): Offer | undefined =>
  offersIn(wanted.vendor, wanted.region).find(
    ({ instance }) =>
      instance.instanceType === wanted.instanceType && instance.instanceSize === wanted.instanceSize
  )
