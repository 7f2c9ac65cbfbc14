/**
 * Who holds which endpoint within this process: two scopes on one endpoint share a lease, and the last one out releases it.
 *
 * Counted for each `Endpoints` service by itself: what goes through another service is another holder, as if it were another
 * process.
 */
import * as Context from "effect/Context"
import type { Endpoints } from "@stint/core/Endpoints"
import type { SharedLease } from "./internal/lease/sharedLease.ts"

/** The leases of one process. */
export interface Service {
  /** The leases on the endpoints of a service, by namespace and name. */
  readonly of: (endpoints: Endpoints["Service"]) => Map<string, SharedLease>
}

/** The leases of a process that holds nothing yet. */
export const make = (): Service => {
  const leases = new WeakMap<object, Map<string, SharedLease>>()
  return {
    of: (endpoints) => {
      const known = leases.get(endpoints)
      if (known !== undefined) return known
      const fresh = new Map<string, SharedLease>()
      leases.set(endpoints, fresh)
      return fresh
    }
  }
}

/**
 * The leases of this process. Replaced where one real process plays many, as in a simulation.
 *
 * **Example** (A program that shares nothing with those around it)
 *
 * ```ts
 * import { Sharing } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const apart = <A, E, R>(program: Effect.Effect<A, E, R>) =>
 *   Effect.suspend(() => Effect.provideService(program, Sharing.Sharing, Sharing.make()))
 * ```
 */
export const Sharing = Context.Reference<Service>("@stint/batch/Sharing", { defaultValue: make })
