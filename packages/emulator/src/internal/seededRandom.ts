/** Numbers that look random and are the same for the same seed, without an effect for each of them. */

/** Evenly spread over [0, 1). */
export type SeededRandom = () => number

/** Makes a generator of 32 bits of state: a counter by the golden ratio, mixed. No use as a secret. */
export const make = (seed: number): SeededRandom => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

/** A seed made of a text (FNV-1a). */
export const seedOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** A number whose logarithm is normally distributed around `median`'s. */
export const logNormal = (random: SeededRandom, median: number, sigma: number): number =>
  median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
