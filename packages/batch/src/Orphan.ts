/**
 * Releasing an endpoint that its holders left: by a claim like any other, so that no run is in its way and none is hindered.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Endpoints } from "@stint/core/Endpoints"
import * as Backstop from "./internal/lease/backstop.ts"
import * as Release from "./internal/lease/release.ts"
import { wasFound } from "./internal/lease/wasFound.ts"
import * as Leases from "./Leases.ts"
import type { ReleasePolicy } from "./ManagedEndpoint.ts"

/** What is to be released. */
export interface Options {
  readonly namespace: string
  readonly name: string
  /** What is to become of it, as those who left it wanted. */
  readonly policy: ReleasePolicy
  /** The state that it was seen in before; absent: not known. */
  readonly state?: string | undefined
  /** US dollars per replica-hour, to say what is at stake. */
  readonly pricePerHour?: number | undefined
  /** What is known besides the record. */
  readonly facts?: Leases.Facts | undefined
  /** How long the release is tried and confirmed. Default: 2 minutes. */
  readonly timeout?: Duration.Input | undefined
}

/** What became of it. */
export type Result =
  | { readonly _tag: "Released"; readonly state: string }
  /** It slept already or is gone, or its policy was to leave it running; the record was cleared away. */
  | { readonly _tag: "Cleared"; readonly detail: string }
  | { readonly _tag: "Skipped"; readonly reason: string }
  /** It may still be billing. */
  | { readonly _tag: "Unconfirmed"; readonly detail: string }

const carryOut = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Result, Leases.ClaimError, Endpoints> {
  const { name, namespace, policy, pricePerHour } = options
  const service = yield* Endpoints
  const leases = yield* Leases.Leases
  const hold = yield* leases.claim({
    apiUrl: service.apiUrl.href,
    namespace,
    name,
    policy,
    pricePerHour,
    whenLeased: "refuse"
  })
  if (options.facts !== undefined) yield* hold.note(options.facts)
  if ((yield* hold.leave) === "others") return { _tag: "Skipped", reason: "held by another process now" }
  const facts = yield* hold.facts
  const { acquisition, found } = facts
  const step = Release.stepFor(policy, wasFound(facts)?.state)
  const isUntouched = found === undefined && acquisition === undefined
  if (step === "leave" || isUntouched) {
    yield* hold.ended()
    const detail = isUntouched ? "nothing had been done to it" : `its policy was ${policy}`
    return { _tag: "Cleared", detail: `left as it is: ${detail}` }
  }
  const released = yield* Effect.result(
    Release.release(service.in(namespace), {
      name,
      namespace,
      policy: step,
      foundState: undefined,
      putBack: facts.isScalingChanged && found ? Backstop.putBack(found) : undefined,
      timeout: options.timeout ?? "2 minutes",
      pricePerHour,
      isOurs: hold.standing?.isOurs
    })
  )
  if (released._tag === "Failure") {
    yield* hold.ended(released.failure.detail ?? released.failure.message)
    return { _tag: "Unconfirmed", detail: released.failure.message }
  }
  if (released.success === Release.leftToOthers) {
    // The place is given back, and nothing is said of the endpoint: it is not ours.
    yield* hold.ended(Release.leftToOthers)
    return { _tag: "Skipped", reason: "held by another process by now" }
  }
  yield* hold.ended()
  return options.state === released.success
    ? { _tag: "Cleared", detail: `was ${released.success} already` }
    : { _tag: "Released", state: released.success }
}, Effect.uninterruptible)

/**
 * Releases an endpoint as its policy says, reads it back, and ends its lease where leases are kept. One that is held is left
 * alone (`Skipped`). Never fails: what cannot be confirmed is `Unconfirmed`, and is to be tried again.
 *
 * **Example** (What a crashed run left)
 *
 * ```ts
 * import { Orphan } from "@stint/batch"
 *
 * const released = Orphan.release({
 *   namespace: "acme",
 *   name: "batch-endpoint",
 *   policy: "pause",
 *   facts: { acquisition: "Adopted" }
 * })
 * ```
 */
export const release = (options: Options): Effect.Effect<Result, never, Endpoints> =>
  carryOut(options).pipe(
    Effect.catchTags({
      LeasedElsewhere: ({ holders }) =>
        Effect.succeed<Result>({ _tag: "Skipped", reason: `held by ${holders}` }),
      LeaseConflict: ({ message }) => Effect.succeed<Result>({ _tag: "Skipped", reason: message }),
      LeaseRecordError: ({ message }) => Effect.succeed<Result>({ _tag: "Unconfirmed", detail: message })
    })
  )
