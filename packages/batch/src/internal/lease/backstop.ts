/**
 * What stops the bill when nobody is left to release: an endpoint that falls asleep by itself.
 */
import * as Duration from "effect/Duration"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as EndpointSpec from "@stint/core/EndpointSpec"
import { formatDollars } from "../../Cost.ts"
import type { Found } from "../../Leases.ts"

/** The shortest that the API allows. */
const TIMEOUT = Duration.minutes(15)

/** From Friday 18:00 to Monday 08:00. */
const WEEKEND_HOURS = 62

/** A spec that sends its backstop in so many words, rather than trusting to the server's default. */
export const guarded = (spec: EndpointSpec.EndpointSpec): EndpointSpec.EndpointSpec =>
  spec.minReplica > 0 || spec.scaleToZeroTimeout !== undefined
    ? spec
    : { ...spec, scaleToZeroTimeout: TIMEOUT }

/** Whether it would never fall asleep by itself; one that does not tell its scaling is not called so. */
export const isUnguarded = (endpoint: Endpoint): boolean => {
  const scaling = endpoint.compute?.scaling ?? undefined
  if (scaling === undefined) return false
  return (scaling.minReplica ?? 0) > 0 || typeof scaling.scaleToZeroTimeout !== "number"
}

/** The endpoint as it is before anything is done to it. */
export const foundOf = (endpoint: Endpoint): Found => {
  const scaling = endpoint.compute?.scaling ?? undefined
  return {
    state: endpoint.state,
    minReplica: scaling?.minReplica ?? undefined,
    maxReplica: scaling?.maxReplica ?? undefined,
    scaleToZeroTimeout: scaling?.scaleToZeroTimeout
  }
}

/** The change that makes an endpoint fall asleep by itself. */
export const set: EndpointSpec.Change = { minReplica: 0, scaleToZeroTimeout: TIMEOUT }

/** The change that undoes {@link set}. */
export const putBack = (found: Found): EndpointSpec.Change => ({
  ...(found.minReplica === undefined ? {} : { minReplica: found.minReplica }),
  scaleToZeroTimeout:
    typeof found.scaleToZeroTimeout === "number" ? Duration.minutes(found.scaleToZeroTimeout) : null
})

/** What to say of an endpoint that would never fall asleep by itself. */
export const warning = (
  endpoint: Endpoint,
  cost: { readonly perHour: number; readonly perWeekend: number } | undefined
): string => {
  const price =
    cost === undefined
      ? "it would bill"
      : `it would cost ${formatDollars(cost.perHour)} an hour, ${formatDollars(cost.perWeekend)} a weekend,`
  return `Endpoint "${endpoint.name}" never scales to zero by itself: after a crash ${price} until somebody stops it.`
}

/** US dollars that an endpoint costs which nobody releases. */
export const crashCost = (endpoint: Endpoint, pricePerHour: number | undefined) => {
  if (pricePerHour === undefined) return undefined
  const replicas = Math.max(1, endpoint.readyReplica, endpoint.compute?.scaling?.minReplica ?? 0)
  const perHour = pricePerHour * replicas
  return { perHour, perWeekend: perHour * WEEKEND_HOURS }
}
