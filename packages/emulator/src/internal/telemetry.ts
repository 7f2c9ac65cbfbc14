/**
 * What was seen of an endpoint's traffic, in buckets of half a minute: at most a day's worth of them, whatever comes.
 */

/** The width of a bucket, in milliseconds. */
export const step = 30_000

/** How many buckets are kept: those that something happened in, so a day at least. */
const keptBuckets = 2_880

/** How many changes of the number of replicas are kept, and how many replicas are counted apart. */
const keptChanges = 2_000

/** How many requests at once keep a replica fully busy. A guess: nothing here measures a processor. */
const fullLoad = 4

/** A histogram of durations whose bins are one percent wide. */
export type Histogram = Map<number, number>

const width = Math.log(1.01)

const observe = (histogram: Histogram, millis: number) => {
  const bin = Math.round(Math.log(Math.max(millis, 0.01)) / width)
  histogram.set(bin, (histogram.get(bin) ?? 0) + 1)
}

/** The duration, in milliseconds, that a share of all stays below; `null` where there are none. */
export const quantile = (histogram: Histogram, share: number): number | null => {
  const bins = [...histogram].toSorted(([a], [b]) => a - b)
  const total = bins.reduce((sum, [, count]) => sum + count, 0)
  let seen = 0
  for (const [bin, count] of bins) {
    seen += count
    if (seen >= share * total) return Math.round(Math.exp(bin * width) * 1000) / 1000
  }
  return null
}

/** Half a minute. */
export interface Bucket {
  readonly statuses: Map<string, number>
  readonly latencies: Histogram
  /** Requests at work, times the milliseconds they were. */
  pending: number
}

/** From `at` on, so many replicas answered, and so many were on their way. */
export interface Change {
  readonly at: number
  readonly running: number
  readonly starting: number
}

/** What was seen since the endpoint was made. */
export interface Telemetry {
  readonly begin: (now: number) => void
  readonly end: (
    now: number,
    answer: { readonly status: number; readonly replica: string | undefined; readonly millis: number }
  ) => void
  readonly replicas: (now: number, running: number, starting: number) => void
  /** Requests at work, times milliseconds, since the start. */
  readonly area: (now: number) => number
  readonly buckets: (now: number) => ReadonlyMap<number, Bucket>
  readonly changes: ReadonlyArray<Change>
  /** Answers by replica and status, since the start. */
  readonly answers: ReadonlyMap<string, { readonly replica: string; readonly status: string; count: number }>
  readonly latency: { readonly histogram: Histogram; sum: number; count: number }
}

/** Makes one that has seen nothing, and takes no memory until it does. */
export const make = (): Telemetry => {
  const buckets = new Map<number, Bucket>()
  const changes: Array<Change> = []
  const answers = new Map<string, { replica: string; status: string; count: number }>()
  const latency = { histogram: new Map<number, number>(), sum: 0, count: 0 }
  let atWork = 0
  let since = 0
  let total = 0

  const bucketAt = (millis: number): Bucket => {
    const index = Math.floor(millis / step)
    const found = buckets.get(index)
    if (found !== undefined) return found
    const made = { statuses: new Map<string, number>(), latencies: new Map<number, number>(), pending: 0 }
    buckets.set(index, made)
    const oldest = buckets.keys().next()
    if (buckets.size > keptBuckets && oldest.done !== true) buckets.delete(oldest.value)
    return made
  }

  const advance = (now: number) => {
    if (atWork > 0) {
      total += atWork * (now - since)
      // What is older than all buckets would be thrown out again.
      let from = Math.max(since, now - keptBuckets * step)
      while (from < now) {
        const to = Math.min(now, (Math.floor(from / step) + 1) * step)
        bucketAt(from).pending += atWork * (to - from)
        from = to
      }
    }
    since = now
  }

  return {
    begin: (now) => {
      advance(now)
      atWork += 1
    },
    end: (now, { millis, replica = "", status }) => {
      advance(now)
      atWork -= 1
      const bucket = bucketAt(now)
      const code = String(status)
      bucket.statuses.set(code, (bucket.statuses.get(code) ?? 0) + 1)
      observe(bucket.latencies, millis)
      observe(latency.histogram, millis)
      latency.sum += millis
      latency.count += 1
      const key = `${replica} ${code}`
      const counted = answers.get(key)
      if (counted !== undefined) counted.count += 1
      else if (answers.size < keptChanges) answers.set(key, { replica, status: code, count: 1 })
    },
    replicas: (at, running, starting) => {
      const last = changes.at(-1)
      if ((last?.running ?? 0) === running && (last?.starting ?? 0) === starting) return
      changes.push({ at, running, starting })
      if (changes.length > keptChanges) changes.shift()
    },
    area: (now) => {
      advance(now)
      return total
    },
    buckets: (now) => {
      advance(now)
      return buckets
    },
    changes,
    answers,
    latency
  }
}

/** How busy each of some replicas is, in percent, with so many requests at work on the average. */
export const usage = (atWork: number, replicas: number): number =>
  replicas === 0 ? 0 : Math.min(100, (100 * atWork) / (replicas * fullLoad))
