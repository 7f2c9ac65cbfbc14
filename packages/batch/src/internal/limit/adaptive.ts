/**
 * The limit that finds itself, as plain functions of what it is told: answers, the engine's own numbers, replicas.
 */
import type { Description, Sample } from "../../Limit.ts"
import * as Ceiling from "./ceiling.ts"
import type { Reading } from "./engineMetrics.ts"
import * as Goodput from "./goodput.ts"
import * as Governor from "./governor.ts"

export interface Settings {
  /** In flight at first. */
  readonly seed: number
  readonly replicas: number
  /** In flight at most, whatever is learnt. */
  readonly max: number
  /** What one replica takes at a time by its own word: one more is refused. */
  readonly declared?: number | undefined
}

export interface Adaptive {
  readonly current: () => number
  readonly onSample: (sample: Sample) => void
  readonly onReading: (reading: Reading, at: number) => void
  readonly onReplicas: (replicas: number) => void
  readonly onReopened: () => void
  readonly describe: () => Description
}

/** In flight a replica at most while nothing says that the engine has room for more. */
const CAP = 512
/** A limit of which less is used is not to grow. */
const USED = 0.8
/** Of which so much is used is full, whoever waits. */
const FULL = 0.9
const CUT = 0.8
/** One burst of refusals takes the ceiling to no less than this part of what was in flight. */
const BURST = 0.5
const LONGEST_ROUND_TRIP = 30_000

export const make = (settings: Settings): Adaptive => {
  const { declared, max } = settings
  const ceiling = Ceiling.make()
  const guard = Goodput.make()
  const governor = Governor.make()
  let replicas = Math.max(1, settings.replicas)
  let source = "seed"
  let cutAt = -Infinity
  /** Whether anything was answered since the last cut, and how long answers take. */
  let hasAnswered = true
  let answerMillis: number | undefined
  let inFlight: number | undefined
  /** At first everything waits. */
  let isSaturated = true

  const most = () =>
    Math.max(
      1,
      Math.min(
        max,
        declared === undefined ? Infinity : declared * replicas,
        ceiling.at() ?? Infinity,
        governor.isLive() ? Infinity : Math.max(CAP * replicas, settings.seed)
      )
    )
  let limit = 1
  const set = (next: number, why: string) => {
    const before = limit
    limit = Math.min(most(), Math.max(1, next))
    if (limit !== before) source = why
  }
  limit = Math.min(most(), Math.max(1, settings.seed))

  const isBelowCeiling = () => limit < (ceiling.at() ?? 0) - 0.5

  const isUsed = () => isSaturated && (inFlight ?? limit) >= USED * limit

  const onBusy = (sample: Sample) => {
    // Once a round trip of answers; and while nothing is answered, more refusals say nothing about how much is borne.
    const isNew =
      hasAnswered &&
      sample.at - sample.durationMillis >= cutAt &&
      sample.at - cutAt >= Math.min(answerMillis ?? 0, LONGEST_ROUND_TRIP)
    // What was sent after the cut and refused as well tells of a refusing time, not of how much is borne.
    const isOfRound = isNew || sample.at - sample.durationMillis <= cutAt
    const least = isNew ? BURST * limit : 1
    if (isNew) {
      cutAt = sample.at
      hasAnswered = false
      guard.reset()
    }
    // Before the first answer nobody knows whether it is this one or everything that is refused.
    const wasProbe =
      isOfRound && answerMillis !== undefined && ceiling.onBusy(sample.at, sample.inFlight, least)
    set(isNew && !wasProbe ? CUT * Math.min(limit, sample.inFlight) : limit, "busy")
  }

  const onGood = ({ durationMillis }: Sample) => {
    hasAnswered = true
    answerMillis =
      answerMillis === undefined ? durationMillis : answerMillis + (durationMillis - answerMillis) / 16
  }

  const grow = (sample: Sample) => {
    const top = ceiling.at()
    if (top === undefined) return set(limit + (governor.isLive() ? 1 : guard.step()), "growth")
    if (limit < top - 0.5) return set(limit + Math.max(1, (top - limit) / 2) / limit, "growth")
    ceiling.onFull(sample.at)
    set(limit + 1, "growth")
  }

  return {
    current: () => Math.max(1, Math.floor(limit)),
    onSample: (sample) => {
      inFlight = sample.inFlight
      // Of several answers at one moment only the first finds somebody waiting.
      isSaturated = sample.isSaturated || inFlight >= FULL * limit
      if (sample.reason === "busy") return onBusy(sample)
      if (sample.reason !== undefined) return
      onGood(sample)
      governor.onAnswer(sample.at)
      if (!isSaturated) guard.pause()
      else if (!governor.isLive()) {
        const size = guard.onAnswer(sample.at, sample.inFlight, sample.outputTokens, limit)
        if (size !== undefined) return set(size, "goodput")
      }
      if (isUsed() && (governor.isLive() ? !governor.isFull() : guard.mayGrow() || isBelowCeiling())) {
        grow(sample)
      }
    },
    onReading: (reading, at) => {
      const wasLive = governor.isLive()
      const next = governor.onReading(reading, { at, inFlight, isUsed: isUsed(), limit, replicas })
      if (wasLive !== governor.isLive()) guard.reset()
      if (next !== undefined) set(next, "metrics")
    },
    onReplicas: (count) => {
      if (count < 1 || count === replicas) return
      const ratio = count / replicas
      replicas = count
      ceiling.scale(ratio)
      guard.reset()
      governor.reset()
      set(limit * ratio, "replicas")
    },
    onReopened: () => {
      // What it could do before it can do again; but its memory is empty, and perhaps fewer came back.
      guard.reset()
      governor.reset()
      inFlight = undefined
      set(Math.min(limit, settings.seed), "seed")
    },
    describe: () => {
      const top = ceiling.at() ?? (declared === undefined ? undefined : declared * replicas)
      return {
        limit: Math.max(1, Math.floor(limit)),
        ceiling: top === undefined ? undefined : Math.max(1, Math.floor(top)),
        source
      }
    }
  }
}
