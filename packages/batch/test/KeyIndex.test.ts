import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Digest, digest, digestAscii, fromHex, toHex } from "../src/internal/digest.ts"
import { KeyIndex } from "../src/internal/journal/keyIndex.ts"

interface Slot {
  readonly fingerprint: Digest
  readonly offset: number
  readonly length: number
  readonly succeeded: boolean
}

// Few keys, so that they are met again and collide in the table.
const Low = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
const Few = Schema.Struct({
  high: Low,
  low: Schema.Union([Low, Schema.Literals([1024, 2048, 0xffffffff])])
})
const Step = Schema.Struct({
  key: Few,
  fingerprint: Few,
  length: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 })),
  succeeded: Schema.Boolean
})

const nameOf = ({ high, low }: Digest) => `${high} ${low}`

const slotAt = (index: KeyIndex, id: number): Slot | undefined =>
  id < 0
    ? undefined
    : {
        fingerprint: index.printOf(id),
        offset: index.offsetOf(id),
        length: index.lengthOf(id),
        succeeded: index.isSuccess(id)
      }

/** The same with Maps. */
class Model {
  readonly index = new KeyIndex()
  readonly last = new Map<string, readonly [Digest, Slot]>()
  readonly prints = new Map<string, Digest>()
  records = 0
  private end = 0

  add(key: Digest, written: Omit<Slot, "offset">) {
    const slot = { ...written, offset: this.end }
    this.records++
    this.end += slot.length
    this.index.add(key, slot.fingerprint, slot.length, slot.succeeded)
    this.last.set(nameOf(key), [key, slot])
    if (slot.succeeded) this.prints.set(nameOf(slot.fingerprint), slot.fingerprint)
  }

  check() {
    const { index, last } = this
    assert.deepStrictEqual(
      [index.records, index.size, index.succeeded],
      [this.records, last.size, [...last.values()].filter(([, { succeeded }]) => succeeded).length]
    )
    for (const [key, slot] of last.values()) {
      const id = index.find(key)
      assert.deepStrictEqual(slotAt(index, id), slot)
      assert.deepStrictEqual(index.keyOf(id), key)
      assert.isTrue(index.isLast(key, slot.offset))
    }
  }

  checkPrints(all: Iterable<Digest>) {
    for (const print of all) {
      const id = this.index.findSuccess(print)
      assert.strictEqual(id >= 0, this.prints.has(nameOf(print)))
      if (id >= 0) assert.deepStrictEqual([this.index.printOf(id), this.index.isSuccess(id)], [print, true])
    }
  }
}

describe("KeyIndex", () => {
  it.prop(
    "holds what Maps hold, whenever it is first asked for a fingerprint",
    { before: Schema.Array(Step), after: Schema.Array(Step) },
    ({ after, before }) => {
      const model = new Model()
      const all = [...before, ...after].map(({ fingerprint }) => fingerprint)
      for (const { key, ...slot } of before) model.add(key, slot)
      model.checkPrints(all)
      for (const { key, ...slot } of after) model.add(key, slot)
      model.check()
      model.checkPrints(all)
      assert.strictEqual(model.index.find({ high: 99, low: 99 }), -1)
      assert.isFalse(model.index.isLast({ high: 99, low: 99 }, 0))
    }
  )

  // Together they lie far beyond what 32 bits can say.
  const slot = (number: number, succeeded: boolean) => ({
    fingerprint: digest(`print ${number % 1000}`),
    length: 1_000_000_007 + number,
    succeeded
  })

  for (const expected of [0, 5000, 1e6]) {
    it(`grows, keeps everything, and counts nothing twice; expecting ${expected}`, () => {
      const model = new Model()
      for (let number = 0; number < 5000; number++) {
        if (number === 100) model.index.expect(expected)
        model.add(digest(`key ${number}`), slot(number, number % 3 === 0))
      }
      model.check()
      model.checkPrints([digest("print 1"), digest("print 0"), digest("print 1001")])
      for (let number = 0; number < 5000; number += 2) {
        model.add(digest(`key ${number}`), slot(number + 7, number % 5 === 0))
      }
      model.check()
      model.checkPrints(Array.from({ length: 1000 }, (_, number) => digest(`print ${number}`)))
    })
  }

  it("one key over and over is one key", () => {
    const model = new Model()
    for (let number = 0; number < 5000; number++) model.add(digest("key"), slot(number, number % 2 === 0))
    model.check()
    assert.strictEqual(model.index.size, 1)
  })

  it("knows keys that fall into one place of the table apart", () => {
    const model = new Model()
    for (let place = 0; place < 50; place++) model.add({ high: place, low: 1023 }, slot(place, true))
    model.check()
  })
})

describe("digest", () => {
  it("is sixteen hexadecimal digits, and the same today as when the journal was written", () => {
    assert.strictEqual(toHex(digest("")), "488bdcb81aee8d83")
    assert.strictEqual(toHex(digest("the sea")), "a8b99453cf94c316")
    assert.deepStrictEqual(fromHex("a8b99453cf94c316"), digest("the sea"))
  })

  it("tells a hundred thousand keys apart that differ little", () => {
    const seen = new Set<string>()
    for (let number = 0; number < 100_000; number++) seen.add(toHex(digest(`row-${number}`)))
    assert.strictEqual(seen.size, 100_000)
  })

  it("of bytes is that of their text", () => {
    const bytes = new TextEncoder().encode('{"the sea"}')
    assert.deepStrictEqual(digestAscii(bytes, 2, bytes.length - 2), digest("the sea"))
  })
})
