/**
 * How many replicas a batch runs on.
 *
 * The autoscaler looks at pending requests, and a batch always has some: each replica that it adds boots on the bill, and
 * is taken away again late. A batch costs least on one replica; each further one buys time for a fixed fee, its boot and
 * its tail.
 */
import type { Endpoint } from "@stint/core/Endpoint"
import type { EndpointSpec } from "@stint/core/EndpointSpec"

/**
 * `follow`: as the spec says, and as the autoscaler likes (the default). A number: an endpoint that is created has exactly so
 * many replicas from its start to its end; one that is found is left as it is, and a difference is told.
 */
export type Replicas = "follow" | number

/**
 * The spec with its replicas pinned.
 *
 * One replica still falls asleep by itself when nobody releases it. The API lets no endpoint scale to zero that keeps a
 * replica, so two or more give up that backstop: what is left after a crash is the guardian and `stint sweep`, and the lease
 * says so when it is acquired.
 *
 * @source contract: `minReplica` of 1 or more and a scale-to-zero timeout are incompatible
 *
 * **Example** (Three replicas, no more and no fewer)
 *
 * ```ts
 * import { ReplicaPolicy } from "@stint/batch"
 * import { EndpointSpec } from "@stint/core"
 *
 * const spec = EndpointSpec.make({
 *   repository: "intfloat/e5-small",
 *   accelerator: "gpu",
 *   vendor: "aws",
 *   region: "us-east-1",
 *   instanceType: "nvidia-l4",
 *   instanceSize: "x1"
 * })
 * console.log(ReplicaPolicy.pinned(spec, 3).minReplica) // => 3
 * console.log(ReplicaPolicy.pinned(spec, 1).minReplica) // => 0
 * ```
 */
export const pinned = (spec: EndpointSpec, replicas: Replicas): EndpointSpec => {
  if (replicas === "follow") return spec
  if (replicas <= 1) return { ...spec, minReplica: 0, maxReplica: 1 }
  const { scaleToZeroTimeout: _, ...rest } = spec
  return { ...rest, minReplica: replicas, maxReplica: replicas }
}

/** From how many replicas to how many, while it is awake; `undefined` where the endpoint does not say. */
export const rangeOf = (
  endpoint: Endpoint
): { readonly least: number; readonly most: number } | undefined => {
  const scaling = endpoint.compute?.scaling ?? undefined
  if (typeof scaling?.maxReplica !== "number") return undefined
  return { least: Math.max(1, scaling.minReplica ?? 0), most: Math.max(1, scaling.maxReplica) }
}

/** Whether an endpoint has what is asked for: always under `follow`, and where it does not tell its scaling. */
export const isMet = (endpoint: Endpoint, replicas: Replicas): boolean => {
  const range = rangeOf(endpoint)
  return replicas === "follow" || range === undefined || (range.least === replicas && range.most === replicas)
}

/**
 * Whether the autoscaler may add replicas to it, each with a cold start that is billed.
 *
 * @source https://huggingface.co/docs/inference-endpoints/autoscaling: scale-up once a minute, at 1.5 pending requests a replica
 */
export const autoscales = (endpoint: Endpoint): boolean => {
  const range = rangeOf(endpoint)
  return range !== undefined && range.most > range.least
}
