/** Random numbers that a seed decides. */

/** Draws. */
export interface Dice {
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number
  /** One of some; `undefined` of none. */
  readonly pick: <A>(values: ReadonlyArray<A>) => A | undefined
}

/** Makes dice. */
export const make = (seed: number): Dice => {
  let state = seed | 0
  // Mulberry32: 32 bits of state are plenty for a few hundred draws.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return { between, pick: (values) => values[between(0, values.length - 1)] }
}
