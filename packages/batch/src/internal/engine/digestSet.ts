/**
 * A set of digests: open-addressed tables on typed arrays, 8 bytes a slot, 10 to 20 bytes a digest.
 *
 * It is cut into segments that grow one by one, so that growing never holds everything twice.
 */
import type { Digest } from "../digest.ts"

const LOAD = 0.75
const SEGMENT_BITS = 6

class Segment {
  private mask = 63
  private count = 0
  /** `high` and `low` of each digest; two zeros mark an empty slot. */
  private table = new Uint32Array(2 * (this.mask + 1))

  /** The digest is not two zeros. */
  add(high: number, low: number): boolean {
    if (!this.put(high, low)) return false
    if (++this.count > LOAD * this.mask) this.grow()
    return true
  }

  private put(high: number, low: number): boolean {
    const { mask, table } = this
    let slot = low & mask
    for (;;) {
      const foundHigh = table[2 * slot] ?? 0
      const foundLow = table[2 * slot + 1] ?? 0
      if (foundHigh === high && foundLow === low) return false
      if (foundHigh === 0 && foundLow === 0) break
      slot = (slot + 1) & mask
    }
    table[2 * slot] = high
    table[2 * slot + 1] = low
    return true
  }

  private grow(): void {
    const old = this.table
    this.mask = 2 * this.mask + 1
    this.table = new Uint32Array(2 * (this.mask + 1))
    for (let at = 0; at < old.length; at += 2) {
      const high = old[at] ?? 0
      const low = old[at + 1] ?? 0
      if (high !== 0 || low !== 0) this.put(high, low)
    }
  }
}

export class DigestSet {
  private readonly segments = Array.from({ length: 2 ** SEGMENT_BITS }, () => new Segment())
  private hasZero = false
  private count = 0

  get size(): number {
    return this.count
  }

  /** Whether the digest is new. */
  add({ high, low }: Digest): boolean {
    const isNew = high === 0 && low === 0 ? !this.hasZero : this.segmentOf(high).add(high, low)
    if (high === 0 && low === 0) this.hasZero = true
    if (isNew) this.count++
    return isNew
  }

  private segmentOf(high: number): Segment {
    const segment = this.segments[high >>> (32 - SEGMENT_BITS)]
    return segment ?? new Segment()
  }
}
