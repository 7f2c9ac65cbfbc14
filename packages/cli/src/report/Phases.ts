/**
 * Where the minutes of a run went, and the least that they could have been.
 *
 * The work is what lies between the endpoint's first readiness and the last row. It is steady from the first to the last window
 * (a twentieth of the work, three points at least) in which rows came at four fifths of the best window's speed or more; what
 * lies before is its ramp, what lies after its tail.
 */
import type { Bill } from "@stint/batch/Cost"
import type { Floor, Phase, Point } from "./RunReport.ts"

/** When things happened, in milliseconds since the start. */
export interface Marks {
  /** From when on it was billed; absent where nothing was woken. */
  readonly billed?: number | undefined
  readonly ready?: number | undefined
  readonly end: number
}

/** Fewer points than this tell no ramp from a tail. */
const FEW = 6
const STEADY = 0.8
const WINDOWS = 20
const SMALLEST = 3

const rowsIn = (points: ReadonlyArray<Point>) =>
  points.reduce((sum, { failed, succeeded }) => sum + succeeded + failed, 0)

interface Work {
  readonly from: number
  readonly steadyFrom: number
  readonly steadyTo: number
  readonly to: number
  readonly rows: number
  /** Rows a second in the best window. */
  readonly best: number
}

const workOf = (timeline: ReadonlyArray<Point>, from: number): Work | undefined => {
  const last = timeline.findLastIndex(({ failed, succeeded }) => succeeded + failed > 0)
  const all = timeline.slice(0, last + 1)
  const points = all.filter(({ toMillis }) => toMillis > from)
  const to = points.at(-1)?.toMillis
  if (to === undefined) return undefined
  const rows = rowsIn(points)
  const whole = {
    from,
    steadyFrom: from,
    steadyTo: to,
    to,
    rows,
    best: (rows * 1000) / Math.max(1, to - from)
  }
  if (points.length < FEW) return whole

  const size = Math.max(SMALLEST, Math.ceil(points.length / WINDOWS))
  const windows = Array.from({ length: points.length - size + 1 }, (_, at) => {
    const window = points.slice(at, at + size)
    const begin = Math.max(from, window[0]?.fromMillis ?? from)
    const end = window.at(-1)?.toMillis ?? to
    return { begin, end, speed: (rowsIn(window) * 1000) / Math.max(1, end - begin) }
  })
  const best = Math.max(...windows.map(({ speed }) => speed))
  const steady = windows.filter(({ speed }) => speed >= STEADY * best)
  return {
    ...whole,
    best,
    steadyFrom: steady[0]?.begin ?? from,
    steadyTo: steady.at(-1)?.end ?? to
  }
}

/** The parts of a run, in order; those that took no time are left out. Dollars are shared out by time among what is billed. */
export const phasesOf = (
  timeline: ReadonlyArray<Point>,
  marks: Marks,
  bill: Bill | undefined
): ReadonlyArray<Phase> => {
  const { billed, end, ready } = marks
  if (billed === undefined) return end > 0 ? [{ name: "wait", fromMillis: 0, toMillis: end }] : []
  const work = ready === undefined ? undefined : workOf(timeline, ready)
  const coldTo = ready ?? end
  const workTo = Math.min(end, work?.to ?? coldTo)
  const edges: ReadonlyArray<readonly [Phase["name"], number, number]> = [
    ["wait", 0, billed],
    ["cold", billed, coldTo],
    ["ramp", coldTo, work?.steadyFrom ?? coldTo],
    ["steady", work?.steadyFrom ?? coldTo, Math.min(end, work?.steadyTo ?? coldTo)],
    ["tail", Math.min(end, work?.steadyTo ?? coldTo), workTo],
    ["drain", workTo, end]
  ]
  const dollars = bill?.dollars
  const billedMillis = Math.max(1, end - billed)
  return edges
    .filter(([, from, to]) => to > from)
    .map(([name, fromMillis, toMillis]) => ({
      name,
      fromMillis,
      toMillis,
      ...(name === "wait" || dollars === undefined
        ? {}
        : { dollars: (dollars * (toMillis - fromMillis)) / billedMillis })
    }))
}

const MINUTE = 60_000

/** The least that the work could have cost at the best speed that was seen; nothing where no row was done. */
export const floorOf = (
  timeline: ReadonlyArray<Point>,
  marks: Marks,
  bill: Bill | undefined
): Floor | undefined => {
  if (marks.billed === undefined || marks.ready === undefined) return undefined
  const work = workOf(timeline, marks.ready)
  const isOfUse = timeline.some(({ succeeded }) => succeeded > 0)
  if (work === undefined || !isOfUse || work.best <= 0) return undefined
  const millis = marks.ready - marks.billed + (work.rows * 1000) / work.best
  const replicas = Math.max(1, bill?.peakReplicas ?? 1)
  const billedMinutes = Math.ceil(millis / MINUTE) * replicas
  const price = bill?.pricePerHour
  return {
    rowsPerSecond: work.best,
    millis,
    ...(bill === undefined
      ? {}
      : {
          billedMinutes: Math.min(billedMinutes, bill.billedMinutes),
          times: bill.billedMinutes / Math.max(1, Math.min(billedMinutes, bill.billedMinutes)),
          ...(price === undefined
            ? {}
            : { dollars: (Math.min(billedMinutes, bill.billedMinutes) * price) / 60 })
        })
  }
}
