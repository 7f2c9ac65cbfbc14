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
/** While nothing sent after a cut is served, more cuts leave this at least: all may be refused, whatever is sent. */
const LEAST = 1 / 8
/** Refusals that belong together come within this part of the time of an answer. */
const BURST = 1 / 4
const LONGEST_ROUND_TRIP = 30_000

export const make = (settings: Settings): Adaptive => {
  const { declared, max } = settings
  const ceiling = Ceiling.make()
  const guard = Goodput.make()
  const governor = Governor.make()
  let replicas = Math.max(1, settings.replicas)
  let source = "seed"
  let cutAt = -Infinity
  /** Whether anything sent after the last cut was served. */
  let isServed = true
  /** The limit before the first cut since anything was served, and after the last one. */
  let uncut = 1
  let cut = 1
  /** How long good answers take. */
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
        Math.max(ceiling.at() ?? Infinity, ceiling.isDoubtful() ? LEAST * uncut : 1),
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

  const isUsed = () => isSaturated && (inFlight ?? limit) >= USED * Math.floor(limit)

  const onBusy = ({ at, durationMillis, inFlight }: Sample) => {
    const sentAt = at - durationMillis
    // A refusal takes milliseconds: what a cut has changed shows in answers.
    const isNew = sentAt > cutAt && at - cutAt >= Math.min(answerMillis ?? 0, LONGEST_ROUND_TRIP)
    const isFirst = isNew && isServed
    if (isFirst) uncut = limit
    const before = limit
    let wasProbe = false
    if (isFirst) wasProbe = ceiling.learn(at, inFlight, BURST * (answerMillis ?? Infinity))
    else if (ceiling.onBusy(at, sentAt, inFlight)) set(Math.max(limit, cut), "busy")
    if (isNew) {
      cutAt = at
      isServed = false
      guard.reset()
      cut = wasProbe ? before : Math.min(before, Math.max(LEAST * uncut, CUT * Math.min(before, inFlight)))
    }
    set(isNew ? cut : limit, "busy")
  }

  const onGood = ({ at, durationMillis }: Sample) => {
    const sentAt = at - durationMillis
    if (sentAt > cutAt) isServed = true
    answerMillis =
      answerMillis === undefined ? durationMillis : answerMillis + (durationMillis - answerMillis) / 16
    const wasDoubtful = ceiling.isDoubtful()
    const isWithdrawn = ceiling.onGood(sentAt)
    if (isWithdrawn || wasDoubtful) set(isWithdrawn ? Math.max(limit, cut) : limit, "busy")
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
      isSaturated = sample.isSaturated || inFlight >= FULL * Math.floor(limit)
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
