/** Which hardware there is, and where. Prices are those of `@stint/core`'s list. */
import * as PriceList from "@stint/core/PriceList"

/**
 * Where each vendor has regions.
 *
 * @source contract: the regions seen in live answers of the API
 */
export const regions: Readonly<Record<string, ReadonlyArray<string>>> = {
  aws: ["us-east-1", "us-east-2", "us-west-2", "eu-west-1"],
  azure: ["eastus"],
  gcp: ["us-east4"]
}

// `eu-west-1` has only one T4, one A10G, and CPUs.
const isOffered = ({ accelerator, instanceSize, instanceType }: PriceList.Instance, region: string) =>
  region !== "eu-west-1" ||
  accelerator === "cpu" ||
  (instanceSize === "x1" && (instanceType === "nvidia-t4" || instanceType === "nvidia-a10g"))

/** The instance of that kind in that place, if there is one. Deprecated ones can still be had. */
export const find = (wanted: {
  readonly vendor: string
  readonly region: string
  readonly instanceType: string
  readonly instanceSize: string
}): PriceList.Instance | undefined =>
  PriceList.instances.find(
    (instance) =>
      instance.vendor === wanted.vendor &&
      instance.instanceType === wanted.instanceType &&
      instance.instanceSize === wanted.instanceSize &&
      isOffered(instance, wanted.region)
  )
