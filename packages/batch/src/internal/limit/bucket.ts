/** A bucket that fills with time: what is taken beyond what it holds is waited for. */

/** How much it holds at most, in seconds of its rate. */
const BURST_SECONDS = 5

export interface Bucket {
  /** Takes an amount; how many milliseconds to wait until it may be used. */
  readonly take: (now: number, amount: number) => number
  /** Gives back what was not used; a negative amount takes what was used beside. */
  readonly give: (now: number, amount: number) => void
}

export const make = (perMinute: number, now: number): Bucket => {
  const perMilli = perMinute / 60_000
  const most = Math.max(1, (perMinute * BURST_SECONDS) / 60)
  let level = most
  let at = now

  const refill = (now: number) => {
    level = Math.min(most, level + Math.max(0, now - at) * perMilli)
    at = Math.max(at, now)
  }

  return {
    take: (now, amount) => {
      refill(now)
      level -= amount
      return level >= 0 ? 0 : -level / perMilli
    },
    give: (now, amount) => {
      refill(now)
      level = Math.min(most, level + amount)
    }
  }
}
