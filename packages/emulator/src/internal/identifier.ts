/** Identifiers that look random and are the same in every run: a host's label, a commit, an account. */
import * as Hash from "effect/Hash"

// Murmur's finaliser: neighbouring hashes must not give neighbouring digits.
const mix = (hash: number): number => {
  let h = hash | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const digits = (seed: string, base: number, length: number): string =>
  Array.from({ length }, (_, place) => (mix(Hash.string(`${place} ${seed}`)) % base).toString(base)).join("")

/** The first label of an endpoint's host: 16 letters and digits. */
export const host = (seed: string): string => digits(seed, 36, 16)

/** A commit of a repository: 40 hexadecimal digits. */
export const commit = (seed: string): string => digits(seed, 16, 40)

/** An account or a request: 24 hexadecimal digits. */
export const object = (seed: string): string => digits(seed, 16, 24)
