/**
 * One lease and those who share it within a process: who comes first claims it, who leaves last releases it.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"
import type { Endpoint } from "@stint/core/Endpoint"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import {
  type Claim,
  type ClaimError,
  type Facts,
  type Found,
  type Hold,
  LeaseConflict,
  type LeaseRecordError
} from "../../Leases.ts"
import type { Service as LeaseService } from "../../Leases.ts"
import type { ReleasePolicy } from "../../ManagedEndpoint.ts"
import type { Phase } from "./acquire.ts"
import * as Meter from "./meter.ts"
import * as SpecDifference from "./specDifference.ts"
import { isAwake, isWokenSince, wasFound } from "./wasFound.ts"

/** A lease, its holders counted. */
export interface SharedLease {
  readonly policy: ReleasePolicy
  spec: EndpointSpec | undefined
  holders: number
  isLeaving: boolean
  /** Completed when the last holder is out and the endpoint is released. */
  readonly gone: Deferred.Deferred<void>
  /** One acquires at a time. */
  readonly turn: Semaphore.Semaphore
  phase: Phase
  hold: Hold | undefined
  /** Whether this process said how it acquired the endpoint. */
  hasNoted: boolean
  /** The scaling to put back, once the endpoint sleeps. */
  scaling: Found | undefined
  /** The `updatedAt` that was noted last. */
  updatedAt: string | undefined
  /** When a call that starts it was given up without an answer. */
  startGivenUpAt: number | undefined
  /** Somebody else paused it while it was held. */
  isPausedByOther: boolean
  /** What all holders see of it. */
  readonly meter: Meter.Meter
}

/** What somebody wants of an endpoint. */
export interface Wish {
  readonly namespace: string
  readonly name: string
  readonly policy: ReleasePolicy
  readonly spec: EndpointSpec | undefined
}

const conflictOf = ({ name, namespace, policy, spec }: Wish, lease: SharedLease) => {
  const difference =
    policy !== lease.policy
      ? { field: "onRelease", held: lease.policy, wanted: policy }
      : spec !== undefined && lease.spec !== undefined
        ? SpecDifference.between(lease.spec, spec)
        : undefined
  return difference && new LeaseConflict({ namespace, name, ...difference })
}

/**
 * Joins the lease on the endpoint, or begins one; waits while one is being released. `onEntered` is called in the same
 * step that counts the holder in.
 */
export const enter = (
  leases: Map<string, SharedLease>,
  wish: Wish,
  onEntered: (lease: SharedLease) => void
): Effect.Effect<void, LeaseConflict> => {
  const key = `${wish.namespace}/${wish.name}`
  const come: Effect.Effect<void, LeaseConflict> = Effect.suspend(() => {
    const known = leases.get(key)
    if (known?.isLeaving) return Effect.andThen(Deferred.await(known.gone), come)
    if (known === undefined) {
      const lease: SharedLease = {
        policy: wish.policy,
        spec: wish.spec,
        holders: 1,
        isLeaving: false,
        gone: Deferred.makeUnsafe(),
        turn: Semaphore.makeUnsafe(1),
        phase: { _tag: "Untouched" },
        hold: undefined,
        hasNoted: false,
        scaling: undefined,
        updatedAt: undefined,
        startGivenUpAt: undefined,
        isPausedByOther: false,
        meter: Meter.make()
      }
      leases.set(key, lease)
      onEntered(lease)
      return Effect.void
    }
    const conflict = conflictOf(wish, known)
    if (conflict !== undefined) return Effect.fail(conflict)
    known.holders++
    known.spec ??= wish.spec
    onEntered(known)
    return Effect.void
  })
  return come
}

/** The place of this process among the holders on this machine: claimed once, by whoever comes first. */
export const claimed = (
  lease: SharedLease,
  leases: LeaseService,
  claim: Claim
): Effect.Effect<Hold, ClaimError> =>
  Effect.uninterruptibleMask((restore) =>
    lease.hold === undefined
      ? Effect.tap(restore(leases.claim(claim)), (hold) =>
          Effect.sync(() => {
            lease.hold = hold
          })
        )
      : Effect.succeed(lease.hold)
  )

/**
 * Writes down what is about to be done, before the first call that may start a bill. Fails where the record cannot be
 * written: nothing is to be woken of which a guardian or a sweep would not know.
 */
export const declare =
  (lease: SharedLease, hold: Hold) =>
  (facts: Facts): Effect.Effect<void, LeaseRecordError> =>
    Effect.suspend(() => {
      lease.hasNoted ||= facts.acquisition !== undefined
      lease.updatedAt = facts.updatedAt ?? lease.updatedAt
      return hold.note(facts)
    }).pipe(
      Effect.catchDefect((defect) => Effect.logWarning("The lease record could not be written.", defect))
    )

/** Writes down what was learned. A record that cannot be written does not stop what is under way. */
export const note =
  (lease: SharedLease, hold: Hold) =>
  (facts: Facts): Effect.Effect<void> =>
    Effect.catchTag(declare(lease, hold)(facts), "LeaseRecordError", ({ detail, name, namespace }) =>
      Effect.logWarning(`The lease record of endpoint "${namespace}/${name}" could not be written: ${detail}`)
    )

/** What the record knows; nothing where it cannot be read. */
export const factsOf = (hold: Hold): Effect.Effect<Facts> =>
  Effect.catchCause(hold.facts, (cause) =>
    Cause.hasInterrupts(cause)
      ? Effect.failCause(cause)
      : Effect.as(Effect.logWarning("The lease record could not be read.", cause), {})
  )

/** It became ready: what is known of it now is what the last one out goes by. */
export const sawReady = (lease: SharedLease, endpoint: Endpoint): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { hold, phase } = lease
    if (phase._tag === "Untouched" || hold === undefined) return Effect.void
    lease.phase = { ...phase, _tag: "Held", endpoint }
    return note(lease, hold)({ updatedAt: endpoint.status.updatedAt ?? undefined })
  })

/**
 * It was seen while it is held: what has changed of it by now, by ourselves or by others, is no reason for a sweep to leave it
 * running should we be lost.
 */
export const saw = (lease: SharedLease | undefined, endpoint: Endpoint): Effect.Effect<void> =>
  Effect.suspend(() => {
    const updatedAt = endpoint.status.updatedAt ?? undefined
    const hold = lease?.hold
    if (lease === undefined || hold === undefined || lease.phase._tag === "Untouched") return Effect.void
    return updatedAt === undefined || updatedAt === lease.updatedAt
      ? Effect.void
      : note(lease, hold)({ updatedAt })
  })

/** Remembers when a call that starts it was given up without an answer. */
export const gaveUp =
  (lease: SharedLease | undefined) =>
  (at: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (lease === undefined) return Effect.void
      lease.startGivenUpAt = at
      return lease.hold?.unanswered ?? Effect.void
    })

/** How far acquiring has come, kept with the lease. */
export const progress = (lease: SharedLease) => ({
  phase: () => lease.phase,
  setPhase: (phase: Phase) => {
    lease.phase = phase
  },
  setScaling: (found: Found) => {
    lease.scaling = found
  },
  onUnanswered: gaveUp(lease)
})

/** Remembers whether somebody else paused it while it was held. */
export const pausedByOther = (lease: SharedLease | undefined, isSo: boolean): Effect.Effect<void> =>
  Effect.sync(() => {
    if (lease !== undefined) lease.isPausedByOther = isSo
  })

/** What the last one out finds. */
export interface Leaving {
  readonly phase: Phase
  /** The scaling to put back. */
  readonly scaling: Found | undefined
}

/** What was done to the endpoint, by us or by holders of other processes that left it to us. */
const leavingOf = (lease: SharedLease, facts: Facts): Leaving => {
  const scaling = lease.scaling ?? (facts.isScalingChanged ? facts.found : undefined)
  const { hold } = lease
  const { acquisition } = facts
  const found = wasFound(facts)
  // Another holder woke it since it was found running.
  const phase =
    lease.phase._tag !== "Untouched" && isAwake(lease.phase.found) && isWokenSince(facts)
      ? { ...lease.phase, found: undefined }
      : lease.phase
  const isOthers =
    acquisition !== undefined && hold?.orphan === undefined && (hold?.isShared || !lease.hasNoted)
  return phase._tag === "Untouched" && isOthers
    ? { phase: { _tag: "Attempted", acquisition, endpoint: undefined, found }, scaling }
    : { phase, scaling }
}

/**
 * Counts a holder out. The last one runs `release`, whatever becomes of the record; whoever wants the endpoint next waits
 * until that is over. Answers whether others hold it still.
 */
export const leave = <E>(
  leases: Map<string, SharedLease>,
  key: string,
  lease: SharedLease,
  release: (leaving: Leaving) => Effect.Effect<void, E>
): Effect.Effect<"last" | "others", E> =>
  Effect.suspend(() => {
    if (--lease.holders > 0) return Effect.succeed("others" as const)
    lease.isLeaving = true
    const { hold } = lease
    if (hold === undefined) return Effect.succeed("last" as const)
    return Effect.gen(function* () {
      // A record that breaks must not keep the endpoint awake.
      const counted = yield* Effect.exit(hold.leave)
      if (Exit.isSuccess(counted) && counted.value === "others") return "others" as const
      const leaving = leavingOf(lease, yield* factsOf(hold))
      const isUnreached = hold.orphan !== undefined && leaving.phase._tag === "Untouched"
      const released = yield* Effect.exit(release(leaving))
      const detail = Exit.isFailure(released)
        ? messageOf(released.cause)
        : isUnreached
          ? "its last holder is gone, and the one that took it over could not reach it"
          : undefined
      yield* Effect.catchCause(hold.ended(detail), (cause) =>
        Effect.logWarning("The lease record could not be ended.", cause)
      )
      yield* released
      return "last" as const
    })
  }).pipe(
    Effect.ensuring(
      Effect.suspend(() => {
        if (!lease.isLeaving) return Effect.void
        leases.delete(key)
        return Deferred.succeed(lease.gone, undefined)
      })
    ),
    Effect.uninterruptible
  )

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
