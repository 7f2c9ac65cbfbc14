/**
 * Leases as rows: what is held, by whom, for how long, and what it costs.
 */
import type { LeaseRecords } from "@stint/batch/node"
import * as Age from "./Age.ts"
import * as Table from "./Table.ts"

const dollars = (price: number | undefined) => (price === undefined ? "unknown" : `$${price}/h`)

const holders = (lease: LeaseRecords.Lease) =>
  lease.holders
    .map(
      ({ host, isAlive, pid }) =>
        `${pid}${isAlive ? "" : " (gone)"}${lease.standing === "elsewhere" ? ` on ${host}` : ""}`
    )
    .join(", ") || "none"

/** The table, at the moment `now` in milliseconds. */
export const format = (
  all: ReadonlyArray<LeaseRecords.Lease>,
  options: { readonly now: number; readonly width: number | undefined }
): string =>
  Table.fit(
    ["endpoint", "lease", "process", "age", "on release", "price"],
    all.map((lease) => [
      `${lease.namespace}/${lease.name}`,
      lease.standing,
      holders(lease),
      Age.format(lease.since, options.now),
      lease.policy,
      dollars(lease.facts.pricePerHour)
    ]),
    {
      width: options.width,
      cut: { endpoint: 16, process: 8 },
      drop: ["on release", "age"],
      keepEnd: ["endpoint"],
      right: ["age", "price"]
    }
  )
