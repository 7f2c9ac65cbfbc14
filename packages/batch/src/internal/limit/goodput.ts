/**
 * What more requests in flight bring, where the engine does not tell how it is: output tokens a second, a round at a time.
 *
 * A round is as many good answers as may be in flight. While rounds get better the limit may grow; after two that do not, it
 * stays at a little more than the best size. More is tried from time to time, and a size whose answers have become rare is
 * found anew: memory, replicas and the length of answers change in mid-run.
 */

/** Less than this is noise: answers differ in length. */
const BETTER = 1.05
/** Below this part of the best, what was learnt is about another time. */
const WORSE = 0.7
const FLAT_ROUNDS = 2
const HEADROOM = 1.25
/** Fewer answers than this say nothing. */
const LEAST_ROUND = 32
const FIRST_PROBE_MILLIS = 60_000
const LAST_PROBE_MILLIS = 600_000

interface Round {
  /** How many answers it is to have. */
  readonly length: number
  since: number
  answers: number
  tokens: number
  inFlight: number
}

interface Measured {
  /** Answers, and their tokens, a millisecond. */
  readonly answers: number
  readonly tokens: number
  readonly size: number
}

/**
 * How much better a round is, by the lesser of two counts. Short answers come first: after each growth tokens are counted too
 * late, so that they seem to rise for long; and where answers get shorter or longer their number alone says nothing.
 */
const ratio = (now: Measured, then: Measured) =>
  Math.min(now.tokens / then.tokens, now.answers / then.answers)

export interface Guard {
  /** Whether the limit may grow by itself. */
  readonly mayGrow: () => boolean
  /** By how much it may for each answer. */
  readonly step: () => number
  /** A good answer while others waited; the size that the limit is to take, where the guard decides. */
  readonly onAnswer: (
    at: number,
    inFlight: number,
    tokens: number | undefined,
    limit: number
  ) => number | undefined
  /** Nothing waits: what is measured now is not what the endpoint can do. */
  readonly pause: () => void
  /** Forgets everything. */
  readonly reset: () => void
}

type Phase = "growing" | "holding" | "settling" | "probing"

const begin = (since: number, limit: number): Round => ({
  length: Math.max(LEAST_ROUND, limit),
  since,
  answers: 0,
  tokens: 0,
  inFlight: 0
})

export const make = (): Guard => {
  let phase: Phase = "growing"
  let round: Round | undefined
  let best: Measured | undefined
  let flat = 0
  let bad = 0
  let held = 0
  let probeAt = 0
  let probeEvery = FIRST_PROBE_MILLIS
  let isCounting = false

  const reset = () => {
    phase = "growing"
    round = undefined
    best = undefined
    flat = 0
    bad = 0
    probeEvery = FIRST_PROBE_MILLIS
  }

  const hold = (at: number, size: number) => {
    phase = "holding"
    held = size
    bad = 0
    probeAt = at + probeEvery
    return held
  }

  const isBetter = (now: Measured) => best === undefined || ratio(now, best) > BETTER

  const growing = (at: number, now: Measured) => {
    if (isBetter(now)) {
      best = now
      flat = 0
      return undefined
    }
    if (++flat < FLAT_ROUNDS || best === undefined) return undefined
    return hold(at, HEADROOM * best.size)
  }

  const holding = (at: number, now: Measured) => {
    if (best !== undefined && now.tokens < WORSE * best.tokens) {
      if (++bad < FLAT_ROUNDS) return undefined
      const size = HEADROOM * held * (now.tokens / best.tokens)
      reset()
      return Math.min(held, size)
    }
    bad = 0
    if (at < probeAt) return undefined
    phase = "settling"
    best = now
    return Math.max(held + 1, HEADROOM * held)
  }

  const probed = (at: number, now: Measured) => {
    if (isBetter(now)) {
      best = now
      flat = 0
      phase = "growing"
      probeEvery = FIRST_PROBE_MILLIS
      return undefined
    }
    probeEvery = Math.min(LAST_PROBE_MILLIS, 2 * probeEvery)
    return hold(at, held)
  }

  const decide = (at: number, now: Measured): number | undefined => {
    switch (phase) {
      case "growing":
        return growing(at, now)
      case "holding":
        return holding(at, now)
      case "settling":
        // The answers of this round were asked for before the limit rose.
        phase = "probing"
        return undefined
      case "probing":
        return probed(at, now)
    }
  }

  return {
    mayGrow: () => phase === "growing",
    // Nothing is known before the first round, and a short job has no more than one.
    step: () => (best === undefined ? 2 : 1),
    onAnswer: (at, inFlight, tokens, limit) => {
      // Tokens and answers are not compared with each other.
      if (tokens === undefined && !isCounting) {
        isCounting = true
        reset()
      }
      // The first answer only starts the watch.
      if (round === undefined) {
        round = begin(at, limit)
        return undefined
      }
      round.answers++
      round.tokens += isCounting ? 1 : (tokens ?? 1)
      round.inFlight += inFlight
      const { answers, length, since } = round
      if (answers < length || at <= since) return undefined
      const now = {
        answers: answers / (at - since),
        tokens: round.tokens / (at - since),
        size: round.inFlight / answers
      }
      const size = decide(at, now)
      round = begin(at, size ?? limit)
      return size
    },
    pause: () => {
      round = undefined
    },
    reset
  }
}
