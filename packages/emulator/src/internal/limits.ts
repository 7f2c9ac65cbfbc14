/** What stands between a request for hardware and the hardware: payment, capacity, quota. */
import * as Effect from "effect/Effect"
import { BadRequest, Conflict, Forbidden } from "@stint/core/ControlPlane"
import type { Held } from "./held.ts"
import type { Spec } from "./validation.ts"

/** A quota that is in nobody's way. */
const plenty = 100_000

/** Asked before hardware is taken. */
export interface Limits {
  /** How many units of an instance type a namespace may use, per vendor. */
  readonly quotaOf: (instanceType: string) => number
  /** How many it uses: everything but what is paused. */
  readonly used: (namespace: string, vendor: string, instanceType: string, except?: Held) => number
  readonly unavailable: ReadonlyArray<string>
  /** Whether the namespace can pay. */
  readonly payment: Effect.Effect<void, Forbidden>
  /** Whether there is room for a spec, next to everything but the endpoint that it belongs to. */
  readonly room: (namespace: string, spec: Spec, owner?: Held) => Effect.Effect<void, BadRequest | Conflict>
}

/** Makes the limits of an account. */
export const make = (options: {
  readonly quota: Readonly<Record<string, number>>
  readonly unavailable: ReadonlyArray<string>
  readonly canPay: boolean
  /** What the server holds. */
  readonly all: () => Iterable<Held>
}): Limits => {
  const { all, canPay, quota, unavailable } = options
  const quotaOf = (instanceType: string) => quota[instanceType] ?? plenty

  const used: Limits["used"] = (namespace, vendor, instanceType, except) => {
    let sum = 0
    for (const held of all()) {
      const { hardware, maxReplicas } = held.spec
      // Scaled to zero counts as used, paused does not.
      if (
        held !== except &&
        held.namespace === namespace &&
        held.status.state !== "paused" &&
        hardware.instance.vendor === vendor &&
        hardware.instance.instanceType === instanceType
      )
        sum += hardware.units * maxReplicas
    }
    return sum
  }

  return {
    quotaOf,
    used,
    unavailable,
    payment: canPay
      ? Effect.void
      : Effect.fail(new Forbidden({ error: "Payment method required for namespace", code: "FORBIDDEN" })),
    room: Effect.fnUntraced(function* (namespace, { hardware: { id, instance, units }, maxReplicas }, owner) {
      const { instanceType, vendor } = instance
      if (unavailable.includes(id) || unavailable.includes(instanceType))
        return yield* new BadRequest({
          error: "Bad Request: Compute instance not available yet",
          code: "BAD_REQUEST"
        })
      const limit = quotaOf(instanceType)
      // The usual case, and the one with ten thousand endpoints.
      if (limit >= plenty) return
      const taken = used(namespace, vendor, instanceType, owner)
      if (taken + units * maxReplicas > limit)
        return yield* new Conflict({
          error: `Conflict: Quota exceeded for \`${instanceType}\`: ${taken} of ${limit} accelerators are in use, ${units * maxReplicas} more are needed`,
          code: "CONFLICT"
        })
    })
  }
}
