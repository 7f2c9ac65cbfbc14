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

export const digest = (text: string): Digest => {
  let h1 = 0xdeadbeef
  let h2 = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    h1 = Math.imul(h1 ^ code, 2654435761)
    h2 = Math.imul(h2 ^ code, 1597334677)
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  return { high: h2 >>> 0, low: h1 >>> 0 }
}

const hex = (word: number) => word.toString(16).padStart(8, "0")

/** Sixteen hexadecimal digits. */
export const toHex = ({ high, low }: Digest): string => hex(high) + hex(low)
