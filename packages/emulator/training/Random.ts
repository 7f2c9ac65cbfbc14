/** Numbers that look random and are the same in every run. */
export interface Random {
  /** Evenly spread over [0, 1). */
  readonly next: () => number
  /** Normally distributed, mean 0 and deviation 1. */
  readonly nextGaussian: () => number
}

/** A linear congruential generator of 32 bits: plenty to shuffle and initialise with, useless as a secret. */
export const make = (seed: number): Random => {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const nextGaussian = () => Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next())
  return { next, nextGaussian }
}
