/**
 * How many replicas are billed since when, from what a client gets to see: a look at the endpoint now and then.
 *
 * Between two looks it takes the dearer of the two for true, from the first look to the second: what it counts is never less
 * than what was seen to be billed. What came and went between two looks it cannot know.
 *
 * @source contract: price and billing. Replicas are billed while the endpoint initializes and runs, each started minute
 * whole; `pending`, `paused` and `scaledToZero` are free. An update runs too.
 */
import type { Endpoint } from "@stint/core/Endpoint"
import * as Steps from "./steps.ts"

export { MINUTE, minutes, type Stretch } from "./steps.ts"

/** Above so many minutes a cap is none: it is two thousand years, and times after them are no whole milliseconds any more. */
const NO_CAP = 1e9

/** How many replicas there are to be, at the least that its state can mean. */
const wantedOf = (endpoint: Endpoint): number =>
  Math.max(1, endpoint.compute?.scaling?.minReplica ?? 0, endpoint.status.targetReplica ?? 0)

/** How many may be billed before the next look, if the endpoint does what it may do by itself. */
const mostReplicas = (endpoint: Endpoint): number => {
  const { state } = endpoint
  if (state === "paused" || state === "failed") return 0
  const billed = Math.max(endpoint.billedReplicas, wantedOf(endpoint))
  return state === "running" ? Math.max(billed, endpoint.compute?.scaling?.maxReplica ?? 0) : billed
}

interface Look {
  readonly at: number
  readonly replicas: number
  readonly most: number
  /** How many there are to be, those that wait for hardware included. */
  readonly coming: number
  /** Whether it boots: one that ran before began anew since. */
  readonly isBooting: boolean
}

/** The looks at one endpoint, and what they come to. */
export interface Meter {
  /** A look at the endpoint; `undefined`: there is none. `billed` is how many are, where that is known better. */
  readonly see: (at: number, endpoint: Endpoint | undefined, billed?: number) => void
  /** Nobody knows: at least so many may be billed since the last look. */
  readonly assume: (at: number, replicas: number) => void
  /** When it was last looked at. */
  readonly seenAt: () => number
  /** How many are billed, as of the last look. */
  readonly replicas: () => number
  /** The most that were billed at one look. */
  readonly peak: () => number
  /** Every stretch between two times; those that go on end at the second. */
  readonly stretches: (from: number, to: number) => ReadonlyArray<Steps.Stretch>
  /** How many were billed from when on. */
  readonly steps: () => ReadonlyArray<Steps.Step>
  /**
   * The last time by which all must be over for a bill since `from` not to be more than so many minutes. `known` are the steps
   * to go by, where they are not those of the meter alone.
   */
  readonly latestEnd: (from: number, minutes: number, known?: ReadonlyArray<Steps.Step>) => number
}

/** A meter on which nothing was seen yet. */
export const make = (): Meter => {
  /** From `at` on, so many. */
  const steps: Array<Steps.Step> = []
  let last: Look | undefined
  let peak = 0

  const look = (next: Look) => {
    peak = Math.max(peak, next.replicas)
    const before = last?.replicas ?? 0
    // It was away for a moment that nobody saw: what began anew is billed a started minute more.
    if (last !== undefined && before > 0 && next.isBooting && !last.isBooting) {
      steps.push({ at: last.at, replicas: before + next.replicas }, { at: next.at, replicas: before })
    }
    // What waited for hardware when it was seen last had some before all was over, for all that is known.
    if (last !== undefined && next.replicas < before && last.coming > before) {
      steps.push({ at: last.at, replicas: last.coming })
    }
    if (next.replicas > before) steps.push({ at: last?.at ?? next.at, replicas: next.replicas })
    else if (next.replicas < before) steps.push({ at: next.at, replicas: next.replicas })
    last = next
  }

  return {
    see: (at, endpoint, billed) =>
      look(
        endpoint === undefined
          ? { at, replicas: 0, most: 0, coming: 0, isBooting: false }
          : {
              at,
              replicas: billed ?? endpoint.billedReplicas,
              most: mostReplicas(endpoint),
              coming: Math.max(billed ?? 0, endpoint.billedReplicas),
              isBooting: endpoint.state === "initializing" || endpoint.state === "pending"
            }
      ),
    assume: (at, replicas) =>
      look({
        at,
        replicas: Math.max(replicas, last?.replicas ?? 0),
        most: Math.max(replicas, last?.most ?? 0),
        coming: replicas,
        isBooting: true
      }),
    seenAt: () => last?.at ?? 0,
    replicas: () => last?.replicas ?? 0,
    peak: () => peak,
    stretches: (from, to) => Steps.stretches(steps, from, to),
    steps: () => steps,
    latestEnd: (from, allowed, known = steps) => {
      if (last === undefined || allowed > NO_CAP) return Infinity
      const { over, running } = Steps.split(known, from)
      const joining = Math.max(0, last.most - running.length)
      const seenAt = Math.max(from, last.at)
      const starts = [...running, ...Array.from({ length: joining }, () => seenAt)]
      if (starts.length === 0) return Infinity
      const left = allowed - Steps.minutes(over)
      const isWithin = (end: number) =>
        Steps.minutes(starts.map((start) => ({ from: start, to: Math.max(start, end) }))) <= left
      let [low, high] = [Math.min(...starts), Math.max(...starts) + (Math.max(0, left) + 1) * Steps.MINUTE]
      if (!isWithin(low)) return low
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        // Where there is no number between them, they are as near as they get.
        if (!(middle > low && middle < high)) break
        if (isWithin(middle)) low = middle
        else high = middle
      }
      return low
    }
  }
}
