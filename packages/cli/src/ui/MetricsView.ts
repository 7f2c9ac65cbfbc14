/**
 * The graphs of an endpoint as one table: a row for each line of a graph.
 */
import type { AllGraphs, Graph } from "@stint/core/EndpointMetrics"
import * as Table from "./Table.ts"

const labelOf = (series: Graph["series"][number]): string =>
  [series.statusCode, series.percentile, series.status, series.replicaId, series.deviceId]
    .flatMap((part) => (part === null || part === undefined ? [] : [String(part)]))
    .join(" ")

const graphsOf = (all: AllGraphs): ReadonlyArray<readonly [string, Graph | null | undefined]> => [
  ["answers by status", all.responseStatusCodeGrouped],
  ["latency", all.responseElapsed],
  ["pending requests", all.pendingRequest],
  ["replicas", all.replicasRunning],
  ["cpu", all.hardwareCpu],
  ["memory", all.hardwareMem],
  ["gpu", all.hardwareGpu],
  ["gpu memory", all.hardwareGpuMem],
  ["kv cache", all.inference?.kvCache],
  ["time to first token", all.inference?.ttft],
  ["time between tokens", all.inference?.itl],
  ["prefix cache", all.inference?.prefixCache],
  ["requests waiting", all.inference?.requests?.waiting],
  ["requests running", all.inference?.requests?.running]
]

const number = (value: number) =>
  Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 6 })

/** The table; `undefined` where nothing was measured. Values are in the units that the API has them in. */
export const format = (all: AllGraphs, width: number | undefined): string | undefined => {
  const rows = graphsOf(all).flatMap(([name, graph]) =>
    (graph?.series ?? []).flatMap((series) => {
      const values = series.data.flatMap(({ y }) => (y === null ? [] : [y]))
      const last = values.at(-1)
      if (last === undefined) return []
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length
      const most = values.reduce((a, b) => Math.max(a, b))
      return [[name, labelOf(series), number(last), number(mean), number(most), String(values.length)]]
    })
  )
  return rows.length === 0
    ? undefined
    : Table.fit(["graph", "of", "last", "mean", "most", "points"], rows, {
        width,
        cut: { of: 6 },
        drop: ["points", "mean"],
        right: ["last", "mean", "most", "points"]
      })
}
