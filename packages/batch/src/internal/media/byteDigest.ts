/**
 * 64 bits of a file's content, as it is read: for recognising it again, not for security.
 */
import { toHex } from "../digest.ts"

/** Reads bytes piece by piece; the pieces themselves make no difference. */
export class ByteDigest {
  private h1 = 0xdeadbeef | 0
  private h2 = 0x41c6ce57
  /** How many bytes were read. */
  length = 0

  update(bytes: Uint8Array): this {
    let { h1, h2 } = this
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0
      h1 = Math.imul(h1 ^ byte, 2654435761)
      h1 ^= h1 >>> 15
      h2 = Math.imul(h2 ^ byte, 1597334677)
      h2 ^= h2 >>> 13
    }
    this.h1 = h1
    this.h2 = h2
    this.length += bytes.length
    return this
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    const { h1, h2 } = this
    const high = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
    const low = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
    return toHex({ high: high >>> 0, low: low >>> 0 })
  }
}
