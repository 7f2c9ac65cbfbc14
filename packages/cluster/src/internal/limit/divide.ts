/**
 * One limit divided among those who ask for a part of it, as plain functions.
 */

/** Who asks: for how many at the most. */
export interface Demand {
  readonly id: string
  readonly demand: number
}

/**
 * Parts in proportion to what is asked for, none larger than that, whole numbers, together no more than the total. Where there
 * is enough each who asks has one at least; where there is not, the first by name.
 */
export const divide = (total: number, demands: ReadonlyArray<Demand>): ReadonlyMap<string, number> => {
  const parts = new Map<string, number>(demands.map(({ id }) => [id, 0]))
  const asking = demands
    .filter(({ demand }) => demand >= 1)
    .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  let left = Math.max(0, Math.floor(total))
  for (const { id } of asking) {
    if (left === 0) return parts
    parts.set(id, 1)
    left--
  }
  const sum = asking.reduce((all, { demand }) => all + Math.floor(demand) - 1, 0)
  if (sum === 0) return parts
  const factor = Math.min(1, left / sum)
  const rests = asking.map(({ demand, id }) => {
    const exact = (Math.floor(demand) - 1) * factor
    const whole = Math.floor(exact)
    parts.set(id, 1 + whole)
    left -= whole
    return { id, rest: exact - whole }
  })
  for (const { id, rest } of rests.toSorted((a, b) => b.rest - a.rest)) {
    if (left <= 0 || rest === 0) break
    parts.set(id, (parts.get(id) ?? 0) + 1)
    left--
  }
  return parts
}

/** A member, as its keeper knows it. */
export interface Holding extends Demand {
  /** Requests that it had in flight when it spoke last. */
  readonly held: number
  /** What it was told then: it may use so much until it speaks again. */
  readonly heard: number
  /** What it will be told next. */
  readonly granted: number
}

/**
 * What each is to be told next. A part shrinks at once, and what becomes free of it is given away only once its holder has
 * heard of it and does with less: so what is in use never sums up to more than the total, but for the time between a fall of
 * the total and what its holders say next.
 */
export const grants = (total: number, holdings: ReadonlyArray<Holding>): ReadonlyMap<string, number> => {
  const wanted = divide(total, holdings)
  const given = new Map<string, number>()
  const kept = new Map<string, number>()
  let free = Math.floor(total)
  for (const { granted, heard, held, id } of holdings) {
    const part = Math.min(wanted.get(id) ?? 0, granted)
    const reserved = Math.max(held, heard, part)
    given.set(id, part)
    kept.set(id, reserved)
    free -= reserved
  }
  for (const { id } of holdings) {
    const want = wanted.get(id) ?? 0
    const reserved = kept.get(id) ?? 0
    // Up to what is reserved for it anyway it costs the others nothing.
    const part = Math.min(want, reserved + Math.max(0, free))
    free -= Math.max(0, part - reserved)
    given.set(id, Math.max(given.get(id) ?? 0, part))
  }
  return given
}
