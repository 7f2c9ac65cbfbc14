/**
 * What refusals teach: the most that was in flight without one. It is approached and not passed, until it has been quiet for
 * so long that one more may be asked for.
 *
 * A lesson holds at once and can be withdrawn. Of what was in flight the engine serves what it bears: where nothing of it is
 * served, or where less is refused as well, a time was at fault and not a number.
 */

const FIRST_PROBE_MILLIS = 300_000
const LAST_PROBE_MILLIS = 3_600_000

export interface Ceiling {
  readonly at: () => number | undefined
  /** Whether it was learnt from refusals alone: nothing of what was in flight has been served yet. */
  readonly isDoubtful: () => boolean
  /**
   * The first refusal of a burst of so many milliseconds, with so many in flight, itself included; whether it came of asking
   * for more than was known to be borne.
   */
  readonly learn: (now: number, inFlight: number, burstMillis: number) => boolean
  /** Any other refusal of a request sent at `sentAt`; whether the lesson is withdrawn for it. */
  readonly onBusy: (now: number, sentAt: number, inFlight: number) => boolean
  /** A good answer to a request sent at `sentAt`; whether the lesson is withdrawn for it. */
  readonly onGood: (sentAt: number) => boolean
  /** A good answer with the limit at the ceiling and others waiting: the ceiling may rise. */
  readonly onFull: (now: number) => void
  /** The endpoint has become so many times as large. */
  readonly scale: (ratio: number) => void
}

/** What a round of refusals taught, until something sent after it is answered. */
interface Lesson {
  readonly at: number
  readonly burstMillis: number
  /** What was known before. */
  readonly ceiling: number | undefined
  readonly patience: number
  /** Whether something of what was in flight has been served. */
  isServed: boolean
}

export const make = (): Ceiling => {
  let ceiling: number | undefined
  /** The ceiling before more was asked for. */
  let proved: number | undefined
  let lesson: Lesson | undefined
  let step = 1
  let answers = 0
  let quietSince = 0
  let patience = FIRST_PROBE_MILLIS

  const withdraw = ({ ceiling: before, patience: wait }: Lesson) => {
    ceiling = before
    patience = wait
    lesson = undefined
    return true
  }

  return {
    at: () => ceiling,
    isDoubtful: () => lesson?.isServed === false,
    learn: (now, inFlight, burstMillis) => {
      const wasProbe = proved !== undefined
      const before = proved ?? ceiling
      lesson = { at: now, burstMillis, ceiling: before, patience, isServed: false }
      ceiling = Math.min(before ?? Infinity, Math.max(1, inFlight - 1))
      if (wasProbe) patience = Math.min(LAST_PROBE_MILLIS, 2 * patience)
      quietSince = now
      proved = undefined
      answers = 0
      step = 1
      // Alone, and refused.
      if (inFlight <= 1) withdraw(lesson)
      return wasProbe
    },
    onBusy: (now, sentAt, inFlight) => {
      quietSince = now
      if (lesson === undefined || ceiling === undefined) return false
      // Sent later, with no more in flight than was thought to be borne.
      if (sentAt > lesson.at) return inFlight <= ceiling && withdraw(lesson)
      // Nothing is left that could be served.
      if (inFlight <= 1 && !lesson.isServed) return withdraw(lesson)
      if (now - lesson.at > lesson.burstMillis) return false
      // Of a burst of refusals the last one knows best.
      ceiling = Math.min(ceiling, Math.max(1, inFlight - 1))
      return false
    },
    onGood: (sentAt) => {
      if (lesson === undefined) return false
      if (sentAt <= lesson.at) {
        lesson.isServed = true
        return false
      }
      if (!lesson.isServed) return withdraw(lesson)
      lesson = undefined
      return false
    },
    onFull: (now) => {
      if (ceiling === undefined || now - quietSince < patience) return
      // Each step that a whole round of answers bears is followed by one twice as large.
      if (proved !== undefined && ++answers < ceiling) return
      answers = 0
      proved = ceiling
      ceiling += step
      step *= 2
    },
    scale: (ratio) => {
      if (ceiling !== undefined) ceiling = Math.max(1, ceiling * ratio)
      lesson = undefined
      proved = undefined
      step = 1
    }
  }
}
