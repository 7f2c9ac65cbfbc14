/**
 * The keeper of an endpoint: one in the whole cluster, which makes the endpoint what its leases say.
 *
 * The leases are rows and the truth (`EndpointLeases`). The keeper is what wakes and releases in the name of holders that
 * cannot: those that are dead, frozen, or back from there. Asked to look, it looks at how things stand: living leases and
 * awake go together. It is an entity of `effect/cluster`, so that one looks at a time; the rows would see to that as well.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Entity from "effect/cluster/Entity"
import type * as Sharding from "effect/cluster/Sharding"
import * as Rpc from "effect/rpc/Rpc"
import type * as SqlClient from "effect/sql/SqlClient"
import type { Endpoints } from "@stint/core/Endpoints"
import { Finding, ReconcileFailed } from "./internal/keeper/finding.ts"
import * as Reconcile from "./internal/keeper/reconcile.ts"

export { Finding, ReconcileFailed } from "./internal/keeper/finding.ts"

/** How endpoints are kept. The same for all processes of a cluster. */
export interface Options {
  /** How long a lease lasts that is not renewed. Default: 6 seconds. */
  readonly ttl?: Duration.Input | undefined
  /** The name of this process, for a person. Default: host and process id. */
  readonly worker?: string | undefined
  /** How long a release is tried before it is put down as not confirmed, and tried anew. Default: 2 minutes. */
  readonly releaseTimeout?: Duration.Input | undefined
}

/**
 * The entity. Its id is `namespace/name`; its messages are not stored, because whatever is lost is seen at the next look.
 *
 * **Example** (Asking for a look)
 *
 * ```ts
 * import { EndpointKeeper } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const look = Effect.gen(function* () {
 *   const keeperOf = yield* EndpointKeeper.EndpointKeeper.client
 *   return yield* keeperOf("acme/batch-endpoint").reconcile()
 * })
 * ```
 */
export const EndpointKeeper = Entity.make("EndpointKeeper", [
  Rpc.make("reconcile", { success: Finding, error: ReconcileFailed })
])

/**
 * Makes the endpoint what its leases say, here and now, without a cluster: what the keeper does when it is asked.
 *
 * Fails with {@link ReconcileFailed} where the database or the API does not answer.
 */
export const reconcile = (
  endpoint: string,
  options?: Options
): Effect.Effect<Finding, ReconcileFailed, SqlClient.SqlClient | Endpoints> =>
  Effect.scoped(Effect.flatMap(Reconcile.make(options), (keeper) => keeper.reconcile(endpoint)))

/** The keepers that this process hosts: those whose shards it has. */
export const layer = (
  options?: Options
): Layer.Layer<never, never, Sharding.Sharding | SqlClient.SqlClient | Endpoints> =>
  Layer.unwrap(
    Effect.map(Reconcile.make(options), (keeper) =>
      EndpointKeeper.toLayer(
        Effect.map(Entity.CurrentAddress, ({ entityId }) =>
          EndpointKeeper.of({ reconcile: () => keeper.reconcile(entityId) })
        ),
        { concurrency: 1, maxIdleTime: "30 seconds" }
      )
    )
  )
