/**
 * How often which size came up: cells that each are a tenth wider than the one before, so that a value costs one increment,
 * and any share of them can be told to a twentieth, however many there are.
 */

/** Cells of one doubling. */
const PER_DOUBLING = 8
/** From 1 to more than 10^9, and one for all below. */
const CELLS = 30 * PER_DOUBLING + 1

/** Counted values; 0 and above. */
export interface Histogram {
  count: number
  sum: number
  least: number
  most: number
  readonly cells: Uint32Array
}

/** One stretch of a histogram: `from` included, `to` not. */
export interface Bar {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** Makes an empty one. */
export const make = (): Histogram => ({
  count: 0,
  sum: 0,
  least: Infinity,
  most: 0,
  cells: new Uint32Array(CELLS)
})

const cellOf = (value: number) =>
  value < 1 ? 0 : Math.min(CELLS - 1, 1 + Math.floor(Math.log2(value) * PER_DOUBLING + 1e-9))

/** Where a cell begins. */
const edge = (cell: number) => (cell === 0 ? 0 : 2 ** ((cell - 1) / PER_DOUBLING))

/** Counts a value; what is no number from 0 up is passed over. */
export const add = (histogram: Histogram, value: number): void => {
  if (!(value >= 0) || value === Infinity) return
  const cell = cellOf(value)
  histogram.count++
  histogram.sum += value
  histogram.least = Math.min(histogram.least, value)
  histogram.most = Math.max(histogram.most, value)
  histogram.cells[cell] = (histogram.cells[cell] ?? 0) + 1
}

/** Adds all values of `more` to `histogram`. */
export const merge = (histogram: Histogram, more: Histogram): void => {
  histogram.count += more.count
  histogram.sum += more.sum
  histogram.least = Math.min(histogram.least, more.least)
  histogram.most = Math.max(histogram.most, more.most)
  for (let cell = 0; cell < CELLS; cell++) {
    histogram.cells[cell] = (histogram.cells[cell] ?? 0) + (more.cells[cell] ?? 0)
  }
}

/**
 * The value that a share of all are at most, off by a twentieth at most; `undefined` where there is none.
 *
 * **Example** (Half of them)
 *
 * ```ts
 * import { Histogram } from "@stint/batch"
 *
 * const times = Histogram.make()
 * for (const millis of [100, 100, 100, 9000]) Histogram.add(times, millis)
 * console.log(Math.round((Histogram.quantile(times, 0.5) ?? 0) / 10)) // => 10
 * ```
 */
export const quantile = (histogram: Histogram, share: number): number | undefined => {
  if (histogram.count === 0) return undefined
  const wanted = Math.max(1, Math.ceil(share * histogram.count))
  if (wanted >= histogram.count) return histogram.most
  let seen = 0
  for (let cell = 0; cell < CELLS; cell++) {
    seen += histogram.cells[cell] ?? 0
    if (seen < wanted) continue
    const middle = cell === 0 ? 0 : Math.sqrt(edge(cell) * edge(cell + 1))
    return Math.min(histogram.most, Math.max(histogram.least, middle))
  }
  return histogram.most
}

/**
 * What was counted as at most so many bars, each as many times as wide as the one before it; the empty ones at both ends are
 * left out.
 */
export const bars = (histogram: Histogram, most = 24): ReadonlyArray<Bar> => {
  if (histogram.count === 0) return []
  const first = histogram.cells.findIndex((count) => count > 0)
  const last = histogram.cells.findLastIndex((count) => count > 0)
  const width = Math.ceil((last - first + 1) / most)
  return Array.from({ length: Math.ceil((last - first + 1) / width) }, (_, at) => {
    const from = first + at * width
    const to = from + width
    return {
      from: edge(from),
      to: edge(to),
      count: histogram.cells.subarray(from, to).reduce((sum, count) => sum + count, 0)
    }
  })
}
