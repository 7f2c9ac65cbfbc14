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
import type { Facts, Found, Hold, LeaseRecordError } from "../../Leases.ts"
import type { CapTooSmall, CostCapReached, PriceUnknown } from "../../CostCap.ts"
import type { Acquisition, Event, Options } from "../../ManagedEndpoint.ts"
import * as ReplicaPolicy from "../../ReplicaPolicy.ts"
import * as Backstop from "./backstop.ts"
import type { Spending, Subject } from "./spending.ts"
import * as Wake from "./wake.ts"
import * as WasFound from "./wasFound.ts"

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

/** The endpoint runs already, is not known to be ours, and whoever was asked did not agree to take it. */
export class AdoptionRefused extends Schema.TaggedError<AdoptionRefused>()("AdoptionRefused", {
  namespace: Schema.optional(Schema.String),
  name: Schema.String,
  state: Schema.String
}) {
  override get message() {
    const where = this.namespace === undefined ? this.name : `${this.namespace}/${this.name}`
    return `Endpoint "${where}" is ${this.state} already, and nothing shows that it is yours: somebody may be using it. Nothing was changed. To use it all the same, say what is to become of it in the end: --on-release pause, restore or keep.`
  }
}

/**
 * How far acquiring has come. `Attempted`: a call that may have started a bill was sent, and its answer is not known.
 * `found` is the endpoint as it was before anything was done to it; absent, there was none.
 */
export type Phase =
  | { readonly _tag: "Untouched" }
  | {
      readonly _tag: "Attempted" | "Held"
      readonly acquisition: Acquisition
      readonly endpoint: Endpoint | undefined
      readonly found: Found | undefined
    }

/** The price of the endpoint's hardware in the shipped list, or `undefined`. */
export const shippedPrice = (endpoint: Endpoint): number | undefined =>
  PriceList.pricePerHour({
    vendor: endpoint.provider?.vendor ?? undefined,
    instanceType: endpoint.compute?.instanceType ?? undefined,
    instanceSize: endpoint.compute?.instanceSize ?? undefined
  })

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

/** The lease that is being acquired, by whichever of its holders. */
export interface Lease {
  readonly phase: () => Phase
  readonly setPhase: (phase: Phase) => void
  readonly namespace: string
  readonly hold: Hold
  /** What the record knows by now. */
  readonly facts: Effect.Effect<Facts>
  /** Writes down what is about to be done to an endpoint that sleeps or is not there; nothing is done where that fails. */
  readonly declare: (facts: Facts) => Effect.Effect<void, LeaseRecordError>
  readonly note: (facts: Facts) => Effect.Effect<void>
  /** Remembers that the scaling is no longer as it was found. */
  readonly setScaling: (found: Found) => void
  /** Remembers when a call that starts the endpoint was given up without an answer. */
  readonly onUnanswered: (at: number) => Effect.Effect<void>
  readonly tell: (event: Event) => Effect.Effect<void>
  readonly spending: Spending
}

/** What is known of an endpoint from before. */
interface Origin {
  readonly acquisition: Acquisition
  readonly found: Found | undefined
}

const updatedAtOf = (endpoint: Endpoint) => endpoint.status.updatedAt ?? undefined

export const acquire = Effect.fnUntraced(function* (
  endpoints: Endpoints["Service"],
  options: Options,
  lease: Lease
) {
  const { name, replicas = "follow" } = options
  const spec = options.spec && ReplicaPolicy.pinned(options.spec, replicas)
  const { declare, hold, namespace, note, setPhase, spending, tell } = lease
  let isCreateOurs = false

  /** What it may cost is looked at before anything is done to it. */
  const afford = Effect.fnUntraced(function* (subject: Subject) {
    const allowance = yield* spending.affords(subject)
    if (allowance !== undefined) yield* tell({ _tag: "Capped", namespace, ...allowance })
  })

  /** Sends a call that may start a bill. Refused in so many words, it did not. */
  const started = <A, E>(call: Effect.Effect<A, E>, origin: Origin, endpoint: Endpoint | undefined) =>
    Effect.suspend(() => {
      const before = lease.phase()
      setPhase({ _tag: "Attempted", endpoint, ...origin })
      let isOpen = false
      const sent = Wake.start(call, (at) =>
        Effect.suspend(() => {
          isOpen = true
          return lease.onUnanswered(at)
        })
      )
      // A refusal says nothing of an attempt before it that was not answered.
      return Effect.tapError(sent, (error) =>
        isOpen || isAmbiguous(error) ? spending.assume : Effect.sync(() => setPhase(before))
      )
    }).pipe((sent) => Effect.andThen(spending.begin, sent), Effect.uninterruptible)

  const held = Effect.fnUntraced(function* (origin: Origin, endpoint: Endpoint) {
    setPhase({ _tag: "Held", endpoint, ...origin })
    yield* spending.begin
    yield* spending.see(endpoint)
    spending.found(origin.found?.state)
    const pricePerHour = spending.pricePerHour({ endpoint })
    yield* note({ updatedAt: updatedAtOf(endpoint), pricePerHour })
    yield* hold.acquired ?? Effect.void
    if (Backstop.isUnguarded(endpoint)) {
      yield* tell({ _tag: "Unguarded", endpoint, cost: Backstop.crashCost(endpoint, pricePerHour) })
    }
    const range = ReplicaPolicy.rangeOf(endpoint)
    if (range !== undefined && !ReplicaPolicy.isMet(endpoint, replicas)) {
      yield* tell({ _tag: "ReplicasDiffer", endpoint, wanted: replicas, ...range })
    }
    if (range !== undefined && ReplicaPolicy.autoscales(endpoint)) {
      yield* tell({ _tag: "Autoscales", endpoint, ...range, pricePerHour })
    }
    return { acquisition: origin.acquisition, endpoint }
  })

  /** Changed by somebody since it was an orphan: what it was before that is no longer what they want. */
  const isChangedSince = (endpoint: Endpoint) => {
    const updatedAt = hold.orphan?.facts.updatedAt
    return updatedAt !== undefined && updatedAt !== updatedAtOf(endpoint)
  }

  /** Somebody put it to sleep while it was held, and one of us woke it: how they found it says nothing any more. */
  const woken: Origin = { acquisition: "Resumed", found: undefined }

  /** How it was before us: what a holder before us found counts, be it of this process, of another, or gone. */
  const originOf = Effect.fnUntraced(function* (endpoint: Endpoint, now: Acquisition) {
    const phase = lease.phase()
    if (phase._tag !== "Untouched") {
      const { acquisition, found } = phase
      return WasFound.isAwake(found) && WasFound.isWokenSince(yield* lease.facts)
        ? woken
        : { acquisition, found }
    }
    if (hold.orphan !== undefined) {
      const { acquisition, found } = hold.orphan.facts
      if (WasFound.isWokenSince(hold.orphan.facts)) return woken
      const isKnown = found !== undefined || acquisition !== undefined
      const isSame = isKnown && !isChangedSince(endpoint)
      return { acquisition: now, found: isSame ? found : Backstop.foundOf(endpoint) }
    }
    const facts = yield* lease.facts
    const { acquisition, found } = facts
    if (WasFound.isWokenSince(facts)) return woken
    return acquisition === undefined || (isCreateOurs && !hold.isShared)
      ? { acquisition: now, found: Backstop.foundOf(endpoint) }
      : { acquisition, found }
  })

  const isOurs = (endpoint: Endpoint) =>
    lease.phase()._tag !== "Untouched" ||
    (hold.orphan !== undefined && !isChangedSince(endpoint)) ||
    hold.isShared ||
    (endpoint.tags ?? []).includes(tag)

  /** Only while it sleeps: a running endpoint would be rolled. */
  const guard = Effect.fnUntraced(function* (endpoint: Endpoint, origin: Origin) {
    if (options.backstop !== "set" || !endpoint.isAsleep || !Backstop.isUnguarded(endpoint)) return
    yield* declare({ ...origin, isScalingChanged: true })
    lease.setScaling(origin.found ?? Backstop.foundOf(endpoint))
    yield* endpoints.update(name, Backstop.set)
    yield* tell({ _tag: "Guarded", endpoint })
  })

  const takeExisting = Effect.fnUntraced(function* (endpoint: Endpoint) {
    yield* checkSpec(endpoint, spec)
    yield* spending.see(endpoint)
    yield* afford({ endpoint })
    if (endpoint.isAsleep || endpoint.state === "failed") {
      const known = yield* originOf(endpoint, "Resumed")
      // It ran when it was found, and was put to sleep by somebody since: so it is to be in the end.
      const origin: Origin = WasFound.isAwake(known.found)
        ? { acquisition: "Resumed", found: Backstop.foundOf(endpoint) }
        : known
      yield* guard(endpoint, origin)
      yield* declare({ ...origin, updatedAt: updatedAtOf(endpoint) })
      yield* tell({ _tag: "Resuming", namespace, endpoint })
      return yield* held(origin, yield* started(endpoints.resume(name), origin, endpoint))
    }
    if (!isOurs(endpoint) && options.mayAdopt !== undefined && !(yield* options.mayAdopt(endpoint))) {
      return yield* new AdoptionRefused({ namespace, name, state: endpoint.state })
    }
    const origin = yield* originOf(endpoint, "Adopted")
    if (origin.acquisition === "Adopted") spending.adopted()
    yield* note({ ...origin, updatedAt: updatedAtOf(endpoint) })
    // Whoever watches the events is told by them.
    if (options.onEvent === undefined && lease.phase()._tag === "Untouched") {
      yield* Effect.logInfo(
        `Endpoint "${name}" is ${endpoint.state} already: adopting it. It will be released like any other.`
      )
    }
    return yield* held(origin, endpoint)
  })

  const create = Effect.fnUntraced(function* (given: EndpointSpec) {
    const origin: Origin = { acquisition: "Created", found: undefined }
    yield* spending.see(undefined)
    yield* afford({ spec: given })
    isCreateOurs = (yield* lease.facts).acquisition === undefined
    yield* declare({ acquisition: "Created" })
    yield* tell({ _tag: "Creating", namespace })
    return yield* started(endpoints.create(name, Backstop.guarded(tagged(given))), origin, undefined).pipe(
      Effect.flatMap((endpoint) => held(origin, endpoint)),
      Effect.catchTag("Conflict", () => Effect.flatMap(endpoints.get(name), takeExisting))
    )
  })

  return yield* endpoints.get(name).pipe(
    Effect.matchEffect({
      onSuccess: takeExisting,
      onFailure: (
        error
      ): Effect.Effect<
        { acquisition: Acquisition; endpoint: Endpoint },
        | NotFound
        | ApiError
        | Conflict
        | QuotaExceeded
        | SpecMismatch
        | AdoptionRefused
        | LeaseRecordError
        | PriceUnknown
        | CapTooSmall
        | CostCapReached
      > => (error._tag === "NotFound" && spec !== undefined ? create(spec) : Effect.fail(error))
    })
  )
})
