/**
 * What is seen of a run at one moment: lines for a terminal that are drawn again and again, or one line for a log.
 */
import { type Bill, formatDollars } from "@stint/batch/Cost"
import type { Snapshot } from "@stint/batch/Progress"
import * as Cells from "./Cells.ts"
import type { Lease } from "./LeaseState.ts"
import * as Times from "./Times.ts"

/** One moment of a run. */
export interface Moment {
  /** Milliseconds of the clock. */
  readonly now: number
  readonly lease: Lease
  readonly snapshot: Snapshot
}

/** A line: what it is about, and what is to be said of it. */
export interface Line {
  readonly label: string
  readonly text: string
  /** Whether it asks for attention. */
  readonly isBad?: boolean | undefined
}

const money = (dollars: number) => formatDollars(Math.max(0, dollars))
const count = (n: number) => Math.max(0, Math.round(n)).toLocaleString("en-US")

/** Items in a time, in the unit that gives a number one can read. */
const speed = (perSecond: number): string => {
  const rate = Math.max(0, perSecond)
  if (rate === 0) return "0/s"
  if (rate >= 10) return `${count(rate)}/s`
  if (rate >= 1) return `${rate.toFixed(1)}/s`
  return rate * 60 >= 1 ? `${(rate * 60).toFixed(1)} a minute` : `${(rate * 3600).toFixed(1)} an hour`
}

const doneOf = ({ failed, skipped, succeeded }: Snapshot) => succeeded + failed + skipped

const leftOf = (now: Snapshot) => (now.total === undefined ? undefined : Math.max(0, now.total - doneOf(now)))

const BAR = 20

const bar = (done: number, total: number, width: number) => {
  const filled = total <= 0 ? width : Math.max(0, Math.min(width, Math.floor((done / total) * width)))
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`
}

/** 100 % is all of them, and not all but one. */
const percent = (done: number, total: number) =>
  total <= 0 ? 100 : Math.max(0, Math.min(100, Math.floor((done / total) * 100)))

const rowsText = (now: Snapshot, columns: number): string => {
  const done = doneOf(now)
  const { total } = now
  if (total === undefined) return `${count(done)} done`
  const width = columns >= 64 ? BAR : columns >= 48 ? BAR / 2 : 0
  const picture = width === 0 ? "" : `${bar(done, total, width)}  `
  return `${picture}${count(done)} of ${count(total)}, ${percent(done, total)} %`
}

const timeText = (now: Snapshot): string => {
  if (now.isHeld) return "waiting for the endpoint, which is away"
  return now.timeLeft === undefined ? "time not known yet" : Times.left(now.timeLeft)
}

const leftText = (now: Snapshot): string => {
  const left = leftOf(now)
  if (left === undefined) return "not known: nobody has counted the input"
  return left === 0 ? "0" : `${count(left)}, ${timeText(now)}`
}

const flightText = ({ inFlight, limit }: Snapshot): string =>
  Number.isFinite(limit)
    ? `${count(inFlight)} of at most ${count(limit)} in flight`
    : `${count(inFlight)} in flight, no limit`

const MINUTE = 60_000

/** A time that can be counted in: not below 0, and not so long that a sum of two is none. */
const span = (millis: number) => Math.min(1e15, Math.max(0, millis))

/**
 * What it comes to in the end, by the same reckoning as the time that is left: each started minute of the replicas that are
 * billed now, those that have begun not twice.
 */
const endText = (bill: Bill, { lease, now, snapshot }: Moment): string => {
  const { timeLeft } = snapshot
  const { dollars, pricePerHour, replicas = 1 } = bill
  if (timeLeft === undefined || snapshot.isHeld || dollars === undefined || pricePerHour === undefined)
    return ""
  const passed = span(now - (lease.billedSince ?? now))
  const at = (millis: number) => {
    const further = Math.ceil((passed + span(millis)) / MINUTE) - Math.ceil(passed / MINUTE)
    return money(dollars + (further * Math.max(1, replicas) * pricePerHour) / 60)
  }
  const [low, high] = [at(timeLeft.lowMillis), at(timeLeft.highMillis)]
  return low === high ? ` of about ${high}` : ` of ${low} to ${high}`
}

const minutes = (n: number) => `${count(n)} min`

const billedText = (billed: number, { capMinutes }: Lease) =>
  capMinutes === undefined || !Number.isFinite(capMinutes)
    ? `${minutes(billed)} billed`
    : `${count(billed)} of at most ${minutes(capMinutes)} billed`

const costText = (moment: Moment): string | undefined => {
  const { lease, snapshot } = moment
  const { bill } = snapshot
  if (bill === undefined) return undefined
  const billed = billedText(bill.billedMinutes, lease)
  return bill.dollars === undefined
    ? `${billed}, price not known`
    : `${money(bill.dollars)}${endText(bill, moment)}, ${billed}`
}

const faultsText = ({ faults }: Snapshot): string => {
  const reasons = [...faults].toSorted(([, a], [, b]) => b - a)
  return reasons.map(([reason, times]) => `${reason} ${count(times)}`).join(", ")
}

const endpointText = ({ lease, now, snapshot }: Moment): string => {
  const inState = Times.elapsed(now - lease.stateSince)
  if (lease.phase === "releasing") return `being released for ${inState}`
  if (lease.phase === "working") {
    const state = snapshot.isHeld ? "away" : lease.state
    const held = snapshot.heldMillis > 1000 ? `, was away ${Times.elapsed(snapshot.heldMillis)}` : ""
    return `${state}, at work for ${Times.elapsed(now - lease.stateSince)}, booted in ${Times.elapsed(lease.bootMillis)}${held}`
  }
  return `${lease.state} for ${inState}, ${Times.elapsed(now - lease.since)} since it was called`
}

/** What a boot has cost: an estimate, since the bill is made of what the API says later. */
const bootCostText = ({ lease, now }: Moment): string => {
  const { billedSince, pricePerHour } = lease
  const rate = pricePerHour === undefined ? "price not known" : `${money(pricePerHour)} an hour`
  if (billedSince === undefined) return `nothing while it waits; ${rate}`
  const begun = Math.max(1, Math.ceil(span(now - billedSince) / MINUTE))
  const soFar = pricePerHour === undefined ? "" : `about ${money((begun * pricePerHour) / 60)}, `
  return `${soFar}${billedText(begun, lease)}; ${rate}`
}

/** Hardware that is free is given within a minute or so. */
const SOON = 2 * MINUTE

const waitsForText = ({ lease, now }: Moment): string =>
  lease.state === "pending" && now - lease.stateSince > SOON
    ? "hardware; none seems to be free there: see stint hardware"
    : (lease.waitsFor ?? "an answer of the API")

const booting = (moment: Moment): ReadonlyArray<Line> => {
  const { lease, now } = moment
  return [
    { label: "endpoint", text: endpointText(moment) },
    { label: "waits for", text: waitsForText(moment) },
    ...(lease.givesUpAt === undefined
      ? []
      : [{ label: "gives up", text: `in ${Times.elapsed(Math.max(0, lease.givesUpAt - now))}` }]),
    { label: "cost", text: bootCostText(moment) }
  ]
}

const working = (moment: Moment, columns: number): ReadonlyArray<Line> => {
  const { snapshot } = moment
  const cost = costText(moment)
  const { lastError } = snapshot
  return [
    { label: "endpoint", text: endpointText(moment), isBad: snapshot.isHeld },
    { label: "rows", text: rowsText(snapshot, columns) },
    { label: "left", text: leftText(snapshot) },
    { label: "failed", text: count(snapshot.failed), isBad: snapshot.failed > 0 },
    { label: "speed", text: `${speed(snapshot.recentRate)}, ${flightText(snapshot)}` },
    ...(cost === undefined ? [] : [{ label: "cost", text: cost }]),
    ...(lastError === undefined
      ? []
      : [
          { label: "errors", text: faultsText(snapshot), isBad: true },
          { label: "last error", text: Cells.oneLine(lastError), isBad: true }
        ])
  ]
}

/** The lines of a moment; none while there is nothing to wait for. */
export const lines = (moment: Moment, columns: number): ReadonlyArray<Line> => {
  switch (moment.lease.phase) {
    case "none":
      return []
    case "booting":
      return booting(moment)
    case "working":
      return working(moment, columns)
    case "releasing":
      return [{ label: "endpoint", text: endpointText(moment) }]
  }
}

const INDENT = 2
const LABEL = 12

/** A line in at most so many cells. */
export const lineOf = (
  { isBad = false, label, text }: Line,
  columns: number,
  style: (part: "label" | "bad", text: string) => string
): string => {
  const name = Cells.clip(`${" ".repeat(INDENT)}${label.padEnd(LABEL)}`, columns)
  const value = Cells.clip(text, columns - Cells.widthOf(name))
  return `${style("label", name)}${isBad ? style("bad", value) : value}`
}

/** A moment of the work in one line. */
const workText = (moment: Moment): string => {
  const { snapshot } = moment
  const left = leftOf(snapshot)
  const time = left === undefined || left === 0 ? [] : [timeText(snapshot)]
  const cost = costText(moment)
  const of = snapshot.total === undefined ? "" : ` of ${count(snapshot.total)}`
  return [
    `${count(doneOf(snapshot))}${of} rows`,
    `${count(snapshot.failed)} failed`,
    ...(left === undefined ? [] : [`${count(left)} left`]),
    speed(snapshot.recentRate),
    ...time,
    flightText(snapshot),
    ...(cost === undefined ? [] : [cost]),
    ...(snapshot.lastError === undefined
      ? []
      : [`errors: ${faultsText(snapshot)}; the last: ${Cells.clip(Cells.oneLine(snapshot.lastError), 120)}`])
  ].join("; ")
}

/** A moment in one line; `undefined` while there is nothing to wait for. */
export const one = (moment: Moment): string | undefined => {
  switch (moment.lease.phase) {
    case "none":
      return undefined
    case "booting":
      return `endpoint ${endpointText(moment)}; waits for ${waitsForText(moment)}; ${bootCostText(moment)}`
    case "working":
      return workText(moment)
    case "releasing":
      return `endpoint ${endpointText(moment)}`
  }
}
