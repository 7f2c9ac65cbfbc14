/**
 * What a run may cost and on how many replicas it runs: flags, and what they mean.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Flag from "effect/cli/Flag"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"

const Positive = Schema.Finite.check(
  Schema.makeFilter((value: number) => value > 0 || "expected a number above 0")
)

/** `$2.50` or `2.50`. */
const Dollars = Schema.String.pipe(
  Schema.decodeTo(Schema.FiniteFromString, {
    decode: SchemaGetter.transform((text: string) => text.trim().replace(/^\$/, "")),
    encode: SchemaGetter.transform((text: string) => text)
  }),
  Schema.check(Schema.makeFilter((value: number) => value > 0 || "expected US dollars above 0, as in 2.50"))
)

const Replicas = Schema.Union([
  Schema.Literal("follow"),
  Schema.FiniteFromString.check(
    Schema.makeFilter(
      (value: number) =>
        (Number.isInteger(value) && value >= 1) || 'expected a whole number of replicas, or "follow"'
    )
  )
])

export const flags = {
  maxCost: Flag.String("max-cost").pipe(
    Flag.withMetavar("dollars"),
    Flag.withDescription(
      "The most that this run may cost in US dollars, boot and release included; then it stops, and the work is kept"
    ),
    Flag.withSchema(Dollars),
    Flag.optional
  ),
  maxBilledMinutes: Flag.Finite("max-billed-minutes").pipe(
    Flag.withDescription("The most minutes that this run may be billed; two replicas for a minute are two"),
    Flag.withSchema(Positive),
    Flag.optional
  ),
  price: Flag.String("price").pipe(
    Flag.withMetavar("dollars"),
    Flag.withDescription("US dollars per replica-hour, where the API does not know it or you know better"),
    Flag.withSchema(Dollars),
    Flag.optional
  ),
  replicas: Flag.String("replicas").pipe(
    Flag.withMetavar("count"),
    Flag.withDescription(
      "Create the endpoint with exactly so many replicas for the whole run, or follow the spec; one that is found is left as it is"
    ),
    Flag.withSchema(Replicas),
    Flag.withDefault("follow" as const)
  )
}

interface Given {
  readonly maxCost: Option.Option<number>
  readonly maxBilledMinutes: Option.Option<number>
  readonly price: Option.Option<number>
  readonly replicas: number | "follow"
}

/** The flags as `withEndpoint` takes them. */
export const toOptions = (given: Given) =>
  ({
    maxCost: Option.getOrUndefined(given.maxCost),
    maxBilledMinutes: Option.getOrUndefined(given.maxBilledMinutes),
    pricePerHour: Option.getOrUndefined(given.price),
    replicas: given.replicas
  }) satisfies Partial<ManagedEndpoint.Options>
