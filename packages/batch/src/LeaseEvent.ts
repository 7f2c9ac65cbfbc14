/**
 * What happens to a lease, from its claim to its end.
 */
import type { Endpoint } from "@stint/core/Endpoint"
import type * as Cost from "./Cost.ts"
import type { Acquisition, ReleasePolicy } from "./ManagedEndpoint.ts"

/** What happens to the lease, in order, for whoever wants to show it. */
export type Event =
  /** Another process of this machine holds the endpoint, and its end is waited for. */
  | { readonly _tag: "Leased"; readonly holders: string }
  /** Those who held it are gone without releasing it; what they left is ours now. `since` is ISO 8601. */
  | { readonly _tag: "TookOver"; readonly since: string; readonly leftBy: string }
  /**
   * What it may cost, before anything is done: minutes of replicas, of which so many start at once. Where the price is known,
   * US dollars per replica-hour. One that does not run already boots on it.
   */
  | {
      readonly _tag: "Capped"
      readonly namespace: string
      readonly minutes: number
      readonly replicas: number
      readonly pricePerHour: number | undefined
      readonly isRunning: boolean
    }
  | { readonly _tag: "Creating"; readonly namespace: string }
  | { readonly _tag: "Resuming"; readonly namespace: string; readonly endpoint: Endpoint }
  | {
      readonly _tag: "Acquired"
      readonly namespace: string
      readonly acquisition: Acquisition
      readonly endpoint: Endpoint
    }
  /** Nothing but a release would ever stop its bill: US dollars that a crash costs, where the price is known. */
  | {
      readonly _tag: "Unguarded"
      readonly endpoint: Endpoint
      readonly cost: { readonly perHour: number; readonly perWeekend: number } | undefined
    }
  /** Its autoscaler may add replicas, and each boots on the bill: US dollars per replica-hour, where the price is known. */
  | {
      readonly _tag: "Autoscales"
      readonly endpoint: Endpoint
      readonly least: number
      readonly most: number
      readonly pricePerHour: number | undefined
    }
  /** It was found with other replicas than were asked for, and is left as it is. */
  | {
      readonly _tag: "ReplicasDiffer"
      readonly endpoint: Endpoint
      readonly wanted: number | "follow"
      readonly least: number
      readonly most: number
    }
  /** It was made to fall asleep by itself, as `backstop` asks; its scaling is put back in the end. */
  | { readonly _tag: "Guarded"; readonly endpoint: Endpoint }
  | { readonly _tag: "Waiting"; readonly endpoint: Endpoint }
  | { readonly _tag: "Ready"; readonly endpoint: Endpoint; readonly waitedMillis: number }
  | {
      readonly _tag: "Kept"
      readonly namespace: string
      readonly endpoint: Endpoint | undefined
      readonly bill: Cost.Bill
    }
  /** Others hold it still: the last of them releases it. */
  | { readonly _tag: "Left"; readonly bill: Cost.Bill }
  | { readonly _tag: "Releasing"; readonly policy: ReleasePolicy }
  | {
      readonly _tag: "Released"
      readonly policy: ReleasePolicy
      readonly state: string
      readonly bill: Cost.Bill
    }
