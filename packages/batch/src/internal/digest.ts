/**
 * 64 bits of a text, quickly: for recognising a key or a request again, not for security.
 *
 * Two 32-bit multiplicative hashes with mixed ends. At ten million keys a collision has a chance of about 3 in a million,
 * and one alone does no harm: key and fingerprint must both collide for a row to be taken for another.
 */
export interface Digest {
  readonly high: number
  readonly low: number
}

const mixHigh = 0xdeadbeef
const mixLow = 0x41c6ce57

const mix = (high: number, low: number, text: string): readonly [number, number] => {
  let h1 = high
  let h2 = low
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    h1 = Math.imul(h1 ^ code, 2654435761)
    h1 ^= h1 >>> 15
    h2 = Math.imul(h2 ^ code, 1597334677)
    h2 ^= h2 >>> 13
  }
  return [h1, h2]
}

const finish = (first: number, second: number): Digest => {
  const h1 = Math.imul(first ^ (first >>> 16), 2246822507) ^ Math.imul(second ^ (second >>> 13), 3266489909)
  const h2 = Math.imul(second ^ (second >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  return { high: h2 >>> 0, low: h1 >>> 0 }
}

/**
 * Digests texts that begin alike: the digest of `prefix + text`, without joining the two. The text is read once, where it
 * lies: to join first would copy it.
 */
export const digestAfter = (prefix: string): ((text: string) => Digest) => {
  const [high, low] = mix(mixHigh, mixLow, prefix)
  return (text) => finish(...mix(high, low, text))
}

export const digest: (text: string) => Digest = digestAfter("")

/** The digest of the text that these bytes are, where each is a character of its own (ASCII). */
export const digestAscii = (bytes: Uint8Array, start: number, end: number): Digest => {
  let h1 = mixHigh
  let h2 = mixLow
  for (let i = start; i < end; i++) {
    const code = bytes[i] ?? 0
    h1 = Math.imul(h1 ^ code, 2654435761)
    h1 ^= h1 >>> 15
    h2 = Math.imul(h2 ^ code, 1597334677)
    h2 ^= h2 >>> 13
  }
  return finish(h1, h2)
}

const hex = (word: number) => word.toString(16).padStart(8, "0")

/** Sixteen hexadecimal digits. */
export const toHex = ({ high, low }: Digest): string => hex(high) + hex(low)

/** The digest that {@link toHex} wrote. */
export const fromHex = (text: string): Digest => ({
  high: Number.parseInt(text.slice(0, 8), 16) >>> 0,
  low: Number.parseInt(text.slice(8), 16) >>> 0
})
