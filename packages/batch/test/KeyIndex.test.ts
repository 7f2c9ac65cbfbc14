import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { digest, toHex } from "../src/internal/digest.ts"
import { KeyIndex, type Slot } from "../src/internal/keyIndex.ts"

const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))
// Few keys, so that they are met again and collide in the table.
const Low = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
const Step = Schema.Struct({
  key: Schema.Struct({ high: Low, low: Schema.Union([Low, Schema.Literals([1024, 2048, 0xffffffff])]) }),
  fingerprint: Schema.Struct({ high: Word, low: Word }),
  offset: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 50 })),
  succeeded: Schema.Boolean
})

const nameOf = ({ high, low }: { readonly high: number; readonly low: number }) => `${high} ${low}`

const same = (
  index: KeyIndex,
  model: ReadonlyMap<string, readonly [{ high: number; low: number }, Slot]>
) => {
  assert.strictEqual(index.size, model.size)
  assert.strictEqual(index.succeeded, [...model.values()].filter(([, slot]) => slot.succeeded).length)
  for (const [key, slot] of model.values()) assert.deepStrictEqual(index.get(key), slot)
}

describe("KeyIndex", () => {
  it.prop("holds what a Map holds", { steps: Schema.Array(Step) }, ({ steps }) => {
    const index = new KeyIndex()
    const model = new Map<string, readonly [{ high: number; low: number }, Slot]>()
    for (const { key, ...slot } of steps) {
      index.set(key, slot)
      model.set(nameOf(key), [key, slot])
    }
    same(index, model)
    assert.isUndefined(index.get({ high: 99, low: 99 }))
  })

  it("grows, keeps everything, and replaces without counting twice", () => {
    const index = new KeyIndex()
    const model = new Map<string, readonly [{ high: number; low: number }, Slot]>()
    const put = (number: number, succeeded: boolean) => {
      const key = digest(`key ${number}`)
      const slot = { fingerprint: digest(`print ${number}`), offset: number * 1000, succeeded }
      index.set(key, slot)
      model.set(nameOf(key), [key, slot])
    }
    for (let number = 0; number < 5000; number++) put(number, number % 3 === 0)
    same(index, model)
    for (let number = 0; number < 5000; number += 2) put(number, number % 5 === 0)
    same(index, model)
    assert.strictEqual(index.size, 5000)
  })

  it("knows keys that fall into one place of the table apart", () => {
    const index = new KeyIndex()
    const slot = (offset: number): Slot => ({ fingerprint: { high: 0, low: 0 }, offset, succeeded: true })
    const keys = Array.from({ length: 50 }, (_, place) => ({ high: place, low: 1023 }))
    for (const [offset, key] of keys.entries()) index.set(key, slot(offset))
    assert.deepStrictEqual(
      keys.map((key) => index.get(key)?.offset),
      keys.map((_, offset) => offset)
    )
  })

  it("the first byte of a file is a place like any other", () => {
    const index = new KeyIndex()
    index.set(digest("a"), { fingerprint: digest("b"), offset: 0, succeeded: false })
    assert.strictEqual(index.get(digest("a"))?.offset, 0)
  })
})

describe("digest", () => {
  it("is sixteen hexadecimal digits, and the same today as when the journal was written", () => {
    assert.strictEqual(toHex(digest("")), "488bdcb81aee8d83")
    assert.strictEqual(toHex(digest("the sea")), "1fa5216ec35ce078")
  })

  it("tells a hundred thousand keys apart that differ little", () => {
    const seen = new Set<string>()
    for (let number = 0; number < 100_000; number++) seen.add(toHex(digest(`row-${number}`)))
    assert.strictEqual(seen.size, 100_000)
  })
})
