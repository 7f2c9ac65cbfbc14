/**
 * On which line each key stood first: an open-addressed table of 64-bit digests, 12 bytes a slot, 17 to 34 bytes a key.
 */
import { digest } from "../digest.ts"

const LOAD = 0.7

export class FirstLines {
  private capacity = 1024
  private count = 0
  private highs = new Uint32Array(this.capacity)
  private lows = new Uint32Array(this.capacity)
  /** 0 marks an empty slot: lines count from 1. */
  private lines = new Uint32Array(this.capacity)

  /** Notes the key's line if the key is new; else gives the line that it stood on first. */
  seen(key: string, line: number): number | undefined {
    if (this.count >= LOAD * this.capacity) this.grow()
    const { high, low } = digest(key)
    const slot = this.slotOf(high, low)
    const first = this.lines[slot] ?? 0
    if (first !== 0) return first
    this.put(slot, high, low, line)
    this.count++
    return undefined
  }

  private put(slot: number, high: number, low: number, line: number): void {
    this.highs[slot] = high
    this.lows[slot] = low
    this.lines[slot] = line
  }

  private slotOf(high: number, low: number): number {
    const mask = this.capacity - 1
    let slot = low & mask
    while (this.lines[slot] !== 0 && !(this.highs[slot] === high && this.lows[slot] === low)) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private grow(): void {
    const { highs, lows, lines, capacity } = this
    this.capacity = capacity * 2
    this.highs = new Uint32Array(this.capacity)
    this.lows = new Uint32Array(this.capacity)
    this.lines = new Uint32Array(this.capacity)
    for (let old = 0; old < capacity; old++) {
      const line = lines[old] ?? 0
      if (line === 0) continue
      const high = highs[old] ?? 0
      const low = lows[old] ?? 0
      this.put(this.slotOf(high, low), high, low, line)
    }
  }
}
