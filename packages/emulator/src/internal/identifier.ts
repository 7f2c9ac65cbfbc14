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

/** A replica: five letters and digits. */
export const replica = (seed: string): string => digits(seed, 36, 5)

/** A request: 24 hexadecimal digits, quick to make. */
export const request = (nth: number): string =>
  [0, 1, 2]
    .map((part) =>
      mix(Math.imul(nth, 3) + part + 1)
        .toString(16)
        .padStart(8, "0")
    )
    .join("")

/** An account: 24 hexadecimal digits. */
export const object = (seed: string): string => digits(seed, 16, 24)
