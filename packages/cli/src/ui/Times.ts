/**
 * Times for a person: what has passed, and what may be left.
 */
import type { TimeLeft } from "@stint/batch/Progress"

const two = (n: number) => String(n).padStart(2, "0")

/** Nothing that is shown lasts longer: 9,999 days, in seconds. */
const LONGEST = 9999 * 86_400

/** `12.3s`, `1m 05s`, `2h 07m`: short, to a tenth of a second below a minute. */
export const formatMillis = (millis: number): string => {
  if (millis < 59_950) return `${(Math.max(0, millis) / 1000).toFixed(1)}s`
  return elapsed(millis)
}

/** `12s`, `1m 05s`, `2h 07m`, `3d 04h`: whole seconds, for a line that changes. */
export const elapsed = (millis: number): string => {
  const seconds = Math.min(LONGEST, Math.max(0, Math.round(millis / 1000)))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  const hours = Math.round(minutes / 60)
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`
}

/** What is shown of a time that nobody knows to the second: from so many seconds on, in steps of so many. */
const steps: ReadonlyArray<readonly [from: number, step: number]> = [
  [172_800, 21_600],
  [14_400, 1800],
  [3600, 600],
  [600, 60],
  [120, 10],
  [20, 5],
  [0, 1]
]

/** Longer than that nobody waits. */
const MOST = 99 * 86_400

/** A time in steps that get coarser with it, rounded by `round`. */
const coarse = (millis: number, round: (steps: number) => number): string => {
  const seconds = Math.min(MOST, Math.max(0, millis / 1000))
  const [, step = 1] = steps.find(([from]) => seconds >= from) ?? []
  // The least digit that counting in fractions leaves is no reason to go a step further.
  const rounded = round(Number((seconds / step).toFixed(6))) * step
  const units: ReadonlyArray<readonly [number, string]> = [
    [Math.floor(rounded / 86_400), "d"],
    [Math.floor(rounded / 3600) % 24, "h"],
    [Math.floor(rounded / 60) % 60, "m"],
    [rounded % 60, "s"]
  ]
  const said = units.filter(([value]) => value > 0).map(([value, unit]) => `${value}${unit}`)
  return said.length === 0 ? "0s" : said.join(" ")
}

/**
 * What may be left, as a range: `about 8m (7m to 11m)`. The ends are rounded away from one another; `about 8m` alone is a range
 * that is no wider than what is shown.
 */
export const left = ({ expectedMillis, highMillis, lowMillis }: TimeLeft): string => {
  const high = coarse(highMillis, Math.ceil)
  const low = coarse(lowMillis, Math.floor)
  if (highMillis <= 1000) return "a moment"
  if (low === "0s") return `at most ${high}`
  if (low === high) return `about ${high}`
  return `about ${coarse(expectedMillis, Math.round)} (${low} to ${high})`
}
