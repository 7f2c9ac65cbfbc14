/**
 * What refusals teach: the most that was in flight without one. It is approached and not passed, until it has been quiet for
 * so long that one more may be asked for.
 */

const FIRST_PROBE_MILLIS = 300_000
const LAST_PROBE_MILLIS = 3_600_000

export interface Ceiling {
  readonly at: () => number | undefined
  /**
   * A refusal with so many in flight, itself included; whether it came of asking for more than was known to be borne. One
   * burst takes the ceiling no lower than `least`: where everything is refused, few are in flight because they are.
   */
  readonly onBusy: (now: number, inFlight: number, least: number) => boolean
  /** A good answer with the limit at the ceiling and others waiting: the ceiling may rise. */
  readonly onFull: (now: number) => void
  /** The endpoint has become so many times as large. */
  readonly scale: (ratio: number) => void
}

export const make = (): Ceiling => {
  let ceiling: number | undefined
  /** The ceiling before more was asked for. */
  let proved: number | undefined
  let step = 1
  let answers = 0
  let quietSince = 0
  let patience = FIRST_PROBE_MILLIS

  return {
    at: () => ceiling,
    onBusy: (now, inFlight, least) => {
      const wasProbe = proved !== undefined
      // Of a burst of refusals the last one knows best.
      ceiling = Math.min(proved ?? ceiling ?? Infinity, Math.max(1, least, inFlight - 1))
      if (wasProbe) patience = Math.min(LAST_PROBE_MILLIS, 2 * patience)
      quietSince = now
      proved = undefined
      answers = 0
      step = 1
      return wasProbe
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
      proved = undefined
      step = 1
    }
  }
}
