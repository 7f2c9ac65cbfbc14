/**
 * What can be rented where, for how much, and whether a spec's hardware can be had: asked before anything is created.
 */
import * as Effect from "effect/Effect"
import type { ApiError } from "./EndpointError.ts"
import { Endpoints } from "./Endpoints.ts"
import {
  type HardwareUnavailable,
  type Instance,
  type Preflight,
  type Wanted,
  judge
} from "./HardwareCatalogue.ts"

export * from "./HardwareCatalogue.ts"

/**
 * Every instance that the namespace can see, with price and quota.
 */
export const list: Effect.Effect<ReadonlyArray<Instance>, ApiError, Endpoints> = Effect.flatMap(
  Endpoints,
  (endpoints) => endpoints.hardware
)

/**
 * Says before the POST whether a spec's hardware exists, is available, fits the quota, and what an hour costs.
 *
 * Fails with `HardwareUnavailable`, which suggests what comes near, or with `ApiError`.
 *
 * **Example** (Asking first)
 *
 * ```ts
 * import { Hardware } from "@stint/core"
 * import { Effect } from "effect"
 *
 * const wanted = { vendor: "aws", region: "us-east-1", instanceType: "nvidia-l4", instanceSize: "x1" }
 * const price = Effect.map(Hardware.check(wanted), ({ pricePerHour }) => pricePerHour)
 * ```
 */
export const check = (wanted: Wanted): Effect.Effect<Preflight, HardwareUnavailable | ApiError, Endpoints> =>
  Effect.flatMap(list, (instances) => {
    const verdict = judge(wanted, instances)
    return "problem" in verdict ? Effect.fail(verdict) : Effect.succeed(verdict)
  })
