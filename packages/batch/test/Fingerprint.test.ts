import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { digest, digestAfter, fromHex, longDigestAfter, toHex } from "../src/internal/digest.ts"
import * as Fingerprint from "../src/internal/fingerprint.ts"

const of = (identity: string, request: Schema.Json) => toHex(Fingerprint.under(identity)(request).print)

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

/** The same in the plainest way: character by character. */
const plainly = (text: string) => {
  let h1 = 0xdeadbeef
  let h2 = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    h1 = Math.imul(h1 ^ text.charCodeAt(at), 2654435761)
    h1 ^= h1 >>> 15
    h2 = Math.imul(h2 ^ text.charCodeAt(at), 1597334677)
    h2 ^= h2 >>> 13
  }
  const low = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  const high = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  return { high: high >>> 0, low: low >>> 0 }
}

const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))

const Pieces = Schema.Array(
  Schema.Struct({
    text: Schema.Literals(["a", "z9 ", "\0", "\x7f", "\x80", "é", "水", "😀", "\ud800", "\udc00"]),
    times: Schema.Literals([1, 7, 62, 63, 64, 65])
  })
)

describe("a digest", () => {
  it.prop("is that of the characters", { pieces: Pieces }, ({ pieces }) => {
    const text = pieces.map(({ text, times }) => text.repeat(times)).join("")
    assert.deepStrictEqual(digest(text), plainly(text))
  })
})

describe("the digest of a long text", () => {
  const after = longDigestAfter("prefix")

  it.prop("is another one when any one character is another", { pieces: Pieces }, ({ pieces }) => {
    const text = pieces.map(({ text, times }) => text.repeat(times)).join("")
    const texts = new Set([text])
    for (let at = 0; at < Math.min(text.length, 150); at++) {
      for (const other of ["b", "\u00ea", "\ud801"]) {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        texts.add(changed)
      }
    }
    const digests = new Set([...texts].map((each) => toHex(after(each))))
    assert.strictEqual(digests.size, texts.size)
  })

  it("tells halves of pairs apart, which have no bytes of their own", () => {
    const text = "x".repeat(100)
    const all = ["\ud800", "\ud801", "\udc00", "\ufffd"].map((half) => toHex(after(text + half)))
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("counts zeros at the end", () => {
    const all = ["a".repeat(64), "\0".repeat(64)].flatMap((text) =>
      Array.from({ length: 20 }, (_, zeros) => toHex(after(text + "\0".repeat(zeros))))
    )
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("is the same however the text came to be, also beyond what is read at once", () => {
    for (const one of ["a", "\u00e9", "\u6c34", "\u{1f600}"]) {
      for (const length of [63, 64, 65, 65_535, 65_536, 65_537, 200_001]) {
        const whole = one.repeat(length)
        const joined = Array.from({ length }, () => one).join("")
        assert.deepStrictEqual(after(whole), after(`${whole}!`.slice(0, -1)))
        assert.deepStrictEqual(after(whole), after(joined))
        assert.notDeepEqual(after(whole), after(whole + one))
      }
    }
  })

  it("does not repeat itself over texts that are nearly alike", () => {
    const seen = new Set<string>()
    const text = "the sea at night ".repeat(10)
    for (let nth = 0; nth < 100_000; nth++) {
      seen.add(toHex(after(`${text}${nth}`)))
      seen.add(toHex(after(`${nth} ${text}`)))
      seen.add(toHex(after(`${text}${"\u6c34".repeat(nth % 7)}${nth}${text}`)))
    }
    assert.strictEqual(seen.size, 300_000)
  })
})

describe("a digest in sixteen digits", () => {
  it.prop("is read as it was written", { high: Word, low: Word }, ({ high, low }) => {
    const text = toHex({ high, low })
    assert.strictEqual(text, high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0"))
    assert.deepStrictEqual(fromHex(text), { high, low })
  })
})
