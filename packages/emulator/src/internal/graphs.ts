/** The graphs of an endpoint, from what was seen of it. Status, latency, pending and replicas are true. */
import type { AllGraphs, Graph } from "@stint/core/EndpointMetrics"
import * as Instant from "./instant.ts"
import * as Telemetry from "./telemetry.ts"

const mostPoints = 500

const percentiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }

/** How many replicas there were at a moment. */
const replicasAt = (changes: ReadonlyArray<Telemetry.Change>, at: number) =>
  changes.findLast((change) => change.at <= at) ?? { running: 0, starting: 0 }

const merged = (
  buckets: ReadonlyArray<Telemetry.Bucket>,
  of: (bucket: Telemetry.Bucket) => Map<number, number>
) => {
  const all = new Map<number, number>()
  for (const bucket of buckets)
    for (const [bin, count] of of(bucket)) all.set(bin, (all.get(bin) ?? 0) + count)
  return all
}

const graph = (...series: Graph["series"]): Graph => ({ series })

/** All graphs of a window in milliseconds; `undefined` when nothing happened in it. */
export const make = (options: {
  readonly telemetry: Telemetry.Telemetry
  readonly start: number
  readonly stop: number
  readonly now: number
  readonly accelerator: string
  /** The replicas that the hardware's graphs are about. */
  readonly replicas: ReadonlyArray<string>
  readonly devices: number
}): AllGraphs | undefined => {
  const { now, telemetry } = options
  const stop = Math.min(options.stop, now)
  const first = telemetry.changes[0]?.at ?? now
  const start = Math.max(options.start, Math.floor(first / Telemetry.step) * Telemetry.step)
  if (telemetry.changes.length === 0 || start > stop) return undefined

  const width = Telemetry.step * Math.max(1, Math.ceil((stop - start) / Telemetry.step / mostPoints))
  const buckets = telemetry.buckets(now)
  const points: Array<{ x: string; at: number; buckets: Array<Telemetry.Bucket> }> = []
  for (let at = Math.floor(start / width) * width; at <= stop; at += width) {
    const inside: Array<Telemetry.Bucket> = []
    for (let from = at; from < at + width; from += Telemetry.step) {
      const bucket = buckets.get(from / Telemetry.step)
      if (bucket !== undefined) inside.push(bucket)
    }
    points.push({ x: Instant.formatMillis(at), at, buckets: inside })
  }

  const draw = (y: (point: (typeof points)[number]) => number | null) =>
    points.flatMap((point) => {
      const value = y(point)
      return value === null ? [] : [{ x: point.x, y: value }]
    })
  const pending = (point: (typeof points)[number]) =>
    point.buckets.reduce((sum, bucket) => sum + bucket.pending, 0) /
    Math.max(1, Math.min(now, point.at + width) - point.at)
  const statuses = new Set(
    points.flatMap((point) => point.buckets.flatMap((bucket) => [...bucket.statuses.keys()]))
  )
  const running = (point: (typeof points)[number]) =>
    replicasAt(telemetry.changes, point.at + width - 1).running
  const busy = (point: (typeof points)[number]) => Telemetry.usage(pending(point), running(point))

  const perReplica = (y: (point: (typeof points)[number]) => number): Graph =>
    graph(...options.replicas.map((replicaId) => ({ replicaId, data: draw(y) })))
  const perDevice = (y: (point: (typeof points)[number]) => number): Graph =>
    graph(
      ...options.replicas.flatMap((replicaId) =>
        Array.from({ length: options.devices }, (_, device) => ({
          replicaId,
          deviceId: String(device),
          data: draw(y)
        }))
      )
    )
  const hasDevices = options.accelerator !== "cpu"

  return {
    responseStatusCodeGrouped: graph(
      ...[...statuses].toSorted().map((statusCode) => ({
        statusCode,
        data: draw((point) =>
          point.buckets.reduce((sum, bucket) => sum + (bucket.statuses.get(statusCode) ?? 0), 0)
        )
      }))
    ),
    responseElapsed: graph(
      ...Object.entries(percentiles).map(([percentile, share]) => ({
        percentile,
        data: draw((point) =>
          Telemetry.quantile(
            merged(point.buckets, (bucket) => bucket.latencies),
            share
          )
        )
      }))
    ),
    pendingRequest: graph({ data: draw(pending) }),
    replicasRunning: graph(
      { status: "running", data: draw(running) },
      {
        status: "initializing",
        data: draw((point) => replicasAt(telemetry.changes, point.at + width - 1).starting)
      }
    ),
    // Nothing here measures a processor: these follow the load, as far as a replica's full load is guessed.
    hardwareCpu: perReplica((point) =>
      running(point) === 0 ? 0 : 2 + (hasDevices ? 0.3 : 0.95) * busy(point)
    ),
    hardwareMem: perReplica((point) => (running(point) === 0 ? 0 : 40)),
    hardwareGpu: hasDevices ? perDevice(busy) : graph(),
    hardwareGpuMem: hasDevices ? perDevice((point) => (running(point) === 0 ? 0 : 60)) : graph(),
    inference: null
  }
}
