/**
 * Who holds which endpoint on this machine: the record behind a lease.
 *
 * A lease is claimed before the first call that may start a bill and ended after the endpoint is known to sleep. The
 * default keeps no record: every claim is alone. `@stint/batch/node` writes one, with a guardian beside it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Acquisition, ReleasePolicy } from "./ManagedEndpoint.ts"

/** What to do when another process of this machine holds the endpoint: refuse, hold it together, or wait for its end. */
export type WhenLeased = "refuse" | "join" | "wait"

/** What a process is about to hold. */
export interface Claim {
  /** Base of the management API, with the version. */
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
  readonly policy: ReleasePolicy
  /** US dollars per replica-hour, where it is known already. */
  readonly pricePerHour: number | undefined
  readonly whenLeased: WhenLeased
  /** Called once, when the claim begins to wait for other holders; `holders` is a text for a person. */
  readonly onWaiting?: ((holders: string) => Effect.Effect<void>) | undefined
}

/** An endpoint before anything was done to it. `scaleToZeroTimeout` is in minutes, `null` for never. */
export interface Found {
  readonly state: string
  readonly minReplica?: number | undefined
  readonly maxReplica?: number | undefined
  readonly scaleToZeroTimeout?: number | null | undefined
}

/**
 * What is learned on the way and kept with the record. Each is noted before the call that it is about: where neither `found`
 * nor `acquisition` is known, nothing was done to the endpoint and nothing needs to be undone.
 */
export interface Facts {
  /** As it was found; absent: not known, or there was none and it was created (see `acquisition`). */
  readonly found?: Found | undefined
  /** The endpoint's `updatedAt`, as the server last told us. */
  readonly updatedAt?: string | undefined
  readonly acquisition?: Acquisition | undefined
  /** Whether its scaling was changed for the lease (the backstop), to be put back as `found` has it once it sleeps. */
  readonly isScalingChanged?: boolean | undefined
  /** US dollars per replica-hour. */
  readonly pricePerHour?: number | undefined
}

/** How a place stands that runs out unless it is renewed: another process may have released the endpoint then. */
export interface Standing {
  /** Whether the place is known not to have run out. While it is not, nothing is sent to the endpoint. */
  readonly isSure: () => boolean
  /** How often it had run out and was taken again. */
  readonly losses: () => number
  /** Waits until it stands; where it had run out, until it is taken again and the endpoint is being woken for it. */
  readonly regained: Effect.Effect<void>
  /** Renews the place of one who releases, before each call: `false` when it is another's by now, and must be left to them. */
  readonly isOurs: Effect.Effect<boolean>
}

/** A place among the holders of an endpoint. */
export interface Hold {
  /**
   * A record that was there already and whose holders are all gone: an orphan, taken over with what it knew, which stays in
   * the record. `since` is when it was first held, ISO 8601; `leftBy` says who left it, for a person.
   */
  readonly orphan:
    | { readonly since: string; readonly leftBy?: string | undefined; readonly facts: Facts }
    | undefined
  /** Whether living others held it when it was claimed. */
  readonly isShared: boolean
  /**
   * Adds to what is known, as {@link merge} does. Fails where it cannot be kept: then whoever stands by would not know of
   * the call that it is about, and an endpoint that sleeps is not woken.
   */
  readonly note: (facts: Facts) => Effect.Effect<void, LeaseRecordError>
  /**
   * The endpoint is had: of an orphan that was taken over, the policy of the claim counts from here on, and no longer that of
   * those who left it. Absent where the claim's counts from the start.
   */
  readonly acquired?: Effect.Effect<void> | undefined
  /**
   * A call that wakes the endpoint was given up without an answer, and may be carried out yet, for a minute: whoever stands by
   * looks on for so long. Absent where nobody does.
   */
  readonly unanswered?: Effect.Effect<void> | undefined
  /** All that is known by now, from whichever holder. */
  readonly facts: Effect.Effect<Facts>
  /**
   * Counts this process out, exactly once. `last`: nobody else holds it, and the caller must release it and then call
   * `ended`; until then no other claim is let in. `others`: nothing more to do.
   */
  readonly leave: Effect.Effect<"last" | "others">
  /** Where the place runs out unless it is renewed. Absent: it stands until it is left. */
  readonly standing?: Standing | undefined
  /**
   * After `leave` said `last` and the release was confirmed (or there was nothing to release): the record goes. With
   * `unconfirmed`, what stood in the way, it stays for a sweep.
   */
  readonly ended: (unconfirmed?: string) => Effect.Effect<void>
}

/** Another process holds the endpoint, and the claim was told to refuse. */
export class LeasedElsewhere extends Schema.TaggedError<LeasedElsewhere>()("LeasedElsewhere", {
  namespace: Schema.String,
  name: Schema.String,
  /** Who holds it, for a person: `process 4711 since 2026-02-03T04:05:06Z`. */
  holders: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.namespace}/${this.name}" is leased by ${this.holders}. Wait for its end or join it (whenLeased: "wait" or "join"; for the command --on-leased), or choose another endpoint.`
  }
}

/** Two holders of one endpoint want different things of it. */
export class LeaseConflict extends Schema.TaggedError<LeaseConflict>()("LeaseConflict", {
  namespace: Schema.String,
  name: Schema.String,
  /** What they differ in: `onRelease`, or a field of the spec. */
  field: Schema.String,
  /** What the first holder asked for. */
  held: Schema.String,
  /** What this one asks for. */
  wanted: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.namespace}/${this.name}" is held already with ${this.field} ${this.held}, but ${this.wanted} is asked for now. Ask for the same, or use another endpoint.`
  }
}

/** The record of a lease cannot be read or written, so that nothing would stand ready to release the endpoint. */
export class LeaseRecordError extends Schema.TaggedError<LeaseRecordError>()("LeaseRecordError", {
  namespace: Schema.String,
  name: Schema.String,
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The lease record of endpoint "${this.namespace}/${this.name}" at ${this.path} cannot be used: ${this.detail}. Mend that and run again; by this run nothing was woken.`
  }
}

/** Everything that a claim can fail with. */
export type ClaimError = LeasedElsewhere | LeaseConflict | LeaseRecordError

/** Where leases are kept. */
export interface Service {
  /**
   * Takes a place among the holders. When it returns, the record is written and whatever guards it is up. Waiting is
   * interruptible, and an interrupted claim leaves nothing behind.
   */
  readonly claim: (claim: Claim) => Effect.Effect<Hold, ClaimError>
  /** What a claim asks for that does not say. Default: `refuse`. */
  readonly whenLeased?: WhenLeased | undefined
  /** What is done about an endpoint that would never fall asleep by itself, where a lease does not say. Default: `warn`. */
  readonly backstop?: "warn" | "set" | undefined
}

/** What both know: what is said later wins, except what was found, which is known best by who came first. */
export const merge = (before: Facts, now: Facts): Facts => ({
  found: before.found ?? now.found,
  updatedAt: now.updatedAt ?? before.updatedAt,
  acquisition: now.acquisition ?? before.acquisition,
  isScalingChanged: now.isScalingChanged ?? before.isScalingChanged,
  pricePerHour: now.pricePerHour ?? before.pricePerHour
})

const alone: Service = {
  claim: () =>
    Effect.sync((): Hold => {
      let known: Facts = {}
      return {
        orphan: undefined,
        isShared: false,
        note: (facts) =>
          Effect.sync(() => {
            known = merge(known, facts)
          }),
        facts: Effect.sync(() => known),
        leave: Effect.succeed("last"),
        ended: () => Effect.void
      }
    })
}

/**
 * Where leases are kept. The default keeps none, so that every claim is alone.
 *
 * **Example** (Telling who claims what)
 *
 * ```ts
 * import { Leases } from "@stint/batch"
 * import { Effect, Layer } from "effect"
 *
 * const told = Layer.effect(
 *   Leases.Leases,
 *   Effect.map(Leases.Leases, (leases) => ({
 *     claim: (claim: Leases.Claim) =>
 *       Effect.andThen(Effect.logInfo(`claiming ${claim.name}`), leases.claim(claim))
 *   }))
 * )
 * ```
 */
export const Leases = Context.Reference<Service>("@stint/batch/Leases", { defaultValue: () => alone })
