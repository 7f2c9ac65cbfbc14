/**
 * Instances as rows.
 */
import type { Instance } from "@stint/core/Hardware"
import * as Table from "./Table.ts"

const headings = ["vendor", "region", "kind", "instance", "GPUs", "GPU GB", "GB", "$/h", "left", "status"]

const orDash = (value: number | undefined) => (value === undefined ? "-" : String(value))

const row = (instance: Instance): ReadonlyArray<string> => [
  instance.vendor,
  instance.region,
  instance.accelerator ?? "-",
  `${instance.instanceType} ${instance.instanceSize}`,
  instance.accelerator === "cpu" ? "-" : String(instance.accelerators),
  orDash(instance.acceleratorMemory),
  orDash(instance.memory),
  instance.pricePerHour?.toFixed(3) ?? "?",
  orDash(instance.quotaLeft),
  instance.status.replaceAll("_", " ")
]

/** The table: memory in GB, of the accelerators together and of the machine; `left` is what the quota has, in accelerators. */
export const format = (all: ReadonlyArray<Instance>, width: number | undefined): string =>
  Table.fit(headings, all.map(row), {
    width,
    cut: { instance: 16, status: 9, region: 9 },
    drop: ["GB", "left", "kind"],
    right: ["GPUs", "GPU GB", "GB", "$/h", "left"]
  })
