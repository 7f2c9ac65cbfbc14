/**
 * Finding what runs for nobody, and putting it to sleep.
 *
 * By record: leases on this machine whose holders are all gone. By tag: endpoints that Stint created and that no living
 * process here holds, such as those of a machine that is gone.
 */
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Endpoint } from "@stint/core/Endpoint"
import type { ApiError } from "@stint/core/EndpointError"
import { Endpoints } from "@stint/core/Endpoints"
import * as Acquire from "../internal/lease/acquire.ts"
import * as Leases from "../Leases.ts"
import type { ReleasePolicy } from "../ManagedEndpoint.ts"
import * as Orphan from "../Orphan.ts"
import * as File from "./internal/leaseFile.ts"
import * as LeaseRecords from "./LeaseRecords.ts"

/** What a sweep looks at. */
export interface Options {
  /** The folder of the records. Default: as in `LeaseRecords`. */
  readonly directory?: string | undefined
  /** Only this endpoint, and only by its record here. Default: every record, and every endpoint with the tag. */
  readonly only?: { readonly namespace: string; readonly name: string } | undefined
  /**
   * How long a tagged endpoint without a record here must have been left alone: one that was called or changed within that
   * time may belong to a run on another machine, or boot for it. Default: 30 minutes, more than a boot may take.
   */
  readonly idle?: Duration.Input | undefined
  /** How long each release is tried and confirmed. Default: 2 minutes. */
  readonly releaseTimeout?: Duration.Input | undefined
  /** The token that a guardian goes on with, where a release is cut short or not confirmed. Absent: nobody goes on. */
  readonly guardian?: LeaseRecords.Options["guardian"]
}

/** An endpoint that a sweep came across. */
export interface Candidate {
  readonly namespace: string
  readonly name: string
  readonly foundBy: "record" | "tag"
  readonly policy: ReleasePolicy
  /** As the API has it now; `undefined` when there is no such endpoint, or it could not be asked. */
  readonly state: string | undefined
  readonly pricePerHour: number | undefined
  /** Since when it is held or, found by tag, has not been changed: ISO 8601. */
  readonly since: string | undefined
  /** Why it is left alone; `undefined`: it is to be swept. */
  readonly skipped: string | undefined
}

/** What a sweep came across. */
export interface Plan {
  readonly candidates: ReadonlyArray<Candidate>
  /** Why the endpoints could not be listed: then nothing was looked for by its tag. */
  readonly unlisted: ApiError | undefined
  /** Files among the records that are none: what they were about may run for nobody. */
  readonly damaged: ReadonlyArray<{ readonly file: string; readonly detail: string }>
}

/** What became of a candidate. */
export type Result = Orphan.Result

const priceOf = (endpoint: Endpoint | undefined, known: number | undefined) =>
  known ?? (endpoint === undefined ? undefined : Acquire.shippedPrice(endpoint))

const whyHeld = (lease: LeaseRecords.Lease): string | undefined => {
  const names = lease.holders.map(({ pid }) => `process ${pid}`).join(" and ")
  if (lease.standing === "held") return `held by ${names}`
  if (lease.standing !== "elsewhere") return undefined
  const hosts = lease.holders.map(({ host }) => host).join(", ")
  return `held on ${hosts}, which cannot be seen from here`
}

const whyChanged = (lease: LeaseRecords.Lease, { status }: Endpoint): string | undefined => {
  const { updatedAt } = lease.facts
  if (updatedAt === undefined || !status.updatedAt || status.updatedAt === updatedAt) return undefined
  const by = status.updatedBy?.name ? ` by ${status.updatedBy.name}` : ""
  return `changed since its run saw it last (${status.updatedAt}${by})`
}

/** The endpoint, or why it is not known. */
const look = Effect.fnUntraced(function* (namespace: string, name: string) {
  const endpoints = (yield* Endpoints).in(namespace)
  return yield* endpoints.get(name).pipe(
    Effect.map((endpoint) => ({ endpoint, failure: undefined })),
    Effect.catchTags({
      NotFound: () => Effect.succeed({ endpoint: undefined, failure: undefined }),
      ApiError: (error) => Effect.succeed({ endpoint: undefined, failure: error.message })
    })
  )
})

const byRecord = Effect.fnUntraced(function* (lease: LeaseRecords.Lease) {
  const { apiUrl } = yield* Endpoints
  const { facts, name, namespace, policy, since } = lease
  const base = {
    namespace,
    name,
    foundBy: "record" as const,
    policy,
    since,
    pricePerHour: facts.pricePerHour
  }
  const isOurApi = File.isSameApi(lease.apiUrl, apiUrl.href)
  const held = isOurApi ? whyHeld(lease) : `of another API (${lease.apiUrl})`
  if (held !== undefined) return { ...base, state: undefined, skipped: held }
  const { endpoint, failure } = yield* look(namespace, name)
  const candidate: Candidate = {
    ...base,
    state: endpoint?.state ?? (failure === undefined ? undefined : "unknown"),
    pricePerHour: priceOf(endpoint, facts.pricePerHour),
    skipped: endpoint === undefined || endpoint.isAsleep ? undefined : whyChanged(lease, endpoint)
  }
  return candidate
})

const youngest = ({ status }: Endpoint): Option.Option<DateTime.DateTime> =>
  [status.lastUsedAt, status.updatedAt, status.createdAt]
    .flatMap((text) => (text ? Option.toArray(DateTime.make(text)) : []))
    .reduce(
      (latest: Option.Option<DateTime.DateTime>, time) =>
        Option.isSome(latest) && DateTime.isGreaterThan(latest.value, time) ? latest : Option.some(time),
      Option.none()
    )

const booting: ReadonlySet<string> = new Set(["pending", "initializing", "updating"])
const LONGEST_BOOT = Duration.minutes(30)

const byTag = Effect.fnUntraced(function* (endpoint: Endpoint, namespace: string, idle: Duration.Duration) {
  const now = yield* Clock.currentTimeMillis
  const last = Option.map(youngest(endpoint), (time) => now - DateTime.toEpochMillis(time))
  // What boots is called by nobody yet, and may take that long, however short a time is enough otherwise.
  const quiet = booting.has(endpoint.state) ? Duration.max(idle, LONGEST_BOOT) : idle
  const isBusy = Option.exists(last, (millis) => millis < Duration.toMillis(quiet))
  const ago = Option.match(last, {
    onNone: () => "",
    onSome: (millis) => `${Math.max(0, Math.round(millis / 60_000))} min ago`
  })
  const candidate: Candidate = {
    namespace,
    name: endpoint.name,
    foundBy: "tag",
    policy: "pause",
    state: endpoint.state,
    pricePerHour: priceOf(endpoint, undefined),
    since: endpoint.status.updatedAt ?? endpoint.status.createdAt ?? undefined,
    skipped: isBusy ? `called or changed ${ago}: a run on another machine may hold it` : undefined
  }
  return candidate
})

/**
 * Everything that a sweep would look at, with the reason where it is left alone. Nothing is changed.
 *
 * **Example** (What runs for nobody)
 *
 * ```ts
 * import { Sweep } from "@stint/batch/node"
 * import { Effect } from "effect"
 *
 * const orphans = Effect.map(Sweep.plan(), ({ candidates }) => candidates.filter(({ skipped }) => skipped === undefined))
 * ```
 */
export const plan = Effect.fnUntraced(function* (
  options?: Options
): Effect.fn.Return<Plan, Config.ConfigError | LeaseRecords.RecordsUnreadable, Endpoints> {
  const endpoints = yield* Endpoints
  const { only } = options ?? {}
  const { damaged, leases: all } = yield* LeaseRecords.list(options)
  const leases = all.filter(
    ({ name, namespace }) => only === undefined || (name === only.name && namespace === only.namespace)
  )
  const recorded = yield* Effect.forEach(leases, byRecord)
  if (only !== undefined) return { candidates: recorded, unlisted: undefined, damaged }
  const idle = Duration.fromInputUnsafe(options?.idle ?? LONGEST_BOOT)
  const known = new Set(
    leases.flatMap((lease) =>
      File.isSameApi(lease.apiUrl, endpoints.apiUrl.href) ? [`${lease.namespace}/${lease.name}`] : []
    )
  )
  const tagged = Effect.gen(function* () {
    const namespace = yield* endpoints.namespace
    const all = yield* Stream.runCollect(endpoints.list({ tags: [Acquire.tag] }))
    const awake = all.filter(
      (endpoint) =>
        !endpoint.isAsleep &&
        endpoint.state !== "failed" &&
        (endpoint.tags ?? []).includes(Acquire.tag) &&
        !known.has(`${namespace}/${endpoint.name}`)
    )
    return yield* Effect.forEach(awake, (endpoint) => byTag(endpoint, namespace, idle))
  })
  const listed = yield* Effect.result(tagged)
  return listed._tag === "Success"
    ? { candidates: [...recorded, ...listed.success], unlisted: undefined, damaged }
    : { candidates: recorded, unlisted: listed.failure, damaged }
})

/**
 * Releases a candidate as its policy says, reads it back, and clears its record away. Claimed like any lease, so that no run
 * and no guardian is in its way, and none is hindered.
 */
export const sweep = Effect.fnUntraced(function* (
  candidate: Candidate,
  options?: Options
): Effect.fn.Return<Result, Config.ConfigError, Endpoints> {
  const { name, namespace, policy, pricePerHour } = candidate
  if (candidate.skipped !== undefined) return { _tag: "Skipped", reason: candidate.skipped }
  const leases = yield* LeaseRecords.make({
    directory: options?.directory,
    guardian: options?.guardian
  })
  return yield* Orphan.release({
    namespace,
    name,
    policy,
    pricePerHour,
    state: candidate.state,
    facts: candidate.foundBy === "tag" ? { acquisition: "Adopted" } : undefined,
    timeout: options?.releaseTimeout
  }).pipe(Effect.provideService(Leases.Leases, leases))
})
