/**
 * The engine beneath: who has which shard, which workflow waits for what (with the times of `ShardTimings`), and the queue of
 * chunks. A dead worker's chunks are taken by others 10 seconds after its last word, and the queue is looked at twice a second;
 * the engine's own settings are two minutes and once a second.
 *
 * All workers of a cluster must have the same. Locks are advisory locks of a session: through PgBouncer only with session
 * pooling.
 */
import type * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import type * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import type * as Runners from "effect/cluster/Runners"
import type * as Sharding from "effect/cluster/Sharding"
import type * as SocketServer from "effect/socket/SocketServer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as ShardTimings from "./ShardTimings.ts"

/** What the engine gives. */
export type Engine =
  | WorkflowEngine.WorkflowEngine
  | PersistedQueue.PersistedQueueFactory
  | Sharding.Sharding
  | Runners.Runners
  | MessageStorage.MessageStorage

/** Where a worker is found by the others. */
export interface Options {
  /** Its name or address on the network of the workers; unique together with the port. Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default: 34431. */
  readonly port?: number | undefined
  /** The address to listen on. Default: `host`. */
  readonly listen?: string | undefined
}

const queue = PersistedQueue.layer.pipe(
  Layer.provide(
    PersistedQueue.layerStoreSql({
      pollInterval: Duration.millis(500),
      lockRefreshInterval: Duration.seconds(3),
      lockExpiration: Duration.seconds(10)
    })
  )
)

/**
 * The engine of a worker. It listens for the others on a port, without encryption or a password: on a network that is the
 * cluster's own.
 *
 * **Example** (A worker in a pod)
 *
 * ```ts
 * import { Engine } from "@stint/cluster"
 *
 * const layer = Engine.layer({ host: "10.0.0.7", listen: "0.0.0.0" })
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  Engine,
  SocketServer.SocketServerError | Config.ConfigError | SqlError,
  SqlClient.SqlClient
> => {
  const { host = "127.0.0.1", listen = host, port = 34431 } = options
  return Layer.mergeAll(ClusterWorkflowEngine.layer, queue).pipe(
    Layer.provideMerge(
      NodeClusterSocket.layer({
        storage: "sql",
        shardingConfig: {
          ...ShardTimings.shipped,
          runnerAddress: Option.some(RunnerAddress.make(host, port)),
          runnerListenAddress: Option.some(RunnerAddress.make(listen, port))
        }
      })
    )
  )
}

/**
 * The engine of a client, which starts and ends runs and works on none.
 *
 * **Example** (Cancelling from elsewhere)
 *
 * ```ts
 * import { ClusterBatch, Engine } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const cancel = Effect.provide(ClusterBatch.cancel("nightly"), Engine.layerClient)
 * ```
 */
export const layerClient: Layer.Layer<Engine, Config.ConfigError | SqlError, SqlClient.SqlClient> =
  Layer.mergeAll(ClusterWorkflowEngine.layer, queue).pipe(
    Layer.provideMerge(
      NodeClusterSocket.layer({
        storage: "sql",
        clientOnly: true,
        shardingConfig: { ...ShardTimings.shipped, runnerAddress: Option.none() }
      })
    )
  )
