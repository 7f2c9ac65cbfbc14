/**
 * What can be rented where, for how much, and whether a spec's hardware can be had: asked before anything is created.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { ApiError } from "./EndpointError.ts"
import { Endpoints } from "./Endpoints.ts"
import {
  type HardwareUnavailable,
  type Instance,
  type Preflight,
  type Wanted,
  judge
} from "./HardwareCatalogue.ts"
import * as Policy from "./Policy.ts"
import * as PriceList from "./PriceList.ts"

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

/** Hardware as far as it is known: what is missing is not compared. */
export interface Known {
  readonly vendor?: string | undefined
  readonly region?: string | undefined
  readonly instanceType?: string | undefined
  readonly instanceSize?: string | undefined
}

/**
 * What an hour of one replica costs, and who says so: the API now, or the shipped list of the day `asOf`.
 */
export interface Price {
  /** US dollars per replica-hour. */
  readonly pricePerHour: number
  readonly from: "api" | "list"
  /** The day of the list, `YYYY-MM-DD`. */
  readonly asOf?: string | undefined
}

/**
 * The price in the shipped list, or `undefined` for hardware that is not in it: not known is not free.
 *
 * **Example** (A list has its day)
 *
 * ```ts
 * import { Hardware } from "@stint/core"
 *
 * const price = Hardware.shippedPrice({ vendor: "aws", instanceType: "nvidia-l4", instanceSize: "x1" })
 * console.log(price?.asOf) // => 2026-05-19
 * ```
 */
export const shippedPrice = (hardware: Known): Price | undefined => {
  const pricePerHour = PriceList.pricePerHour(hardware)
  return pricePerHour === undefined ? undefined : { pricePerHour, from: "list", asOf: PriceList.asOf }
}

/**
 * The price in the API's own list of hardware, or `undefined`. A type and a size are needed; the cheapest never wins over
 * another: where the region or the vendor is not known, all that match must cost the same.
 */
export const listedPrice = (hardware: Known, all: ReadonlyArray<Instance>): Price | undefined => {
  const { instanceSize, instanceType, region, vendor } = hardware
  if (instanceType === undefined || instanceSize === undefined) return undefined
  const prices = new Set(
    all
      .filter(
        (instance) =>
          instance.instanceType === instanceType &&
          instance.instanceSize === instanceSize &&
          (vendor === undefined || instance.vendor === vendor) &&
          (region === undefined || instance.region === region)
      )
      .map((instance) => instance.pricePerHour)
  )
  const [pricePerHour] = prices
  return prices.size !== 1 || pricePerHour === undefined ? undefined : { pricePerHour, from: "api" }
}

/** For how long a list of prices that was read is believed. */
const LIST_LIVES = Duration.hours(1)

const lists = new WeakMap<
  Endpoints["Service"],
  { readonly readAt: number; readonly all: ReadonlyArray<Instance> }
>()

/**
 * What an hour of one replica costs: by the API, which is asked once an hour for each service and not waited for longer than
 * ten seconds; else by the shipped list; else `undefined`. Never fails.
 *
 * **Example** (A price, and who says so)
 *
 * ```ts
 * import { Hardware } from "@stint/core"
 * import { Effect } from "effect"
 *
 * const wanted = { vendor: "aws", region: "us-east-1", instanceType: "nvidia-l4", instanceSize: "x1" }
 * const told = Effect.map(Hardware.price(wanted), (price) => `${price?.pricePerHour} by the ${price?.from}`)
 * ```
 */
export const price = Effect.fnUntraced(function* (
  hardware: Known
): Effect.fn.Return<Price | undefined, never, Endpoints> {
  const endpoints = yield* Endpoints
  const now = yield* Clock.currentTimeMillis
  const known = lists.get(endpoints)
  if (known !== undefined && now - known.readAt < Duration.toMillis(LIST_LIVES)) {
    return listedPrice(hardware, known.all) ?? shippedPrice(hardware)
  }
  const all = yield* endpoints.hardware.pipe(
    Effect.provideService(Policy.CurrentTransient, Schedule.recurs(0)),
    Effect.timeoutOption("10 seconds"),
    Effect.orElseSucceed(() => Option.none<ReadonlyArray<Instance>>())
  )
  if (Option.isNone(all)) return shippedPrice(hardware)
  lists.set(endpoints, { readAt: now, all: all.value })
  return listedPrice(hardware, all.value) ?? shippedPrice(hardware)
})
