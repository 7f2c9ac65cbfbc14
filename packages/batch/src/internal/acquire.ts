/**
 * Finding, resuming or creating an endpoint: by GET, never by list, and never two of one name.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Endpoint } from "@stint/core/Endpoint"
import { ApiError, type Conflict, NotFound, type QuotaExceeded } from "@stint/core/EndpointError"
import type { Endpoints } from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import * as PriceList from "@stint/core/PriceList"
import type { Acquisition, Options } from "../ManagedEndpoint.ts"

/** The endpoint that has the name serves another model than the spec asks for: its rows would be silently wrong. */
export class SpecMismatch extends Schema.TaggedError<SpecMismatch>()("SpecMismatch", {
  name: Schema.String,
  field: Schema.String,
  wanted: Schema.String,
  found: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.name}" exists with ${this.field} ${this.found}, but the spec asks for ${this.wanted}. Choose another name, update the endpoint, or mend the spec.`
  }
}

/**
 * How far acquiring has come. `Attempted`: a call that may have started a bill was sent, and its answer is not known.
 */
export type Phase =
  | { readonly _tag: "Untouched" }
  | {
      readonly _tag: "Attempted"
      /** As it was found, if there was one. */
      readonly endpoint: Endpoint | undefined
      readonly foundState: string | undefined
    }
  | {
      readonly _tag: "Held"
      readonly acquisition: Acquisition
      readonly endpoint: Endpoint
      readonly foundState: string | undefined
    }

/** The state that the endpoint was in when we came, or `undefined` when there was none. */
export const foundState = (phase: Phase): string | undefined =>
  phase._tag === "Untouched" ? undefined : phase.foundState

/** The price of the endpoint's hardware in the shipped list, or `undefined`. */
export const shippedPrice = (endpoint: Endpoint): number | undefined =>
  PriceList.pricePerHour({
    vendor: endpoint.provider?.vendor ?? undefined,
    instanceType: endpoint.compute?.instanceType ?? undefined,
    instanceSize: endpoint.compute?.instanceSize ?? undefined
  })

/** The price of the hardware that a spec asks for. */
export const specPrice = (spec: EndpointSpec | undefined): number | undefined =>
  spec === undefined ? undefined : PriceList.pricePerHour(spec)

/** The tag of what Stint created, by which it can be found when its creator is gone. */
export const tag = "stint"

const checkSpec = (endpoint: Endpoint, spec: EndpointSpec | undefined) => {
  const found = endpoint.model?.repository
  return spec === undefined || typeof found !== "string" || found === spec.repository
    ? Effect.void
    : Effect.fail(
        new SpecMismatch({ name: endpoint.name, field: "repository", wanted: spec.repository, found })
      )
}

const tagged = (spec: EndpointSpec): EndpointSpec => ({
  ...spec,
  tags: spec.tags?.includes(tag) ? spec.tags : [...(spec.tags ?? []), tag]
})

/** Whether a failed call may have happened all the same: no answer, or one that says yes in words we cannot read. */
const isAmbiguous = (error: unknown) =>
  error instanceof ApiError && (error.isTransient || error.reason._tag === "DecodeError")

export const acquire = Effect.fnUntraced(function* (
  endpoints: Endpoints["Service"],
  options: Options,
  setPhase: (phase: Phase) => void
) {
  const { name, spec } = options

  const started = <A, E>(call: Effect.Effect<A, E>, found: Endpoint | undefined) =>
    Effect.suspend(() => {
      setPhase({ _tag: "Attempted", endpoint: found, foundState: found?.state })
      return Effect.tapError(call, (error) =>
        Effect.sync(() => {
          if (!isAmbiguous(error)) setPhase({ _tag: "Untouched" })
        })
      )
    }).pipe(Effect.uninterruptible)

  const hold = (acquisition: Acquisition, endpoint: Endpoint, found: string | undefined) => {
    setPhase({ _tag: "Held", acquisition, endpoint, foundState: found })
    return { acquisition, endpoint }
  }

  const takeExisting = Effect.fnUntraced(function* (endpoint: Endpoint) {
    yield* checkSpec(endpoint, spec)
    if (endpoint.isAsleep || endpoint.state === "failed") {
      const resumed = yield* started(endpoints.resume(name), endpoint)
      return hold("Resumed", resumed, endpoint.state)
    }
    // Whoever watches the events is told by them.
    if (options.onEvent === undefined) {
      yield* Effect.logInfo(
        `Endpoint "${name}" is ${endpoint.state} already: adopting it. It will be released like any other.`
      )
    }
    return hold("Adopted", endpoint, endpoint.state)
  })

  const create = (given: EndpointSpec) =>
    started(endpoints.create(name, tagged(given)), undefined).pipe(
      Effect.map((endpoint) => hold("Created", endpoint, undefined)),
      Effect.catchTag("Conflict", () => Effect.flatMap(endpoints.get(name), takeExisting))
    )

  return yield* endpoints.get(name).pipe(
    Effect.matchEffect({
      onSuccess: takeExisting,
      onFailure: (
        error
      ): Effect.Effect<
        { acquisition: Acquisition; endpoint: Endpoint },
        NotFound | ApiError | Conflict | QuotaExceeded | SpecMismatch
      > => (error._tag === "NotFound" && spec !== undefined ? create(spec) : Effect.fail(error))
    })
  )
})
