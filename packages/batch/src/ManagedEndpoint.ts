/**
 * An endpoint that is awake exactly as long as a scope is open.
 *
 * Acquiring finds the endpoint by name, resumes or creates it, and waits until it answers. Releasing puts it back to
 * sleep on success, failure and interruption alike, retries, and believes only what it reads back.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as HttpClient from "effect/http/HttpClient"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as EndpointError from "@stint/core/EndpointError"
import { Endpoints } from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import type * as Cost from "./Cost.ts"
import type * as CostCap from "./CostCap.ts"
import * as Acquire from "./internal/lease/acquire.ts"
import * as LeaseEnd from "./internal/lease/leaseEnd.ts"
import * as LeaseTelemetry from "./internal/lease/leaseTelemetry.ts"
import * as ModelName from "./internal/lease/modelName.ts"
import * as SharedLease from "./internal/lease/sharedLease.ts"
import * as Spending from "./internal/lease/spending.ts"
import * as Standing from "./internal/lease/standing.ts"
import * as Wake from "./internal/lease/wake.ts"
import * as Warnings from "./internal/lease/warnings.ts"
import type { Event } from "./LeaseEvent.ts"
import * as Leases from "./Leases.ts"
import * as ReplicaPolicy from "./ReplicaPolicy.ts"
import { Sharing } from "./Sharing.ts"

/** How the endpoint came to be ours: `Adopted` means that it ran already when we came. */
export type Acquisition = "Created" | "Resumed" | "Adopted"

/**
 * What becomes of the endpoint in the end.
 *
 * | policy | effect |
 * | --- | --- |
 * | `pause` | stopped and free until it is resumed (the default) |
 * | `restore` | as it was found: running, paused or scaled to zero; one that was created is paused |
 * | `scaleToZero` | free, and woken by the next request |
 * | `delete` | gone, with its configuration; one that somebody paused meanwhile is left to them |
 * | `keep` | left running, and billed |
 */
export type ReleasePolicy = "pause" | "restore" | "scaleToZero" | "delete" | "keep"

export type { Event } from "./LeaseEvent.ts"

/** Which endpoint, and how long to wait for what. */
export interface Options {
  readonly name: string
  /** What to create when there is no endpoint of that name. Absent: never create. */
  readonly spec?: EndpointSpec | undefined
  /** Default: `pause`. */
  readonly onRelease?: ReleasePolicy | undefined
  /** How long the endpoint may take to be ready. Default: 20 minutes. */
  readonly readyTimeout?: Duration.Input | undefined
  /** How long the release is tried and confirmed. Default: 2 minutes. */
  readonly releaseTimeout?: Duration.Input | undefined
  /** US dollars per replica-hour. Default: the API's own price; where it cannot be had, the shipped list. */
  readonly pricePerHour?: number | undefined
  /**
   * The most that the lease may cost in US dollars, its boot and its end included. It is ended early enough for that, with
   * `CostCapReached`; a price that is not known is refused before anything is woken, and so is a cap with `keep`, or an amount
   * that is not above 0 (`MoneyRefused`). Default: no cap.
   */
  readonly maxCost?: number | undefined
  /** The same in billed minutes: two replicas for a minute are two. */
  readonly maxBilledMinutes?: number | undefined
  /** How many replicas an endpoint has that is created: so many and no others, or as the spec says. Default: `follow`. */
  readonly replicas?: ReplicaPolicy.Replicas | undefined
  /** What to do when somebody pauses the endpoint while it is held. Default: `stop`, because it is their decision. */
  readonly onForeignPause?: "stop" | "resume" | undefined
  /** What to do when another process holds the endpoint, where leases are kept. Default: `refuse`; in a cluster `join`. */
  readonly whenLeased?: Leases.WhenLeased | undefined
  /**
   * What to do about an endpoint that would never fall asleep by itself: `warn` (the default), or `set` its scaling for the
   * lease and put it back (the default in a cluster). Only while it sleeps, because a running endpoint would be restarted.
   */
  readonly backstop?: "warn" | "set" | undefined
  /**
   * Asked before an endpoint is adopted that runs already and is neither tagged `stint` nor leased on this machine; `false`
   * fails with `AdoptionRefused`, and nothing was changed. Default: it is adopted.
   */
  readonly mayAdopt?: ((endpoint: Endpoint) => Effect.Effect<boolean>) | undefined
  /** Called at each step of the lease. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/** Everything that acquiring can fail with. */
export type AcquireError =
  | EndpointError.NotReady
  | EndpointError.Conflict
  | EndpointError.QuotaExceeded
  | Acquire.SpecMismatch
  | Acquire.AdoptionRefused
  | Leases.ClaimError
  | CostCap.Refused
  | CostCap.CostCapReached

export { AdoptionRefused, SpecMismatch } from "./internal/lease/acquire.ts"

/** An endpoint that answers, and whether it was away when it was looked at first. */
export interface Awake {
  readonly endpoint: Endpoint
  readonly wasAway: boolean
}

/**
 * The endpoint that is held now: ready when this exists.
 */
export class CurrentEndpoint extends Context.Service<
  CurrentEndpoint,
  {
    readonly endpoint: Endpoint
    readonly url: URL
    /** Requests are relative to the endpoint's URL; the token goes to that origin alone. */
    readonly client: HttpClient.HttpClient
    /** Takes the token out of what an endpoint says. */
    readonly conceal: (text: string) => string
    readonly acquisition: Acquisition
    /** What it has cost since it was acquired. */
    readonly bill: Effect.Effect<Cost.Bill>
    /** By when it has to be ended, where it may not cost more than so much. */
    readonly cap?: Spending.Cap | undefined
    /**
     * Waits until the endpoint answers again after it went cold: wakes one that scaled to zero, and fails on a foreign
     * pause unless `onForeignPause` says to resume.
     */
    readonly awaitAwake: Effect.Effect<Awake, EndpointError.NotReady | EndpointError.QuotaExceeded>
    /** How things stand now, read from the management API. */
    readonly read: Effect.Effect<Endpoint, EndpointError.NotFound | EndpointError.ApiError>
    /**
     * The name by which the OpenAI routes know the model, asked of `/v1/models` once; the repository's name where the engine
     * does not tell.
     */
    readonly modelName: Effect.Effect<string | undefined>
  }
>()("@stint/batch/ManagedEndpoint/CurrentEndpoint") {}

type Held = CurrentEndpoint["Service"]

interface Lease {
  /** The short part: find, resume or create. Only the call that may start a bill is uninterruptible. */
  readonly acquire: Effect.Effect<void, AcquireError>
  /** The long part: wait until ready. Interruptible. */
  readonly ready: Effect.Effect<Held, AcquireError>
  /** Counts out, and puts the endpoint to sleep if nobody else holds it and acquiring may have woken it. */
  readonly release: Effect.Effect<void, EndpointError.ReleaseUnconfirmed>
  readonly spending: Spending.Spending
  /** Keeps an eye on what it costs, once it is acquired. */
  readonly watch: Effect.Effect<void>
}

/** Where this holder stands, and among which. */
interface Place {
  readonly lease: SharedLease.SharedLease
  readonly namespace: string
}

const makeLease = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Lease, never, Endpoints> {
  const endpoints = yield* Endpoints
  const leases = (yield* Sharing).of(endpoints)
  const records = yield* Leases.Leases
  const policy = options.onRelease ?? "pause"
  const emit = (event: Event) => Effect.suspend(() => options.onEvent?.(event) ?? Effect.void)
  const spec = options.spec && ReplicaPolicy.pinned(options.spec, options.replicas ?? "follow")
  let place: Place | undefined
  const standing = Standing.make(() => place?.lease.hold)
  /** What a sweep goes by is noted at each look. */
  const saw = (endpoint: Endpoint) => Effect.suspend(() => SharedLease.saw(place?.lease, endpoint))
  const spending = yield* Spending.make(options, endpoints, saw)
  const { bill, see } = spending
  const seen = (endpoint: Endpoint) => Effect.andThen(see(endpoint), saw(endpoint))
  let acquisition: Acquisition = "Adopted"

  /** A watcher that breaks must not keep the endpoint awake. */
  const tell = (event: Event) =>
    Effect.catchCause(emit(event), (cause) => Effect.logWarning("A watcher of the lease failed.", cause))

  /** What is worth a warning is told in the log where nobody watches. */
  const emitOrWarn = (event: Event) => {
    const warning = options.onEvent === undefined ? Warnings.of(event, options.name) : undefined
    return warning === undefined ? emit(event) : Effect.logWarning(warning)
  }

  const acquireIn = Effect.fnUntraced(function* ({ lease, namespace }: Place) {
    const isFirst = lease.hold === undefined
    const hold = yield* SharedLease.claimed(lease, records, {
      apiUrl: endpoints.apiUrl.href,
      namespace,
      name: options.name,
      policy,
      pricePerHour: spending.pricePerHour(spec && { spec }),
      whenLeased: options.whenLeased ?? records.whenLeased ?? "refuse",
      onWaiting: (holders) => tell({ _tag: "Leased", holders })
    })
    if (isFirst && hold.orphan !== undefined) {
      const { leftBy = "a run that is gone", since } = hold.orphan
      yield* emitOrWarn({ _tag: "TookOver", since, leftBy })
    }
    return yield* Acquire.acquire(
      endpoints,
      { ...options, backstop: options.backstop ?? records.backstop },
      {
        ...SharedLease.progress(lease),
        namespace,
        hold,
        facts: SharedLease.factsOf(hold),
        declare: SharedLease.declare(lease, hold),
        note: SharedLease.note(lease, hold),
        tell: emitOrWarn,
        spending
      }
    )
  })

  const acquire = Effect.gen(function* () {
    yield* spending.check
    const namespace = yield* endpoints.namespace
    yield* SharedLease.enter(leases, { namespace, name: options.name, policy, spec }, (lease) => {
      place = { lease, namespace }
      spending.share(lease.meter, namespace)
    })
    if (place === undefined) return
    const held = yield* place.lease.turn.withPermit(acquireIn(place))
    acquisition = held.acquisition
    yield* LeaseTelemetry.acquired(namespace, held)
    yield* emit({ _tag: "Acquired", namespace, ...held })
  }).pipe(LeaseTelemetry.span("ManagedEndpoint.acquire", options.name))

  const wait = (wasAwake: boolean, onLook?: (isReady: boolean) => void) =>
    endpoints
      .awaitReady(options.name, {
        timeout: options.readyTimeout,
        wasAwake,
        onChange: (endpoint) => emit({ _tag: "Waiting", endpoint }),
        onSeen: see,
        onLook
      })
      .pipe(Effect.tapErrorTag("PausedByOther", () => SharedLease.pausedByOther(place?.lease, true)))

  /** Somebody paused it: wakes it again, as a user who says so wants. */
  const resumed = Effect.gen(function* () {
    yield* Effect.logWarning(`Somebody paused endpoint ${options.name}; resuming it.`)
    // Once it is sent, its answer is waited for: a release that overtakes it would come to nothing.
    yield* Wake.start(endpoints.resume(options.name), SharedLease.gaveUp(place?.lease)).pipe(
      Effect.tap(seen),
      Effect.tap(SharedLease.pausedByOther(place?.lease, false)),
      Effect.uninterruptible
    )
    return yield* wait(false)
  })

  const awake = Effect.flatMap(standing.regained, (wasLost) => {
    let wasAway = wasLost
    const back = wait(!wasLost, (isReady) => {
      if (!isReady) wasAway = true
    })
    return (
      options.onForeignPause === "resume" ? Effect.catchTag(back, "PausedByOther", () => resumed) : back
    ).pipe(
      Effect.tap(saw),
      Effect.map((endpoint): Awake => ({ endpoint, wasAway }))
    )
  })

  const ready = Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const endpoint = yield* wait(false)
    const waitedMillis = (yield* Clock.currentTimeMillis) - from
    if (place !== undefined) yield* SharedLease.sawReady(place.lease, endpoint)
    yield* Effect.andThen(spending.ready, LeaseTelemetry.ready(waitedMillis))
    yield* emit({ _tag: "Ready", endpoint, waitedMillis })
    const client = standing.guarded(endpoints.clientFor(endpoint))
    return CurrentEndpoint.of({
      endpoint,
      // `awaitReady` ends only with a URL.
      url: endpoint.url ?? new URL("http://endpoint.invalid"),
      client,
      conceal: endpoints.conceal,
      acquisition,
      bill,
      cap: spending.cap,
      awaitAwake: awake,
      read: Effect.tap(endpoints.get(options.name), seen),
      modelName: yield* ModelName.make(endpoint, client)
    })
  }).pipe(LeaseTelemetry.span("ManagedEndpoint.awaitReady", options.name))

  const release = Effect.gen(function* () {
    if (place === undefined) return
    const { lease, namespace } = place
    const { phase } = lease
    const left = yield* SharedLease.leave(leases, `${namespace}/${options.name}`, lease, (leaving) =>
      LeaseEnd.end({
        endpoints,
        name: options.name,
        namespace,
        policy,
        timeout: options.releaseTimeout ?? "2 minutes",
        lease,
        leaving,
        spending,
        tell
      })
    ).pipe(LeaseTelemetry.released(policy, phase, bill))
    if (left === "last" || phase._tag === "Untouched") return
    yield* tell({ _tag: "Left", bill: yield* bill })
  }).pipe(LeaseTelemetry.span("ManagedEndpoint.release", options.name), Effect.uninterruptible)

  const watch = Effect.suspend(() => {
    const phase = place?.lease.phase
    if (phase === undefined || phase._tag === "Untouched" || phase.endpoint === undefined) return Effect.void
    const { endpoint } = phase
    return Effect.andThen(spending.ask({ endpoint }), spending.watch(endpoint))
  })

  return { acquire, ready, release, spending, watch }
})

/**
 * Acquires the endpoint for the rest of the current scope.
 *
 * A finalizer cannot fail: a release that cannot be confirmed dies with `ReleaseUnconfirmed`. Use {@link withEndpoint}
 * to have it as a typed error.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Held, AcquireError, Endpoints | Scope.Scope> {
  const lease = yield* makeLease(options)
  // Registered before the first call that may start a bill; it does nothing until then.
  yield* Effect.addFinalizer(() => Effect.orDie(lease.release))
  yield* lease.acquire
  yield* Effect.forkScoped(lease.watch)
  return yield* lease.spending.within(lease.ready)
})

/** The endpoint as a layer: awake while the layer is. */
export const layer = (options: Options): Layer.Layer<CurrentEndpoint, AcquireError, Endpoints> =>
  Layer.effect(CurrentEndpoint, make(options))

/**
 * Runs `use` on an endpoint that is ready, and puts the endpoint to sleep afterwards, whatever happened.
 *
 * Fails with what acquiring fails with, with what `use` fails with, and with `ReleaseUnconfirmed` when the endpoint may
 * still bill: that one wins over every other outcome.
 *
 * **Example** (One request to an endpoint that sleeps otherwise)
 *
 * ```ts
 * import { Inference, withEndpoint } from "@stint/batch"
 *
 * const program = withEndpoint({ name: "batch-endpoint", readyTimeout: "10 minutes" }, () =>
 *   Inference.featureExtraction("the sea at night")
 * )
 * ```
 */
export const withEndpoint = <A, E, R>(
  options: Options,
  use: (held: Held) => Effect.Effect<A, E, R>
): Effect.Effect<
  A,
  E | AcquireError | EndpointError.ReleaseUnconfirmed,
  Exclude<R, CurrentEndpoint> | Endpoints
> => Effect.map(withBill(options, use), ([value]) => value)

/** The same, with what the endpoint has cost in all, its end included. */
export const withBill = <A, E, R>(
  options: Options,
  use: (held: Held) => Effect.Effect<A, E, R>
): Effect.Effect<
  readonly [value: A, bill: Cost.Bill],
  E | AcquireError | EndpointError.ReleaseUnconfirmed,
  Exclude<R, CurrentEndpoint> | Endpoints
> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const lease = yield* makeLease(options)
      const run = Effect.gen(function* () {
        yield* lease.acquire
        yield* Effect.forkChild(lease.watch)
        const held = yield* lease.ready
        return yield* Effect.provideService(use(held), CurrentEndpoint, held)
      })
      const exit = yield* Effect.exit(restore(lease.spending.within(run)))
      const released = yield* Effect.exit(lease.release)
      if (Exit.isFailure(released)) {
        return yield* Exit.isFailure(exit)
          ? Effect.failCause(Cause.combine(released.cause, exit.cause))
          : Effect.failCause(released.cause)
      }
      return [yield* exit, yield* lease.spending.bill] as const
    })
  )
