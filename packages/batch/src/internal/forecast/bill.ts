/**
 * What work comes to in minutes and dollars, on however many replicas.
 *
 * Each replica boots, does its share of the work, waits for its longest row, and is paused: with work W (seconds of a
 * replica) and R replicas it is up for boot + W/R + tail + pause, and billed for every started minute of that. So one
 * replica is never dearer than more, and each further one buys time for a fixed fee.
 */
import type { Range } from "./range.ts"
import * as Ranges from "./range.ts"

/** Seconds. */
export interface Load {
  readonly boot: Range
  /** Of a replica, for all rows. */
  readonly work: Range
  readonly tail: Range
}

/** From the last answer until it is paused. */
const PAUSE: Range = { low: 1, expected: 3, high: 30 }

/** Seconds beside the work, for each replica. */
const fixedOf = ({ boot, tail }: Load): Range =>
  Ranges.zip(
    Ranges.zip(boot, tail, (a, b) => a + b),
    PAUSE,
    (a, b) => a + b
  )

/** Seconds until it is done and paused. */
export const secondsOf = (load: Load, replicas: number): Range =>
  Ranges.zip(fixedOf(load), load.work, (fixed, work) => fixed + work / replicas)

/** Minutes that are billed: every started one of each replica. */
export const billedMinutes = (load: Load, replicas: number): Range =>
  Ranges.map(secondsOf(load, replicas), (seconds) => replicas * Math.ceil(seconds / 60))

/** The fewest replicas that are done within `seconds`; nothing where no number of them is. */
const fewest = (fixed: number, work: number, seconds: number): number | undefined => {
  const left = seconds - fixed
  if (left <= 0) return undefined
  const replicas = Math.max(1, Math.ceil(work / left))
  // Rounding may have gone either way.
  const isEnough = (count: number) => count >= 1 && fixed + work / count <= seconds
  if (isEnough(replicas - 1)) return replicas - 1
  return isEnough(replicas) ? replicas : replicas + 1
}

/** The fewest replicas that meet a deadline: likely, and even if all takes as long as it may. */
export const replicasFor = (
  load: Load,
  seconds: number
): { readonly likely: number | undefined; readonly surely: number | undefined } => {
  const fixed = fixedOf(load)
  return {
    likely: fewest(fixed.expected, load.work.expected, seconds),
    surely: fewest(fixed.high, load.work.high, seconds)
  }
}
