/**
 * Where the last record of each key lies: an open-addressed table on typed arrays, about 36 bytes a key.
 */
import type { Digest } from "./digest.ts"

/** The last record of a key. */
export interface Slot {
  readonly fingerprint: Digest
  readonly offset: number
  readonly succeeded: boolean
}

const LOAD = 0.7

export class KeyIndex {
  private capacity = 1024
  private count = 0
  private keys = new Uint32Array(2 * this.capacity)
  private prints = new Uint32Array(2 * this.capacity)
  /** Offset + 1; 0 marks an empty slot. */
  private places = new Float64Array(this.capacity)
  private flags = new Uint8Array(this.capacity)
  private succeededCount = 0

  get size(): number {
    return this.count
  }

  get succeeded(): number {
    return this.succeededCount
  }

  private slotOf(key: Digest): number {
    let slot = key.low % this.capacity
    while (
      this.places[slot] !== 0 &&
      !(this.keys[2 * slot] === key.high && this.keys[2 * slot + 1] === key.low)
    ) {
      slot = slot + 1 === this.capacity ? 0 : slot + 1
    }
    return slot
  }

  get(key: Digest): Slot | undefined {
    const slot = this.slotOf(key)
    const place = this.places[slot] ?? 0
    if (place === 0) return undefined
    return {
      fingerprint: { high: this.prints[2 * slot] ?? 0, low: this.prints[2 * slot + 1] ?? 0 },
      offset: place - 1,
      succeeded: this.flags[slot] === 1
    }
  }

  set(key: Digest, value: Slot): void {
    if (this.count >= LOAD * this.capacity) this.grow()
    const slot = this.slotOf(key)
    if (this.places[slot] === 0) this.count++
    else if (this.flags[slot] === 1) this.succeededCount--
    if (value.succeeded) this.succeededCount++
    this.keys[2 * slot] = key.high
    this.keys[2 * slot + 1] = key.low
    this.prints[2 * slot] = value.fingerprint.high
    this.prints[2 * slot + 1] = value.fingerprint.low
    this.places[slot] = value.offset + 1
    this.flags[slot] = value.succeeded ? 1 : 0
  }

  private grow(): void {
    const { keys, prints, places, flags, capacity } = this
    this.capacity = capacity * 2
    this.keys = new Uint32Array(2 * this.capacity)
    this.prints = new Uint32Array(2 * this.capacity)
    this.places = new Float64Array(this.capacity)
    this.flags = new Uint8Array(this.capacity)
    for (let old = 0; old < capacity; old++) {
      const place = places[old] ?? 0
      if (place === 0) continue
      const slot = this.slotOf({ high: keys[2 * old] ?? 0, low: keys[2 * old + 1] ?? 0 })
      this.keys[2 * slot] = keys[2 * old] ?? 0
      this.keys[2 * slot + 1] = keys[2 * old + 1] ?? 0
      this.prints[2 * slot] = prints[2 * old] ?? 0
      this.prints[2 * slot + 1] = prints[2 * old + 1] ?? 0
      this.places[slot] = place
      this.flags[slot] = flags[old] ?? 0
    }
  }
}
