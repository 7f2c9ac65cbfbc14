/**
 * Everything that a process needs to hold endpoints together with others: leases, keepers and reaper in one layer.
 *
 * `withEndpoint` on one machine and in a cluster is the same call; what differs is the layer beneath it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Sharding from "effect/cluster/Sharding"
import type * as SqlClient from "effect/sql/SqlClient"
import type { Endpoints } from "@stint/core/Endpoints"
import * as EndpointKeeper from "./EndpointKeeper.ts"
import * as EndpointLeases from "./EndpointLeases.ts"
import * as EndpointReaper from "./EndpointReaper.ts"
import * as Reconcile from "./internal/keeper/reconcile.ts"

/** How endpoints are kept. The same for all processes of a cluster. */
export type Options = EndpointKeeper.Options

/** A call is waited for as long as a heartbeat can be late. */
const patienceOf = (options: Options | undefined) =>
  Duration.times(Duration.fromInputUnsafe(options?.ttl ?? EndpointLeases.defaultTtl), 1 / 3)

/**
 * Leases for a process that holds endpoints and keeps none: one that only starts batches, say. It needs a cluster in which
 * others keep them ({@link layer}).
 */
export const layerHolder = (
  options?: Options
): Layer.Layer<never, never, Sharding.Sharding | SqlClient.SqlClient> =>
  Layer.unwrap(
    Effect.map(EndpointKeeper.EndpointKeeper.client, (keeperOf) =>
      EndpointLeases.layer({
        ttl: options?.ttl,
        worker: options?.worker,
        wake: (endpoint) =>
          keeperOf(endpoint)
            .reconcile()
            .pipe(Effect.timeout(patienceOf(options)), Effect.ignoreCause)
      })
    )
  )

/**
 * Leases, keepers and reaper: for each worker of a cluster.
 *
 * **Example** (The call of one machine, on a cluster)
 *
 * ```ts
 * import { Inference, withEndpoint } from "@stint/batch"
 * import { KeptEndpoint } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const program = withEndpoint({ name: "batch-endpoint" }, () => Inference.featureExtraction("the sea at night"))
 * const onCluster = Effect.provide(program, KeptEndpoint.layer())
 * ```
 */
export const layer = (
  options?: Options
): Layer.Layer<never, never, Sharding.Sharding | SqlClient.SqlClient | Endpoints> =>
  Layer.mergeAll(layerHolder(options), EndpointKeeper.layer(options), EndpointReaper.layer(options))

/**
 * The same with a database and no cluster: each process wakes and reaps for itself.
 *
 * **Example** (Several cron jobs and one endpoint)
 *
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Inference, withEndpoint } from "@stint/batch"
 * import { KeptEndpoint } from "@stint/cluster"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const database = PgClient.layer({ url: Redacted.make("postgres://stint_worker@db.internal/stint") })
 * const program = withEndpoint({ name: "batch-endpoint" }, () => Inference.featureExtraction("the sea at night")).pipe(
 *   Effect.provide(KeptEndpoint.layerAlone().pipe(Layer.provide(database)))
 * )
 * ```
 */
export const layerAlone = (options?: Options): Layer.Layer<never, never, SqlClient.SqlClient | Endpoints> =>
  Layer.mergeAll(
    Layer.unwrap(
      Effect.map(Reconcile.make(options), (keeper) =>
        EndpointLeases.layer({
          ttl: options?.ttl,
          worker: options?.worker,
          wake: (endpoint) => Effect.ignoreCause(keeper.reconcile(endpoint))
        })
      )
    ),
    EndpointReaper.layerAlone(options)
  )
