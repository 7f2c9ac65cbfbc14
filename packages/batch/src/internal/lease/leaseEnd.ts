/**
 * What becomes of an endpoint when its last holder leaves, and what is told of it.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Endpoint } from "@stint/core/Endpoint"
import type { Endpoints } from "@stint/core/Endpoints"
import type { Event } from "../../LeaseEvent.ts"
import type { ReleasePolicy } from "../../ManagedEndpoint.ts"
import * as Backstop from "./backstop.ts"
import * as Release from "./release.ts"
import * as SharedLease from "./sharedLease.ts"
import type { Spending } from "./spending.ts"
import * as Wake from "./wake.ts"

/** Releases the endpoint as its policy says, where acquiring may have woken it, and reads back that it sleeps. */
export const end = Effect.fnUntraced(function* (options: {
  readonly endpoints: Endpoints["Service"]
  readonly name: string
  readonly namespace: string
  readonly policy: ReleasePolicy
  readonly timeout: Duration.Input
  readonly lease: SharedLease.SharedLease
  readonly leaving: SharedLease.Leaving
  readonly spending: Spending
  readonly tell: (event: Event) => Effect.Effect<void>
}) {
  const { endpoints, lease, leaving, name, namespace, spending, tell, timeout } = options
  const { phase, scaling } = leaving
  const { bill } = spending
  if (phase._tag === "Untouched" && scaling === undefined) return
  const endpoint = phase._tag === "Untouched" ? undefined : phase.endpoint
  // What somebody paused is theirs to decide about: it is left paused, and not deleted.
  const policy = options.policy === "delete" && lease.isPausedByOther ? "pause" : options.policy
  let last: Endpoint | undefined
  const onSeen = (seen: Endpoint | undefined) => {
    last = seen
    return spending.see(seen)
  }
  const pricePerHour = spending.pricePerHour(endpoint && { endpoint })
  const ways = { name, namespace, timeout, onSeen, pricePerHour, foundState: undefined, putBack: undefined }
  const { standing } = lease.hold ?? {}

  if (policy === "keep") {
    // Somebody may have put it to sleep: what is told is what is read.
    yield* Release.release(endpoints, { ...ways, policy })
    return yield* last?.isAsleep === true
      ? tell({ _tag: "Released", policy, state: last.state, bill: yield* bill })
      : tell({ _tag: "Kept", namespace, endpoint: last ?? endpoint, bill: yield* bill })
  }

  yield* tell({ _tag: "Releasing", policy })
  const release = Release.release(endpoints, {
    ...ways,
    isOurs: standing?.isOurs,
    // Changed and not woken: there is nothing to do but to change it back.
    policy: phase._tag === "Untouched" ? "restore" : policy,
    foundState: phase._tag === "Untouched" ? scaling?.state : phase.found?.state,
    putBack: scaling && Backstop.putBack(scaling)
  })
  const state = yield* Wake.settled({ endpoints, name, givenUpAt: lease.startGivenUpAt, release }).pipe(
    // What the release itself changed is not somebody else's change.
    Effect.tapError(() => (last === undefined ? Effect.void : SharedLease.saw(lease, last)))
  )
  if (state === Release.leftToOthers) return yield* tell({ _tag: "Left", bill: yield* bill })
  yield* tell({ _tag: "Released", policy, state, bill: yield* bill })
})
