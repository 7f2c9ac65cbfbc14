/**
 * Leases that processes on any number of machines share: rows in Postgres, on the database's clock.
 *
 * With {@link layer} the same `withEndpoint` and `Batch.runOn` join one endpoint from many processes. One of them resumes or
 * creates it; the last one out releases it at once. A holder renews its lease three times in its life; one that is dead or
 * frozen does not, and what it held alone is released by the reaper (`EndpointReaper`). A holder that comes to again sees
 * that its lease had run out: it sends nothing more until it has taken it again and the endpoint is awake for it.
 */
import * as Clock from "effect/Clock"
import * as Crypto from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as Leases from "@stint/batch/Leases"
import * as Os from "node:os"
import NodeProcess from "node:process"
import * as Heartbeat from "./internal/lease/heartbeat.ts"
import * as Hold from "./internal/lease/hold.ts"
import * as Rows from "./internal/lease/rows.ts"
import { within } from "./internal/lease/within.ts"

/** How leases are kept. */
export interface Options {
  /**
   * How long a lease lasts that is not renewed. Default: 6 seconds. The same for all processes of a cluster; not shorter than
   * what a process may stand still for, such as a long garbage collection.
   */
  readonly ttl?: Duration.Input | undefined
  /** The name of this process, for a person. Default: host and process id. */
  readonly worker?: string | undefined
  /** Asks that an endpoint be woken for those who hold it; its name is `namespace/name`. Default: only the reaper sees to it. */
  readonly wake?: ((endpoint: string) => Effect.Effect<void>) | undefined
}

/** How long a lease lasts, if nothing is said. */
export const defaultTtl: Duration.Duration = Duration.seconds(6)

/**
 * Makes the service. Heartbeats end with the scope: what is held then and not left runs out.
 */
export const make = Effect.fnUntraced(function* (
  options?: Options
): Effect.fn.Return<Leases.Service, never, SqlClient.SqlClient | Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const rows = Rows.make((yield* SqlClient.SqlClient).withoutTransforms())
  const ttlMillis = Duration.toMillis(Duration.fromInputUnsafe(options?.ttl ?? defaultTtl))
  const worker = options?.worker ?? `${Os.hostname()} (process ${NodeProcess.pid})`

  const claim = Effect.fnUntraced(function* (
    claim: Leases.Claim
  ): Effect.fn.Return<Leases.Hold, Leases.ClaimError> {
    const { name, namespace } = claim
    const endpoint = `${namespace}/${name}`
    const me: Rows.Holder = { endpoint, holder: Crypto.randomUUID(), worker, ttlMillis }
    let isToldToWait = false
    for (;;) {
      const from = Heartbeat.momentOf(clock)
      const decision = yield* within(rows.claim(me, claim), Heartbeat.QUESTION).pipe(
        // It may have been written down all the same.
        Effect.tapError(() => Effect.ignore(within(rows.remove(me), Heartbeat.QUESTION))),
        Effect.catchCause((cause) =>
          Effect.fail(
            new Leases.LeaseRecordError({
              namespace,
              name,
              path: "stint_endpoints",
              detail: Hold.detailOf(cause)
            })
          )
        )
      )
      switch (decision._tag) {
        case "Refused":
          return yield* new Leases.LeasedElsewhere({ namespace, name, holders: decision.holders })
        case "Conflict": {
          const { field, held, wanted } = decision
          return yield* new Leases.LeaseConflict({ namespace, name, field, held, wanted })
        }
        case "Wait": {
          if (!isToldToWait) yield* claim.onWaiting?.(decision.holders) ?? Effect.void
          isToldToWait = true
          yield* Effect.interruptible(Effect.sleep(Duration.millis(Math.min(500, ttlMillis / 20))))
          continue
        }
        default: {
          const wake = options?.wake?.(endpoint) ?? Effect.void
          const heart = yield* Heartbeat.start({ rows, me, from, wake, scope })
          return Hold.make({ rows, me, claim, decision, heart })
        }
      }
    }
  }, Effect.uninterruptible)

  return { claim, whenLeased: "join", backstop: "set" }
})

/**
 * Leases in the rows of a database, shared by all processes that use it.
 *
 * **Example** (An endpoint that this process holds together with others)
 *
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Inference, withEndpoint } from "@stint/batch"
 * import { EndpointLeases } from "@stint/cluster"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const database = PgClient.layer({ url: Redacted.make("postgres://stint_worker@db.internal/stint") })
 * const program = withEndpoint({ name: "batch-endpoint" }, () => Inference.featureExtraction("the sea at night")).pipe(
 *   Effect.provide(EndpointLeases.layer().pipe(Layer.provide(database)))
 * )
 * ```
 */
export const layer = (options?: Options): Layer.Layer<never, never, SqlClient.SqlClient> =>
  Layer.effect(Leases.Leases, make(options))
