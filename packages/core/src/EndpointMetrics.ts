/**
 * What the platform measures of an endpoint: graphs over a stretch of time.
 */
import * as Schema from "effect/Schema"

const absent = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The stretch of time: RFC 3339. */
export const Window = Schema.Struct({ start: Schema.String, stop: Schema.String })

/** A value at a moment. */
export const Point = Schema.Struct({ x: Schema.String, y: Schema.NullOr(Schema.Finite) })

/** One line of a graph; the label that tells it from its siblings depends on the graph. */
export const Series = Schema.Struct({
  statusCode: absent(Schema.Union([Schema.String, Schema.Finite])),
  percentile: absent(Schema.Union([Schema.String, Schema.Finite])),
  status: absent(Schema.String),
  replicaId: absent(Schema.String),
  deviceId: absent(Schema.Union([Schema.String, Schema.Finite])),
  data: Schema.Array(Point)
})

/** One graph. */
export const Graph = Schema.Struct({ series: Schema.Array(Series) })

/** One graph. */
export type Graph = typeof Graph.Type

/** The engine's own measures, where it tells them. */
export const InferenceGraphs = Schema.Struct({
  kvCache: absent(Graph),
  ttft: absent(Graph),
  itl: absent(Graph),
  prefixCache: absent(Graph),
  requests: absent(Schema.Struct({ waiting: absent(Graph), running: absent(Graph) }))
})

/**
 * All graphs of an endpoint: answers by status, latency by percentile, pending requests, replicas, hardware.
 */
export const AllGraphs = Schema.Struct({
  responseStatusCodeGrouped: absent(Graph),
  responseElapsed: absent(Graph),
  pendingRequest: absent(Graph),
  replicasRunning: absent(Graph),
  hardwareCpu: absent(Graph),
  hardwareMem: absent(Graph),
  hardwareGpu: absent(Graph),
  hardwareGpuMem: absent(Graph),
  inference: absent(InferenceGraphs)
})

/** All graphs of an endpoint. */
export type AllGraphs = typeof AllGraphs.Type
