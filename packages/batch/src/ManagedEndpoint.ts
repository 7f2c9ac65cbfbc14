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
import * as Cost from "./Cost.ts"
import * as Acquire from "./internal/acquire.ts"
import * as Release from "./internal/release.ts"

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
 * | `delete` | gone, with its configuration |
 * | `keep` | left running, and billed |
 */
export type ReleasePolicy = "pause" | "restore" | "scaleToZero" | "delete" | "keep"

/** What happens to the lease, in order, for whoever wants to show it. */
export type Event =
  | { readonly _tag: "Acquired"; readonly acquisition: Acquisition; readonly endpoint: Endpoint }
  | { readonly _tag: "Waiting"; readonly endpoint: Endpoint }
  | { readonly _tag: "Ready"; readonly endpoint: Endpoint; readonly waitedMillis: number }
  | { readonly _tag: "Kept"; readonly endpoint: Endpoint | undefined; readonly bill: Cost.Bill }
  | { readonly _tag: "Releasing"; readonly policy: ReleasePolicy }
  | {
      readonly _tag: "Released"
      readonly policy: ReleasePolicy
      readonly state: string
      readonly bill: Cost.Bill
    }

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
  /** US dollars per replica-hour, for the bill. Default: the shipped price list. */
  readonly pricePerHour?: number | undefined
  /** Called at each step of the lease. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/** Everything that acquiring can fail with. */
export type AcquireError =
  | EndpointError.NotReady
  | EndpointError.Conflict
  | EndpointError.QuotaExceeded
  | Acquire.SpecMismatch

export { SpecMismatch } from "./internal/acquire.ts"

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
    readonly acquisition: Acquisition
    /** What it has cost since it was acquired. */
    readonly bill: Effect.Effect<Cost.Bill>
    /** Waits until the endpoint answers again after it went cold: wakes one that scaled to zero, fails on a foreign pause. */
    readonly awaitAwake: Effect.Effect<Endpoint, EndpointError.NotReady>
  }
>()("@stint/batch/ManagedEndpoint/CurrentEndpoint") {}

type Held = CurrentEndpoint["Service"]

interface Lease {
  /** The short part: find, resume or create. Only the call that may start a bill is uninterruptible. */
  readonly acquire: Effect.Effect<void, AcquireError>
  /** The long part: wait until ready. Interruptible. */
  readonly ready: Effect.Effect<Held, AcquireError>
  /** Puts the endpoint to sleep if acquiring may have woken it. */
  readonly release: Effect.Effect<void, EndpointError.ReleaseUnconfirmed>
}

const makeLease = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Lease, never, Endpoints> {
  const endpoints = yield* Endpoints
  const policy = options.onRelease ?? "pause"
  const emit = (event: Event) => Effect.suspend(() => options.onEvent?.(event) ?? Effect.void)
  let phase: Acquire.Phase = { _tag: "Untouched" }
  let startedAt: number | undefined
  let namespace: string | undefined

  /** A watcher that breaks must not keep the endpoint awake. */
  const tell = (event: Event) =>
    Effect.catchCause(emit(event), (cause) => Effect.logWarning("A watcher of the lease failed.", cause))

  const price = (endpoint: Endpoint | undefined) =>
    options.pricePerHour ??
    (endpoint === undefined ? Acquire.specPrice(options.spec) : Acquire.shippedPrice(endpoint))
  const billOf = (endpoint: Endpoint | undefined) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Cost.bill({
        millis: now - (startedAt ?? now),
        pricePerHour: price(endpoint),
        replicas: endpoint?.readyReplica
      })
    )

  const acquire = Effect.gen(function* () {
    startedAt = yield* Clock.currentTimeMillis
    namespace = yield* endpoints.namespace
    const held = yield* Acquire.acquire(endpoints, options, (next) => {
      phase = next
    })
    yield* emit({ _tag: "Acquired", acquisition: held.acquisition, endpoint: held.endpoint })
  })

  const wait = (wasAwake: boolean) =>
    endpoints.awaitReady(options.name, {
      timeout: options.readyTimeout,
      wasAwake,
      onChange: (endpoint) => emit({ _tag: "Waiting", endpoint })
    })

  const ready = Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const endpoint = yield* wait(false)
    const waitedMillis = (yield* Clock.currentTimeMillis) - from
    const acquisition = phase._tag === "Held" ? phase.acquisition : "Adopted"
    phase = { _tag: "Held", acquisition, endpoint, foundState: Acquire.foundState(phase) }
    yield* emit({ _tag: "Ready", endpoint, waitedMillis })
    return CurrentEndpoint.of({
      endpoint,
      // `awaitReady` ends only with a URL.
      url: endpoint.url ?? new URL("http://endpoint.invalid"),
      client: endpoints.clientFor(endpoint),
      acquisition,
      bill: billOf(endpoint),
      awaitAwake: wait(true)
    })
  })

  const release = Effect.gen(function* () {
    const at = phase
    if (at._tag === "Untouched") return
    if (policy === "keep") {
      return yield* tell({ _tag: "Kept", endpoint: at.endpoint, bill: yield* billOf(at.endpoint) })
    }
    yield* tell({ _tag: "Releasing", policy })
    const { endpoint } = at
    const state = yield* Release.release(endpoints, {
      name: options.name,
      namespace,
      policy,
      foundState: Acquire.foundState(at),
      timeout: options.releaseTimeout ?? "2 minutes",
      pricePerHour: price(endpoint)
    })
    yield* tell({ _tag: "Released", policy, state, bill: yield* billOf(endpoint) })
  }).pipe(Effect.uninterruptible)

  return { acquire, ready, release }
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
  return yield* lease.ready
})

/**
 * The endpoint as a layer: awake while the layer is.
 */
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
> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const lease = yield* makeLease(options)
      const run = Effect.gen(function* () {
        yield* lease.acquire
        const held = yield* lease.ready
        return yield* Effect.provideService(use(held), CurrentEndpoint, held)
      })
      const exit = yield* Effect.exit(restore(run))
      const released = yield* Effect.exit(lease.release)
      if (Exit.isFailure(released)) {
        return yield* Exit.isFailure(exit)
          ? Effect.failCause(Cause.combine(released.cause, exit.cause))
          : Effect.failCause(released.cause)
      }
      return yield* exit
    })
  )
