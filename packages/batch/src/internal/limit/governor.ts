/**
 * Follows the engine's own numbers: keeps a little waiting inside the engine, so that it never starves and never drowns.
 */
import type { Reading } from "./engineMetrics.ts"

/** What waits in the engine, as a part of what runs there. */
const WAITING = 0.1
const LEAST_WAITING = 2
const GROWTH = 1.5
/** Numbers older than this say nothing. */
const FRESH_MILLIS = 10_000
/** A proxy gives each question to one of the replicas: so many answers are averaged at most. */
const MOST_READINGS = 8

export interface Situation {
  readonly at: number
  /** What we have in flight, as far as it is known. */
  readonly inFlight: number | undefined
  /** Whether the limit is what holds more back. */
  readonly isUsed: boolean
  readonly limit: number
  readonly replicas: number
}

export interface Governor {
  /** Takes a reading of one replica; the limit that follows from it. */
  readonly onReading: (reading: Reading, situation: Situation) => number | undefined
  readonly onAnswer: (at: number) => void
  /** Whether there are numbers, and they are fresh. */
  readonly isLive: () => boolean
  /** Whether enough waits in the engine. */
  readonly isFull: () => boolean
  readonly reset: () => void
}

interface Load {
  readonly running: number
  readonly waiting: number
}

const mean = (loads: ReadonlyArray<Load>): Load => {
  const of = (pick: (load: Load) => number) => loads.reduce((sum, load) => sum + pick(load), 0) / loads.length
  return { running: of(({ running }) => running), waiting: of(({ waiting }) => waiting) }
}

export const make = (): Governor => {
  let loads: Array<Load> = []
  let readAt = -Infinity
  let now = -Infinity
  let before: Load | undefined
  let isFull = false

  const reset = () => {
    loads = []
    readAt = -Infinity
    before = undefined
    isFull = false
  }

  return {
    onReading: (reading, { at, inFlight, isUsed, limit, replicas }) => {
      now = at
      // One that batches, and tells its queue alone, wants a whole batch to wait while another runs.
      const isBatching = reading.running === undefined
      const load = {
        running: reading.running ?? Math.max(0, (inFlight ?? 0) / replicas - reading.waiting),
        waiting: reading.waiting
      }
      loads = [...loads, load].slice(-Math.min(replicas, MOST_READINGS))
      const { running, waiting } = mean(loads)
      const occupied = replicas * (running + waiting)
      // Numbers that know nothing of half of what we sent are of something else, or of a moment before it arrived.
      if (occupied < (inFlight ?? 1) / 2) return undefined
      readAt = at
      // An engine that is still taking in needs as much again to take in until the next reading.
      const taken = running - (before?.running ?? (inFlight === undefined ? 0 : running))
      before = { running, waiting }
      const target = Math.max(LEAST_WAITING, isBatching ? running : Math.max(WAITING * running, taken))
      isFull = waiting >= target
      // While it takes in, what waits is on its way.
      if (waiting > 2 * target && taken <= WAITING * running) {
        const sent = Math.min(inFlight ?? occupied, occupied)
        return Math.min(limit, sent - (replicas * (waiting - target)) / 2)
      }
      if (isFull || !isUsed) return undefined
      return waiting < target / 2 ? GROWTH * limit : limit + replicas * (target - waiting)
    },
    onAnswer: (at) => {
      now = at
    },
    isLive: () => now - readAt < FRESH_MILLIS,
    isFull: () => isFull,
    reset
  }
}
