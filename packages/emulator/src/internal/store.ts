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
import { type Held, keyOf, timestamp } from "./held.ts"
import * as Identifier from "./identifier.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { RequestLog } from "./requestLog.ts"
import type { Spec } from "./validation.ts"

/** How requests get in. */
export interface Transport {
  /** Serves an endpoint's data plane at an origin of its own until the scope closes; answers the origin. */
  readonly open: (
    id: string,
    provider: Spec["provider"],
    app: DataPlane.App
  ) => Effect.Effect<string, never, Scope.Scope>
}

/** The endpoints of all namespaces. */
export interface Store {
  readonly all: Effect.Effect<ReadonlyArray<Held>>
  readonly get: (namespace: string, name: string) => Effect.Effect<Held, ControlPlane.Missing>
  readonly create: (namespace: string, name: string, spec: Spec) => Effect.Effect<Held, ControlPlane.Conflict>
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
}): Effect.fn.Return<Store, never, Scope.Scope> {
  const { access, choose, lifecycle, log, transport } = options
  const scope = yield* Effect.scope
  const lock = yield* Semaphore.make(1)
  const endpoints = new Map<string, Held>()
  const gone = new Map<string, ReadonlyArray<Meter.Meter>>()
  let created = 0

  const create = Effect.fnUntraced(function* (namespace: string, name: string, spec: Spec) {
    const key = keyOf(namespace, name)
    if (endpoints.has(key)) {
      return yield* new ControlPlane.Conflict({
        error: `Conflict: Endpoint with name \`${name}\` already exists`,
        code: "CONFLICT"
      })
    }
    const sequence = created++
    const at = timestamp(yield* Clock.currentTimeNanos)
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
        readyReplica: 0,
        targetReplica: 0,
        createdAt: at,
        createdBy: namespace,
        updatedAt: at,
        updatedBy: namespace,
        lastUsedAt: null
      },
      meter: Meter.make(spec.pricePerHour),
      inFlight: 0,
      lastUsedMillis: 0,
      isDeleted: false
    }
    const app = DataPlane.make({ held, access, lifecycle, log })
    held.url = yield* transport.open(held.id, spec.provider, app).pipe(
      Scope.provide(held.scope),
      Effect.onError(() => Scope.close(held.scope, Exit.void))
    )
    endpoints.set(key, held)
    yield* lifecycle.start(held)
    return held
  })

  return {
    all: Effect.sync(() => [...endpoints.values()].toSorted((a, b) => a.sequence - b.sequence)),
    get: (namespace, name) =>
      Effect.suspend(() => {
        const held = endpoints.get(keyOf(namespace, name))
        return held === undefined
          ? Effect.fail(new ControlPlane.Missing({ error: "404 Not Found", code: "NOT_FOUND" }))
          : Effect.succeed(held)
      }),
    create: (namespace, name, spec) => Effect.uninterruptible(lock.withPermit(create(namespace, name, spec))),
    delete: Effect.fnUntraced(function* (held) {
      if (held.isDeleted) return
      yield* lifecycle.remove(held)
      const key = keyOf(held.namespace, held.name)
      endpoints.delete(key)
      gone.set(key, [...(gone.get(key) ?? []), held.meter])
      // Open connections may take their time; the answer does not wait for them.
      yield* Effect.forkIn(Scope.close(held.scope, Exit.void), scope, { startImmediately: true })
    }, Effect.uninterruptible),
    bill: Effect.fnUntraced(function* (namespace, name) {
      const now = yield* Clock.currentTimeMillis
      const key = keyOf(namespace, name)
      const held = endpoints.get(key)
      const meters = [...(gone.get(key) ?? []), ...(held === undefined ? [] : [held.meter])]
      const [first, ...rest] = meters.map((meter) => Meter.bill(meter, now))
      return first === undefined ? undefined : Meter.total([first, ...rest])
    })
  }
})
