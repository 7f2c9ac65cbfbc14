/**
 * What the log holds, in memory: 20 bytes a record, in the order of the log, and 6 to 12 bytes a record to find the last
 * one of a key. As much again, once it is asked for, to find a success by its fingerprint.
 */
import type { Digest } from "../digest.ts"

/** Words of 32 bits: key and fingerprint have two each; the last one is the length, its top bit the success. */
const WORDS = 5
const KEY = 0
const PRINT = 2
const LENGTH = 4

const BLOCK_BITS = 12
const BLOCK_MASK = 2 ** BLOCK_BITS - 1

const LOAD = 0.7

export const SUCCEEDED = 0x80000000
const LENGTH_MASK = 0x7fffffff

/** One record in so many says where it lies: the others follow it, each behind the one before. */
const STEP = 32

/** Records one after another, in blocks: growing copies nothing. */
class Records {
  count = 0
  private end = 0
  private readonly blocks: Array<Uint32Array> = []
  private readonly places: Array<Float64Array> = []

  add(key: Digest, print: Digest, length: number, succeeded: boolean): number {
    const id = this.count++
    const at = (id & BLOCK_MASK) * WORDS
    if (at === 0) {
      this.blocks.push(new Uint32Array(WORDS * (BLOCK_MASK + 1)))
      this.places.push(new Float64Array((BLOCK_MASK + 1) / STEP))
    }
    if (id % STEP === 0) this.placesOf(id)[(id & BLOCK_MASK) / STEP] = this.end
    this.end += length
    const block = this.blockOf(id)
    block[at + KEY] = key.high
    block[at + KEY + 1] = key.low
    block[at + PRINT] = print.high
    block[at + PRINT + 1] = print.low
    block[at + LENGTH] = succeeded ? length + SUCCEEDED : length
    return id
  }

  private blockOf(id: number): Uint32Array {
    return this.blocks[id >>> BLOCK_BITS] ?? new Uint32Array(0)
  }

  private placesOf(id: number): Float64Array {
    return this.places[id >>> BLOCK_BITS] ?? new Float64Array(0)
  }

  lengthOf(id: number): number {
    return this.word(id, LENGTH) & LENGTH_MASK
  }

  offsetOf(id: number): number {
    const from = id - (id % STEP)
    let offset = this.placesOf(id)[(from & BLOCK_MASK) / STEP] ?? 0
    for (let before = from; before < id; before++) offset += this.lengthOf(before)
    return offset
  }

  word(id: number, word: number): number {
    return this.blockOf(id)[(id & BLOCK_MASK) * WORDS + word] ?? 0
  }

  matches(id: number, word: number, high: number, low: number): boolean {
    const block = this.blockOf(id)
    const at = (id & BLOCK_MASK) * WORDS + word
    return block[at] === high && block[at + 1] === low
  }
}

/**
 * Finds a record by one of its digests. A slot holds the record's number + 1 and, in the bits above it, a part of the
 * digest, so that a record is rarely looked at in vain.
 */
class Slots {
  private mask: number
  private table: Uint32Array
  private readonly records: Records
  private readonly word: number

  constructor(records: Records, word: number, expected: number) {
    this.records = records
    this.word = word
    this.mask = 1023
    while (expected > LOAD * this.mask) this.mask = 2 * this.mask + 1
    this.table = new Uint32Array(this.mask + 1)
  }

  /** Whether a record of this number still has room. */
  hasRoomFor(id: number): boolean {
    return id < LOAD * this.mask
  }

  private slotOf(high: number, low: number): number {
    const { mask, records, table, word } = this
    let slot = low & mask
    for (;;) {
      const entry = table[slot] ?? 0
      if (entry === 0) return slot
      if (((entry ^ high) & ~mask) === 0 && records.matches((entry & mask) - 1, word, high, low)) return slot
      slot = (slot + 1) & mask
    }
  }

  /** The record's number, or -1. */
  find(high: number, low: number): number {
    return ((this.table[this.slotOf(high, low)] ?? 0) & this.mask) - 1
  }

  /** Puts a record in the place of the one with the same digest, and gives that one's number, or -1. */
  put(id: number): number {
    const high = this.records.word(id, this.word)
    const slot = this.slotOf(high, this.records.word(id, this.word + 1))
    const before = ((this.table[slot] ?? 0) & this.mask) - 1
    this.table[slot] = (high & ~this.mask) | (id + 1)
    return before
  }
}

export class KeyIndex {
  private readonly log = new Records()
  private byKey: Slots
  private byPrint: Slots | undefined
  private keyCount = 0
  private succeededCount = 0

  constructor() {
    this.byKey = new Slots(this.log, KEY, 0)
  }

  /** Makes room for that many records, so that it need not grow step by step. */
  expect(count: number): void {
    if (this.byKey.hasRoomFor(count)) return
    this.byKey = new Slots(this.log, KEY, count)
    for (let id = 0; id < this.log.count; id++) this.byKey.put(id)
  }

  /** How many keys there are. */
  get size(): number {
    return this.keyCount
  }

  /** How many keys have succeeded, by their last record. */
  get succeeded(): number {
    return this.succeededCount
  }

  /** How many records there are. */
  get records(): number {
    return this.log.count
  }

  /** Adds the log's next record, which lies behind the one before; it is now the last one of its key. */
  add(key: Digest, print: Digest, length: number, succeeded: boolean): void {
    const id = this.log.add(key, print, length, succeeded)
    if (!this.byKey.hasRoomFor(id)) this.byKey = this.allByKey()
    const before = this.byKey.put(id)
    if (before < 0) this.keyCount++
    else if (before !== id && this.isSuccess(before)) this.succeededCount--
    if (succeeded) {
      this.succeededCount++
      if (this.byPrint !== undefined) this.putPrint(id)
    }
  }

  /** The number of the last record of a key, or -1. */
  find(key: Digest): number {
    return this.byKey.find(key.high, key.low)
  }

  /** Whether the record at that offset is the last one of its key. */
  isLast(key: Digest, offset: number): boolean {
    const id = this.find(key)
    return id >= 0 && this.offsetOf(id) === offset
  }

  /** The number of some success with this fingerprint, or -1. */
  findSuccess(print: Digest): number {
    this.byPrint ??= this.allByPrint()
    return this.byPrint.find(print.high, print.low)
  }

  keyOf(id: number): Digest {
    return { high: this.log.word(id, KEY), low: this.log.word(id, KEY + 1) }
  }

  printOf(id: number): Digest {
    return { high: this.log.word(id, PRINT), low: this.log.word(id, PRINT + 1) }
  }

  hasPrint(id: number, print: Digest): boolean {
    return this.log.matches(id, PRINT, print.high, print.low)
  }

  offsetOf(id: number): number {
    return this.log.offsetOf(id)
  }

  lengthOf(id: number): number {
    return this.log.lengthOf(id)
  }

  isSuccess(id: number): boolean {
    return this.log.word(id, LENGTH) >= SUCCEEDED
  }

  /** All but the newest record, which is put by whoever adds it. */
  private allByKey(): Slots {
    const slots = new Slots(this.log, KEY, 1.5 * this.log.count)
    for (let id = 0; id < this.log.count - 1; id++) slots.put(id)
    return slots
  }

  private allByPrint(): Slots {
    const slots = new Slots(this.log, PRINT, 1.2 * this.log.count)
    for (let id = 0; id < this.log.count; id++) if (this.isSuccess(id)) slots.put(id)
    return slots
  }

  private putPrint(id: number): void {
    if (this.byPrint?.hasRoomFor(id) === false) this.byPrint = this.allByPrint()
    else this.byPrint?.put(id)
  }
}
