/** The endpoints the server holds, and the meters of those it held before. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as ControlPlane from "@stint/core/ControlPlane"
import * as Meter from "../Meter.ts"
import type { Access } from "./access.ts"
import * as DataPlane from "./dataPlane.ts"
import type { Choose } from "./engines.ts"
import * as ContainerLog from "./containerLog.ts"
import type { Faults } from "./faults.ts"
import { type Held, keyOf, person } from "./held.ts"
import * as Identifier from "./identifier.ts"
import * as Instant from "./instant.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { Limits } from "./limits.ts"
import type { RequestLog } from "./requestLog.ts"
import * as Telemetry from "./telemetry.ts"
import type { Spec } from "./validation.ts"
import type { App } from "./wire.ts"

/** How requests get in. */
export interface Transport {
  /** Serves an endpoint's data plane at an origin of its own until the scope closes; answers the origin. */
  readonly open: (
    id: string,
    provider: Spec["provider"],
    app: App
  ) => Effect.Effect<string, never, Scope.Scope>
}

/** The endpoints of all namespaces. */
export interface Store {
  /** Of all namespaces, in the order of their creation. */
  readonly all: () => Iterable<Held>
  readonly limits: Limits
  readonly get: (namespace: string, name: string) => Effect.Effect<Held, ControlPlane.Missing>
  readonly create: (
    namespace: string,
    name: string,
    spec: Spec,
    by: string
  ) => Effect.Effect<Held, ControlPlane.BadRequest | ControlPlane.Conflict | ControlPlane.Forbidden>
  readonly delete: (held: Held) => Effect.Effect<void>
  /** The bill of everything that has had this name; `undefined` when nothing has. */
  readonly bill: (namespace: string, name: string) => Effect.Effect<Meter.Bill | undefined>
}

/** Makes a store. Every endpoint's data plane ends with the scope. */
export const make = Effect.fnUntraced(function* (options: {
  readonly transport: Transport
  readonly lifecycle: Lifecycle
  readonly access: Access
  readonly choose: Choose
  readonly log: RequestLog
  readonly faults: Faults
  /** What an account may take, given what the server holds. */
  readonly limits: (all: () => Iterable<Held>) => Limits
}): Effect.fn.Return<Store, never, Scope.Scope> {
  const { access, choose, faults, lifecycle, log, transport } = options
  const scope = yield* Effect.scope
  const lock = yield* Semaphore.make(1)
  const endpoints = new Map<string, Held>()
  const gone = new Map<string, Meter.Bill>()
  const all = () => endpoints.values()
  const limits = options.limits(all)
  let created = 0

  const create = Effect.fnUntraced(function* (namespace: string, name: string, spec: Spec, creator: string) {
    const key = keyOf(namespace, name)
    if (endpoints.has(key)) {
      return yield* new ControlPlane.Conflict({
        error: `Conflict: Endpoint with name \`${name}\` already exists`,
        code: "CONFLICT"
      })
    }
    // Under the lock, so that two creates do not share the last of a quota.
    yield* limits.payment
    yield* limits.room(namespace, spec)
    const sequence = created++
    const at = Instant.format(yield* Clock.currentTimeNanos)
    const by = person(creator)
    const held: Held = {
      id: Identifier.host(`${key} ${sequence}`),
      sequence,
      namespace,
      name,
      scope: yield* Scope.fork(scope),
      settled: yield* Latch.make(),
      spec,
      engine: choose(spec),
      url: "",
      hasRun: false,
      status: {
        state: "pending",
        message: "",
        errorMessage: null,
        createdAt: at,
        createdBy: by,
        updatedAt: at,
        updatedBy: by
      },
      target: 0,
      replicas: [],
      replicaCount: 0,
      pickCount: 0,
      log: ContainerLog.make(),
      telemetry: Telemetry.make(),
      meter: Meter.make(spec.hardware.instance.pricePerHour),
      inFlight: 0,
      lastUsedMillis: 0,
      lastUsed: undefined,
      isDeleted: false
    }
    const app = DataPlane.make({ held, access, lifecycle, log, faults })
    held.url = yield* transport.open(held.id, spec.provider, app).pipe(
      Scope.provide(held.scope),
      Effect.onError(() => Scope.close(held.scope, Exit.void))
    )
    endpoints.set(key, held)
    yield* lifecycle.start(held)
    return held
  })

  return {
    all,
    limits,
    get: (namespace, name) =>
      Effect.suspend(() => {
        const held = endpoints.get(keyOf(namespace, name))
        return held === undefined
          ? Effect.fail(new ControlPlane.Missing({ error: "404 Not Found", code: "NOT_FOUND" }))
          : Effect.succeed(held)
      }),
    create: (namespace, name, spec, by) =>
      Effect.uninterruptible(lock.withPermit(create(namespace, name, spec, by))),
    delete: Effect.fnUntraced(function* (held) {
      if (held.isDeleted) return
      yield* lifecycle.remove(held)
      const key = keyOf(held.namespace, held.name)
      endpoints.delete(key)
      const bill = Meter.bill(held.meter, yield* Clock.currentTimeMillis)
      const before = gone.get(key)
      gone.set(key, before === undefined ? bill : Meter.total([before, bill]))
      // Open connections may take their time; the answer does not wait for them.
      yield* Effect.forkIn(Scope.close(held.scope, Exit.void), scope, { startImmediately: true })
    }, Effect.uninterruptible),
    bill: Effect.fnUntraced(function* (namespace, name) {
      const now = yield* Clock.currentTimeMillis
      const key = keyOf(namespace, name)
      const held = endpoints.get(key)
      const before = gone.get(key)
      if (held === undefined) return before
      const bill = Meter.bill(held.meter, now)
      return before === undefined ? bill : Meter.total([before, bill])
    })
  }
})
