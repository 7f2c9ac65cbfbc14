/**
 * What the hardware cost on a date: the list that Hugging Face publishes, for when the API's own price is not at hand.
 *
 * @source https://huggingface.co/docs/inference-endpoints/support/pricing, as of {@link asOf}
 */

/** The day of the list. */
export const asOf = "2026-05-19"

/** One instance that can be rented. `pricePerHour` is in US dollars per replica; memory is in GB. */
export interface Instance {
  readonly vendor: string
  readonly instanceType: string
  readonly instanceSize: string
  readonly pricePerHour: number
  readonly accelerator: string
  readonly accelerators: number
  readonly cpus: number | undefined
  readonly memory: number | undefined
  readonly acceleratorMemory: number | undefined
  readonly isDeprecated: boolean
}

type Row = readonly [
  vendor: string,
  instanceType: string,
  instanceSize: string,
  pricePerHour: number,
  accelerator: string,
  accelerators: number,
  cpus: number | null,
  memory: number | null,
  acceleratorMemory: number | null,
  isDeprecated: boolean
]

// oxfmt-ignore
const rows: ReadonlyArray<Row> = [
  ["aws", "intel-spr", "x1", 0.033, "cpu", 0, 1, 2.0, null, false],
  ["aws", "intel-spr", "x2", 0.067, "cpu", 0, 2, 4.0, null, false],
  ["aws", "intel-spr", "x4", 0.134, "cpu", 0, 4, 8.0, null, false],
  ["aws", "intel-spr", "x8", 0.268, "cpu", 0, 8, 16.0, null, false],
  ["aws", "intel-spr", "x16", 0.536, "cpu", 0, 16, 32.0, null, false],
  ["azure", "intel-xeon", "x1", 0.06, "cpu", 0, 1, 2.0, null, false],
  ["azure", "intel-xeon", "x2", 0.12, "cpu", 0, 2, 4.0, null, false],
  ["azure", "intel-xeon", "x4", 0.24, "cpu", 0, 4, 8.0, null, false],
  ["azure", "intel-xeon", "x8", 0.48, "cpu", 0, 8, 16.0, null, false],
  ["gcp", "intel-spr", "x1", 0.05, "cpu", 0, 1, 2.0, null, false],
  ["gcp", "intel-spr", "x2", 0.1, "cpu", 0, 2, 4.0, null, false],
  ["gcp", "intel-spr", "x4", 0.2, "cpu", 0, 4, 8.0, null, false],
  ["gcp", "intel-spr", "x8", 0.4, "cpu", 0, 8, 16.0, null, false],
  ["aws", "intel-icl", "x1", 0.032, "cpu", 0, 1, 2.0, null, true],
  ["aws", "intel-icl", "x2", 0.064, "cpu", 0, 2, 4.0, null, true],
  ["aws", "intel-icl", "x4", 0.128, "cpu", 0, 4, 8.0, null, true],
  ["aws", "intel-icl", "x8", 0.256, "cpu", 0, 8, 16.0, null, true],
  ["aws", "nvidia-t4", "x1", 0.5, "gpu", 1, null, null, 14.0, false],
  ["aws", "nvidia-t4", "x4", 3.0, "gpu", 4, null, null, 56.0, false],
  ["aws", "nvidia-l4", "x1", 0.8, "gpu", 1, null, null, 24.0, false],
  ["aws", "nvidia-l4", "x4", 3.8, "gpu", 4, null, null, 96.0, false],
  ["aws", "nvidia-a10g", "x1", 1.0, "gpu", 1, null, null, 24.0, false],
  ["aws", "nvidia-a10g", "x4", 5.0, "gpu", 4, null, null, 96.0, false],
  ["aws", "nvidia-l40s", "x1", 1.8, "gpu", 1, null, null, 48.0, false],
  ["aws", "nvidia-l40s", "x4", 8.3, "gpu", 4, null, null, 192.0, false],
  ["aws", "nvidia-l40s", "x8", 23.5, "gpu", 8, null, null, 384.0, false],
  ["aws", "nvidia-a100", "x1", 2.5, "gpu", 1, null, null, 80.0, false],
  ["aws", "nvidia-a100", "x2", 5.0, "gpu", 2, null, null, 160.0, false],
  ["aws", "nvidia-a100", "x4", 10.0, "gpu", 4, null, null, 320.0, false],
  ["aws", "nvidia-a100", "x8", 20.0, "gpu", 8, null, null, 640.0, false],
  ["aws", "nvidia-h100", "x1", 4.5, "gpu", 1, null, null, 80.0, true],
  ["aws", "nvidia-h100", "x2", 9.0, "gpu", 2, null, null, 160.0, true],
  ["aws", "nvidia-h100", "x4", 18.0, "gpu", 4, null, null, 320.0, true],
  ["aws", "nvidia-h100", "x8", 36.0, "gpu", 8, null, null, 640.0, true],
  ["aws", "nvidia-h200", "x1", 5.0, "gpu", 1, null, null, 141.0, false],
  ["aws", "nvidia-h200", "x2", 10.0, "gpu", 2, null, null, 282.0, false],
  ["aws", "nvidia-h200", "x4", 20.0, "gpu", 4, null, null, 564.0, false],
  ["aws", "nvidia-h200", "x8", 40.0, "gpu", 8, null, null, 1128.0, false],
  ["aws", "nvidia-b200", "x1", 9.25, "gpu", 1, null, null, 256.0, true],
  ["aws", "nvidia-b200", "x2", 18.5, "gpu", 2, null, null, 512.0, true],
  ["aws", "nvidia-b200", "x4", 37.0, "gpu", 4, null, null, 1024.0, true],
  ["aws", "nvidia-b200", "x8", 74.0, "gpu", 8, null, null, 2048.0, true],
  ["gcp", "nvidia-t4", "x1", 0.5, "gpu", 1, null, null, 16.0, false],
  ["gcp", "nvidia-l4", "x1", 0.7, "gpu", 1, null, null, 24.0, false],
  ["gcp", "nvidia-l4", "x4", 3.8, "gpu", 4, null, null, 96.0, false],
  ["gcp", "nvidia-a100", "x1", 3.6, "gpu", 1, null, null, 80.0, false],
  ["gcp", "nvidia-a100", "x2", 7.2, "gpu", 2, null, null, 160.0, false],
  ["gcp", "nvidia-a100", "x4", 14.4, "gpu", 4, null, null, 320.0, false],
  ["gcp", "nvidia-a100", "x8", 28.8, "gpu", 8, null, null, 640.0, false],
  ["gcp", "nvidia-h100", "x1", 10.0, "gpu", 1, null, null, 80.0, false],
  ["gcp", "nvidia-h100", "x2", 20.0, "gpu", 2, null, null, 160.0, false],
  ["gcp", "nvidia-h100", "x4", 40.0, "gpu", 4, null, null, 320.0, false],
  ["gcp", "nvidia-h100", "x8", 80.0, "gpu", 8, null, null, 640.0, false],
  ["aws", "inf2", "x1", 0.75, "neuron", 1, null, 14.5, 32.0, false],
  ["aws", "inf2", "x12", 12.0, "neuron", 12, null, 760.0, 384.0, false]
]

/** Every instance of the list. */
export const instances: ReadonlyArray<Instance> = rows.map(
  ([
    vendor,
    instanceType,
    instanceSize,
    pricePerHour,
    accelerator,
    accelerators,
    cpus,
    memory,
    acceleratorMemory,
    isDeprecated
  ]) => ({
    vendor,
    instanceType,
    instanceSize,
    pricePerHour,
    accelerator,
    accelerators,
    cpus: cpus ?? undefined,
    memory: memory ?? undefined,
    acceleratorMemory: acceleratorMemory ?? undefined,
    isDeprecated
  })
)

/**
 * US dollars per replica-hour, or `undefined` for hardware that is not in the list.
 *
 * **Example** (An L4 on AWS)
 *
 * ```ts
 * import { PriceList } from "@stint/core"
 *
 * console.log(PriceList.pricePerHour({ vendor: "aws", instanceType: "nvidia-l4", instanceSize: "x1" })) // => 0.8
 * ```
 */
export const pricePerHour = (hardware: {
  readonly vendor?: string | undefined
  readonly instanceType?: string | undefined
  readonly instanceSize?: string | undefined
}): number | undefined =>
  instances.find(
    (instance) =>
      instance.vendor === hardware.vendor &&
      instance.instanceType === hardware.instanceType &&
      instance.instanceSize === hardware.instanceSize
  )?.pricePerHour
