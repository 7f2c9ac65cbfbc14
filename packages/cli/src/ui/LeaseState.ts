/**
 * Where the endpoint of a run is, as the steps of its lease tell.
 */
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Endpoint } from "@stint/core/Endpoint"
import * as PriceList from "@stint/core/PriceList"
import { waitsFor } from "./EndpointView.ts"

/** The endpoint of a run. Times are milliseconds of the clock. */
export interface Lease {
  /** `none`: nothing was woken yet, or all is over. */
  readonly phase: "none" | "booting" | "working" | "releasing"
  readonly state: string
  readonly stateSince: number
  /** When the call was made that starts it. */
  readonly since: number
  readonly bootMillis: number
  /** What brings it on; `undefined` where that is an answer of the API. */
  readonly waitsFor?: string | undefined
  readonly givesUpAt?: number | undefined
  /** Since when its boot is billed, as far as was seen. */
  readonly billedSince?: number | undefined
  /** US dollars of all replicas that boot. */
  readonly pricePerHour?: number | undefined
  /** Minutes of replicas that the run may be billed. */
  readonly capMinutes?: number | undefined
}

/** Before anything has happened. */
export const initial: Lease = { phase: "none", state: "", stateSince: 0, since: 0, bootMillis: 0 }

const priceOf = (endpoint: Endpoint): number | undefined => {
  const one = PriceList.pricePerHour({
    vendor: endpoint.provider?.vendor ?? undefined,
    instanceType: endpoint.compute?.instanceType ?? undefined,
    instanceSize: endpoint.compute?.instanceSize ?? undefined
  })
  return one === undefined ? undefined : one * Math.max(1, endpoint.billedReplicas)
}

const seen = (lease: Lease, endpoint: Endpoint, now: number): Lease => {
  const { state } = endpoint
  return {
    ...lease,
    state,
    stateSince: state === lease.state ? lease.stateSince : now,
    waitsFor: state === "running" ? "its first answer" : waitsFor(endpoint),
    billedSince: endpoint.billedReplicas > 0 ? (lease.billedSince ?? now) : lease.billedSince,
    pricePerHour: priceOf(endpoint) ?? lease.pricePerHour
  }
}

/** The lease after a step, at a time; a boot is given up after `readyTimeout` milliseconds. */
export const after = (
  lease: Lease,
  event: ManagedEndpoint.Event,
  now: number,
  readyTimeout: number | undefined
): Lease => {
  switch (event._tag) {
    case "Capped":
      return { ...lease, capMinutes: event.minutes, pricePerHour: event.pricePerHour ?? lease.pricePerHour }
    case "Creating":
      return { ...lease, phase: "booting", state: "being created", stateSince: now, since: now }
    case "Resuming":
      return { ...lease, phase: "booting", state: "being resumed", stateSince: now, since: now }
    case "Acquired": {
      const since = lease.phase === "booting" ? lease.since : now
      const givesUpAt = readyTimeout === undefined ? undefined : now + readyTimeout
      return seen({ ...lease, phase: "booting", since, givesUpAt }, event.endpoint, now)
    }
    case "Waiting":
      return seen(lease, event.endpoint, now)
    case "Ready":
      return {
        ...lease,
        phase: "working",
        state: event.endpoint.state,
        stateSince: now,
        bootMillis: event.waitedMillis
      }
    case "Releasing":
      return { ...lease, phase: "releasing", stateSince: now }
    case "Kept":
    case "Left":
    case "Released":
      return { ...initial, capMinutes: lease.capMinutes }
    default:
      return lease
  }
}
