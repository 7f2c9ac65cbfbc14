/**
 * What endpoints cost: the price of a replica by the API, and how many of them are billed now.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as Endpoints from "@stint/core/Endpoints"
import * as Hardware from "@stint/core/Hardware"
import * as Policy from "@stint/core/Policy"

/** What an endpoint costs, in US dollars an hour; `undefined` where no price is known. */
export interface EndpointPrice {
  readonly perReplica: number | undefined
  /** Replicas that are billed now. */
  readonly replicas: number
  /** All of them together. */
  readonly now: number | undefined
}

/** The hardware of an endpoint, as far as it is known. */
const hardwareOf = ({ compute, provider }: Endpoint): Hardware.Known => ({
  vendor: provider?.vendor ?? undefined,
  region: provider?.region ?? undefined,
  instanceType: compute?.instanceType ?? undefined,
  instanceSize: compute?.instanceSize ?? undefined
})

/** What an endpoint costs by a list of hardware; where that has no price, by the shipped list. */
export const priceOf = (endpoint: Endpoint, listed: ReadonlyArray<Hardware.Instance>): EndpointPrice => {
  const hardware = hardwareOf(endpoint)
  const price = Hardware.listedPrice(hardware, listed) ?? Hardware.shippedPrice(hardware)
  const perReplica = price?.pricePerHour
  const replicas = endpoint.billedReplicas
  const now = replicas === 0 ? 0 : perReplica === undefined ? undefined : perReplica * replicas
  return { perReplica, replicas, now }
}

/** The API's list of hardware, asked once and not waited for long: prices only add to what is told. */
export const listed = (endpoints: Endpoints.Service): Effect.Effect<ReadonlyArray<Hardware.Instance>> =>
  endpoints.hardware.pipe(
    Effect.provideService(Policy.CurrentTransient, Schedule.recurs(0)),
    Effect.timeout("10 seconds"),
    Effect.orElseSucceed(() => [])
  )

/** An amount as it is shown: cents, and a tenth of one where it matters. */
export const dollars = (amount: number): string => {
  const cents = amount * 100
  return amount.toFixed(Math.abs(cents - Math.round(cents)) < 1e-6 ? 2 : 3)
}
