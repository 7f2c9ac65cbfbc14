import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { digest } from "../src/internal/digest.ts"
import { DigestSet } from "../src/internal/engine/digestSet.ts"

// Few digests, so that they are met again and collide; with what marks an empty slot among them.
const Word = Schema.Literals([0, 1, 2, 63, 64, 127, 128, 0x80000000, 0xffffffff])
const Digests = Schema.Array(Schema.Struct({ high: Word, low: Word }))

describe("DigestSet", () => {
  it.prop("holds what a Set holds", { digests: Digests }, ({ digests }) => {
    const set = new DigestSet()
    const model = new Set<string>()
    for (const one of digests) {
      const name = `${one.high} ${one.low}`
      assert.strictEqual(set.add(one), !model.has(name), name)
      model.add(name)
      assert.strictEqual(set.size, model.size)
    }
  })

  it("grows, and keeps everything", () => {
    const set = new DigestSet()
    for (let number = 0; number < 100_000; number++) assert.isTrue(set.add(digest(`key ${number}`)))
    for (let number = 0; number < 100_000; number++) assert.isFalse(set.add(digest(`key ${number}`)))
    assert.strictEqual(set.size, 100_000)
  })

  it("grows where all that it holds falls into one place", () => {
    const set = new DigestSet()
    for (let high = 0; high < 500; high++) assert.isTrue(set.add({ high, low: 5 }))
    for (let high = 0; high < 500; high++) assert.isFalse(set.add({ high, low: 5 }))
  })
})
