/**
 * How fast a run goes lately, and when it may be through: from a count that is looked at now and then.
 *
 * The speed is that of the latest third of the run, so that a slow start is forgotten and one slow moment is not all there is.
 * How far its stretches lie from one another says how much the rest may differ: the more stretches were seen and the more are
 * to come, the less. A speed that still goes up or down makes it more. The last rows are through when the longest of them is,
 * not when the average says so: the time of a row, by Little's law, is added to the far end, and what is in flight taken off
 * the near one.
 */

/** Milliseconds from now until all is done: at the earliest, likely, at the latest, as far as the run so far tells. */
export interface TimeLeft {
  readonly lowMillis: number
  readonly expectedMillis: number
  readonly highMillis: number
}

/** What is done, looked at now and then. */
export interface Pace {
  /** A look: so many are done at that time, in milliseconds. */
  readonly see: (at: number, done: number) => void
  /** Items a second lately: over half a minute, or the time that ten took. `undefined` before the first. */
  readonly rate: () => number | undefined
  /** When the rest is done; `undefined` while that cannot be told. */
  readonly left: (rest: number, inFlight: number) => TimeLeft | undefined
}

interface Look {
  readonly at: number
  readonly done: number
}

const SECOND = 1000

/** Stretches that are kept; where there would be more, each two become one. */
const MOST = 64
/** Fewer stretches, and fewer items in them, tell nothing. */
const FEWEST = 5
const FEWEST_ITEMS = 10
/** The speed that is shown is of so long. */
const LATELY = 30 * SECOND
/** A speed that is less sure than that is not told. */
const UNSURE = 1.5
/** The far end is at most four times as far as the speed says. */
const SLOWER = 0.75
/** What no history of this run tells. */
const AT_LEAST = 0.03

const spanOf = (looks: ReadonlyArray<Look>, from: number) => {
  const [first, last] = [looks[from], looks.at(-1)]
  if (first === undefined || last === undefined) return { millis: 0, done: 0 }
  return { millis: last.at - first.at, done: last.done - first.done }
}

const rateOf = ({ done, millis }: { readonly millis: number; readonly done: number }) =>
  millis <= 0 ? 0 : done / millis

/** The looks of the latest third, and no fewer than it takes to tell anything. */
const latest = (looks: ReadonlyArray<Look>): ReadonlyArray<Look> => {
  const all = looks.length - 1
  return looks.slice(-Math.max(FEWEST, Math.ceil(all / 3)) - 1)
}

/**
 * How much a speed may be off, as a part of it: for what was seen, and for stretches to come that last as long as `ahead` of
 * these.
 */
const doubt = (looks: ReadonlyArray<Look>, ahead: number) => {
  const whole = spanOf(looks, 0)
  const mean = rateOf(whole)
  const stretches = looks.length - 1
  let squares = 0
  for (let at = 1; at < looks.length; at++) {
    const stretch = spanOf(looks.slice(at - 1, at + 1), 0)
    squares += stretch.millis * (rateOf(stretch) - mean) ** 2
  }
  // Of the mean of all; what is counted differs by chance alone as much as the root of its number.
  const spread = Math.max(squares / whole.millis / mean ** 2 / (stretches - 1), 1 / whole.done)
  const middle = Math.floor(stretches / 2)
  const [early, late] = [looks.slice(0, middle + 1), looks.slice(middle)]
  const drift = (rateOf(spanOf(late, 0)) - rateOf(spanOf(early, 0))) / mean / 2
  return {
    seen: 2 * Math.sqrt(spread + drift ** 2) + AT_LEAST,
    toCome: 2 * Math.sqrt((spread * stretches) / ahead)
  }
}

/** A pace of which nothing was seen yet. */
export const make = (): Pace => {
  let span = SECOND
  let coarse: ReadonlyArray<Look> = []
  let fine: ReadonlyArray<Look> = []

  const see = (at: number, done: number) => {
    const before = fine.at(-1)
    if (before !== undefined && at - before.at < SECOND) return
    const look = { at, done }
    const recent = fine.filter((one) => at - one.at <= LATELY)
    // The last before them begins the half minute.
    fine = [...fine.slice(-recent.length - 1), look].slice(-MOST)
    const last = coarse.at(-1)
    if (last !== undefined && at - last.at < span) return
    coarse = [...coarse, look]
    if (coarse.length <= MOST) return
    coarse = coarse.filter((_, i) => i % 2 === 0)
    span *= 2
  }

  return {
    see,
    rate: () => {
      const lately = spanOf(fine, 0)
      if (lately.done >= FEWEST_ITEMS) return rateOf(lately) * SECOND
      const now = fine.at(-1)
      if (now === undefined) return undefined
      const from = coarse.findLast(({ done }) => now.done - done >= FEWEST_ITEMS) ?? coarse[0]
      if (from === undefined || now.at <= from.at || now.done === 0) return undefined
      return rateOf(spanOf([from, now], 0)) * SECOND
    },
    left: (rest, inFlight) => {
      if (rest <= 0) return { lowMillis: 0, expectedMillis: 0, highMillis: 0 }
      const now = fine.at(-1)
      if (now === undefined || coarse.length <= FEWEST) return undefined
      const looks = latest(coarse)
      const seen = spanOf(looks, 0)
      if (seen.done < FEWEST_ITEMS) return undefined
      const rate = rateOf(seen)
      const expectedMillis = rest / rate
      const off = doubt(looks, (expectedMillis * (looks.length - 1)) / seen.millis)
      if (off.seen > UNSURE) return undefined
      const ofRow = inFlight / rate
      return {
        lowMillis: Math.max(0, rest - inFlight) / (rate * (1 + Math.hypot(off.seen, off.toCome))),
        expectedMillis,
        highMillis: expectedMillis * (1 / (1 - Math.min(SLOWER, off.seen)) + off.toCome) + ofRow
      }
    }
  }
}
