/**
 * How quickly a cluster notices that a worker is lost, and how easily it is mistaken.
 *
 * Endpoints do not wait for it: a lease that ran out is seen by every worker (`EndpointReaper`).
 */
import type { ShardingConfig } from "effect/cluster/ShardingConfig"

/** The settings of `ShardingConfig` that have to do with time. */
export type ShardTimings = Pick<
  ShardingConfig["Service"],
  | "shardLockExpiration"
  | "shardLockRefreshInterval"
  | "runnerHealthCheckInterval"
  | "refreshAssignmentsInterval"
  | "entityMessagePollInterval"
>

/**
 * What Stint's workers use. A worker that is killed is replaced within seconds, one that stands still after 20 seconds: any
 * shorter, and a database that is slow for a moment makes workers lose all their shards.
 *
 * **Example** (A runner of one's own)
 *
 * ```ts
 * import { NodeClusterSocket } from "@effect/platform-node"
 * import { ShardTimings } from "@stint/cluster"
 *
 * const runner = NodeClusterSocket.layer({ storage: "sql", shardingConfig: ShardTimings.shipped })
 * ```
 */
export const shipped: ShardTimings = {
  shardLockExpiration: "20 seconds",
  shardLockRefreshInterval: "5 seconds",
  runnerHealthCheckInterval: "5 seconds",
  refreshAssignmentsInterval: "1 second",
  entityMessagePollInterval: "2 seconds"
}
