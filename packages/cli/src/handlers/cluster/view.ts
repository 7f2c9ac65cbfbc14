/** How a cluster and its runs look to a person. */
import { formatDollars, formatPrice } from "@stint/batch/Cost"
import * as Age from "../../ui/Age.ts"
import * as Cells from "../../ui/Cells.ts"
import * as Table from "../../ui/Table.ts"
import * as Times from "../../ui/Times.ts"
import type { Frame } from "./follow.ts"
import * as Schedules from "./schedules.ts"

type RunStatus = import("@stint/cluster/RunStatus").RunStatus
type WorkerStatus = import("@stint/cluster/RunStatus").WorkerStatus
type EndpointStatus = import("@stint/cluster/FleetStatus").EndpointStatus
type RunLine = import("@stint/cluster/FleetStatus").RunLine

const count = (n: number) => Math.round(n).toLocaleString("en-US")

/** Whether an attempt of a run goes on. */
export const isLive = (state: RunStatus["state"]): boolean => state === "enqueuing" || state === "running"

const percent = (done: number, of: number) => (of <= 0 ? 100 : Math.floor((done / of) * 100))

const speed = (rate: number) => `${rate >= 10 ? count(rate) : rate.toFixed(1)} rows/s`

const moneyOf = ({ dollars, pricePerHour }: EndpointStatus) => [
  ...(pricePerHour === undefined ? [] : [`${formatDollars(pricePerHour)} an hour and replica`]),
  ...(dollars === undefined ? [] : [`${formatDollars(dollars)} or more so far`])
]

const billText = ({ bill }: RunStatus) => {
  if (bill === undefined) return undefined
  const price = bill.pricePerHour === undefined ? "" : ` at ${formatPrice(bill)}`
  const cost = bill.dollars === undefined ? "" : `: ${formatDollars(bill.dollars)}`
  const before = bill.ranBefore === true ? ", since it was adopted: it ran already" : ""
  return `${bill.billedMinutes} min${price}${cost}${before}`
}

const holdersOf = ({ leases }: EndpointStatus) =>
  leases.map(({ phase, worker }) => (phase === "held" ? worker : `${worker} (${phase})`)).join(", ")

/** What is known of an endpoint, in words. */
export const endpointText = (one: EndpointStatus, workers: ReadonlyArray<WorkerStatus>): string => {
  const held = one.heldMillis === undefined ? "" : ` for ${Times.elapsed(one.heldMillis)}`
  const by = one.leases.length === 0 ? "" : ` by ${holdersOf(one)}`
  if (one.state === "released") return `released (${one.policy})`
  if (one.state === "unconfirmed")
    return `NOT CONFIRMED, IT MAY BE BILLING: ${one.detail ?? "not read back yet"}`
  if (one.leases.length === 0)
    return workers.length === 0
      ? `LEFT BY ITS HOLDERS, IT MAY BE BILLING, and nobody is there to release it: stint cluster reap`
      : "left by its holders; it is released within seconds"
  return [`held${held}${by}`, ...moneyOf(one)].join("; ")
}

/** The endpoint of a run, among all. */
export const endpointOf = (
  run: { readonly endpoint: string },
  endpoints: ReadonlyArray<EndpointStatus>
): EndpointStatus | undefined => endpoints.find(({ endpoint }) => endpoint.endsWith(`/${run.endpoint}`))

const rowsText = ({ items, itemsDone }: RunStatus) =>
  items === undefined
    ? "the input is not read yet"
    : `${count(itemsDone)} of ${count(items)}, ${percent(itemsDone, items)} %`

/** Rows a second: below it nothing comes, and no time is told. */
const SLOWEST = 0.001

const timeLeft = ({ items, itemsDone, rate, state }: RunStatus) =>
  items === undefined || rate < SLOWEST || !isLive(state)
    ? undefined
    : `about ${Times.elapsed(((items - itemsDone) * 1000) / rate)}`

/** What is said when nobody works on runs. */
export const NOBODY = "nobody is there: start one with stint cluster worker"

const workersText = (run: RunStatus, workers: ReadonlyArray<WorkerStatus>) => {
  if (workers.length === 0) return NOBODY
  const at = run.workers.length === 0 ? "none at it" : `at it: ${run.workers.join(", ")}`
  return `${workers.length}; ${at}`
}

const labelled = (label: string, text: string) => `  ${label.padEnd(12)}${Cells.oneLine(text)}`

/** All that is known of a run. */
export const runLines = (
  run: RunStatus,
  endpoint: EndpointStatus | undefined,
  workers: ReadonlyArray<WorkerStatus>
): ReadonlyArray<string> => {
  const left = timeLeft(run)
  const isOn = isLive(run.state)
  const billed = billText(run)
  const limit = run.limit === undefined ? "" : `, at most ${count(run.limit)} requests in flight`
  return [
    labelled("run", `${run.run}: ${run.state}${run.attempt === 1 ? "" : `, attempt ${run.attempt}`}`),
    labelled("input", run.input),
    labelled(
      "chunks",
      run.chunks === undefined ? "-" : `${count(run.chunksDone)} of ${count(run.chunks)} done`
    ),
    labelled("rows", rowsText(run)),
    labelled("failed", count(run.itemsFailed)),
    ...(isOn ? [labelled("speed", `${speed(run.rate)}${limit}`)] : []),
    ...(left === undefined ? [] : [labelled("left", left)]),
    ...(isOn ? [labelled("workers", workersText(run, workers))] : []),
    labelled(
      "endpoint",
      `${run.endpoint}: ${endpoint === undefined ? "not held" : endpointText(endpoint, workers)}`
    ),
    ...(billed === undefined ? [] : [labelled("billed", billed)]),
    ...(run.error === undefined ? [] : [labelled("error", run.error)])
  ]
}

/** A moment of a run. */
export const runFrame = (
  run: RunStatus,
  endpoint: EndpointStatus | undefined,
  workers: ReadonlyArray<WorkerStatus>
): Frame => {
  const left = timeLeft(run)
  const money =
    run.bill?.dollars !== undefined
      ? [`${formatDollars(run.bill.dollars)} billed`]
      : endpoint === undefined || !isLive(run.state)
        ? []
        : moneyOf(endpoint)
  return {
    lines: runLines(run, endpoint, workers),
    line: [
      `${run.run}: ${run.state}`,
      `${rowsText(run)}${run.items === undefined ? "" : " rows"}`,
      `${count(run.itemsFailed)} failed`,
      speed(run.rate),
      ...(left === undefined ? [] : [left]),
      `workers ${workers.length === 0 ? NOBODY : run.workers.length}`,
      ...money
    ].join("; "),
    isOver: !isLive(run.state)
  }
}

const runTable = (runs: ReadonlyArray<RunLine>, now: number, width: number | undefined) =>
  Table.fit(
    ["run", "state", "rows", "chunks", "endpoint", "age"],
    runs.map(({ chunks, chunksDone, createdAt, endpoint, items, run, state }) => [
      run,
      state,
      items === undefined ? "-" : count(items),
      chunks === undefined ? "-" : `${chunksDone}/${chunks}`,
      endpoint,
      Age.format(createdAt, now)
    ]),
    { width, cut: { run: 12, endpoint: 10 }, drop: ["endpoint"], right: ["rows", "chunks", "age"] }
  )

const workerTable = (workers: ReadonlyArray<WorkerStatus>, width: number | undefined) =>
  Table.fit(
    ["worker", "state", "in flight", "rows", "rows/s", "heard of"],
    workers.map(({ inFlight, items, rate, share, silentMillis, state, worker }) => [
      worker,
      state,
      `${inFlight}/${share}`,
      count(items),
      rate.toFixed(1),
      `${Times.formatMillis(silentMillis)} ago`
    ]),
    { width, cut: { worker: 12 }, drop: ["heard of"], right: ["in flight", "rows", "rows/s", "heard of"] }
  )

/** What goes on in a cluster. */
export interface Cluster {
  readonly runs: ReadonlyArray<RunLine>
  readonly workers: ReadonlyArray<WorkerStatus>
  readonly endpoints: ReadonlyArray<EndpointStatus>
  readonly schedules: ReadonlyArray<Schedules.Status>
}

/** A moment of the cluster. */
export const clusterFrame = (
  { endpoints, runs, schedules, workers }: Cluster,
  { now, width }: { readonly now: number; readonly width: number | undefined }
): Frame => {
  const live = runs.filter(({ state }) => isLive(state)).length
  const awake = endpoints.filter(({ state }) => state !== "released")
  const lines = [
    runs.length === 0 ? "No runs." : runTable(runs, now, width),
    workers.length === 0 ? `Workers: ${NOBODY}.` : workerTable(workers, width),
    ...(endpoints.length === 0
      ? []
      : [endpoints.map((one) => `${one.endpoint}  ${endpointText(one, workers)}`).join("\n")]),
    ...(schedules.length === 0 ? [] : [Schedules.text(schedules, { now, width })])
  ]
  return {
    lines: lines.join("\n\n").split("\n"),
    line: `${live} runs go on; ${workers.length} workers; ${awake.length} endpoints not released`,
    isOver: false
  }
}
