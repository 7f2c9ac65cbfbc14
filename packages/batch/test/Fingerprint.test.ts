import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { digest, digestAfter } from "../src/internal/digest.ts"
import * as Fingerprint from "../src/internal/fingerprint.ts"

const of = (identity: string, request: Schema.Json) => Fingerprint.under(identity)(request).fingerprint

describe("a fingerprint", () => {
  it("is sixteen digits, and another for another request, identity or kind of JSON", () => {
    const all = [
      of("a", "b"),
      of("a", "c"),
      of("c", "b"),
      of("ab", ""),
      of("a", ["b"]),
      of("a", { b: 1 }),
      of("a", 1),
      of("a", "1"),
      of("a", true),
      of("a", "true"),
      of("a", null),
      of("a", "{}"),
      of("a", {})
    ]
    assert.strictEqual(new Set(all).size, all.length)
    for (const fingerprint of all) assert.match(fingerprint, /^[0-9a-f]{16}$/)
  })

  it("does not know in which order members were written", () => {
    assert.strictEqual(of("a", { x: 1, y: { p: [1], q: 2 } }), of("a", { y: { q: 2, p: [1] }, x: 1 }))
    assert.notStrictEqual(of("a", [1, 2]), of("a", [2, 1]))
  })

  it.prop(
    "is that of the whole text, however it is cut",
    { before: Schema.String, after: Schema.String },
    ({ after, before }) => {
      assert.deepStrictEqual(digestAfter(before)(after), digest(before + after))
    }
  )
})
