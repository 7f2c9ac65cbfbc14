/**
 * What of a lease is worth a warning in the log, where nobody watches its events.
 */
import { formatDollars } from "../../Cost.ts"
import type { Event } from "../../LeaseEvent.ts"
import * as Backstop from "./backstop.ts"

const replicas = (least: number, most: number) => (least === most ? `${most}` : `${least} to ${most}`)

/** The warning about the endpoint of that name; `undefined` for what is none. */
export const of = (event: Event, name: string): string | undefined => {
  switch (event._tag) {
    case "TookOver":
      return `Endpoint "${name}" was left by ${event.leftBy}, held since ${event.since}: taken over.`
    case "Unguarded":
      return Backstop.warning(event.endpoint, event.cost)
    case "Autoscales": {
      const { least, most, pricePerHour } = event
      const price = pricePerHour === undefined ? "" : ` (${formatDollars(pricePerHour)} an hour each)`
      return `Endpoint "${name}" has ${replicas(least, most)} replicas: a batch makes its autoscaler add some, and each${price} boots on the bill. Set minReplica and maxReplica alike.`
    }
    case "ReplicasDiffer": {
      const { least, most, wanted } = event
      return `Endpoint "${name}" has ${replicas(least, most)} replicas, not ${wanted} as was asked for: one that is found is left as it is.`
    }
    default:
      return undefined
  }
}
