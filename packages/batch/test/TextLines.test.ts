import { assert, describe, it } from "@effect/vitest"
import { type TextLine, TextLines } from "../src/internal/input/textLines.ts"

const encoder = new TextEncoder()

/** The lines of bytes that come in chunks of the sizes that `next` gives, in a buffer that is used again. */
const read = (bytes: Uint8Array, next: () => number, maxBytes = 1e6): Array<TextLine> => {
  const lines = new TextLines(maxBytes)
  const all: Array<TextLine> = []
  let at = 0
  while (at < bytes.length) {
    const chunk = bytes.slice(at, at + next())
    at += chunk.length
    all.push(...lines.take(chunk))
    chunk.fill(120)
  }
  return [...all, ...lines.end()]
}

const texts = (lines: ReadonlyArray<TextLine>) => lines.map(({ number, text }) => [number, text])

describe("lines of text", () => {
  it("are the same however the bytes are cut", () => {
    const text = "\u{feff}a\r\n\n \t \nü日\u{1f30a}\n\r\nx\ry\n\u{feff}joined\n" + "z".repeat(200) + "\nlast"
    const bytes = encoder.encode(text)
    const whole = texts(read(bytes, () => bytes.length))
    assert.deepStrictEqual(whole, [
      [1, "a"],
      [4, "ü日\u{1f30a}"],
      [6, "x\ry"],
      [7, "joined"],
      [8, "z".repeat(200)],
      [9, "last"]
    ])
    for (let size = 1; size < 60; size++) assert.deepStrictEqual(texts(read(bytes, () => size)), whole)
  })

  it("are the same in a chunk of many groups", () => {
    const rows = Array.from({ length: 3000 }, (_, at) => `${at} ${"é".repeat((at * 7919) % 400)}`)
    const bytes = encoder.encode(rows.join("\n"))
    assert.deepStrictEqual(
      texts(read(bytes, () => bytes.length)),
      rows.map((row, at) => [at + 1, row])
    )
    let state = 1
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return 1 + (state % 300_000)
    }
    assert.strictEqual(read(bytes, random).length, rows.length)
  })

  it("that are broken or too long spoil no other line, however the bytes are cut", () => {
    const parts = [
      encoder.encode("a\n"),
      new Uint8Array([0xff, 10]),
      encoder.encode(`${"x".repeat(50)}\nb\n`)
    ]
    const bytes = new Uint8Array(parts.flatMap((part) => [...part]))
    for (let size = 1; size <= bytes.length; size++) {
      const lines = read(bytes, () => size, 20)
      assert.deepStrictEqual(
        lines.map(({ number, unreadable }) => [number, unreadable]),
        [
          [1, undefined],
          [2, "not UTF-8"],
          [3, "too long"],
          [4, undefined]
        ]
      )
    }
  })

  it("that never end are held no longer than the bound", () => {
    const lines = new TextLines(1000)
    const chunk = new Uint8Array(10_000).fill(120)
    for (let n = 0; n < 1000; n++) assert.deepStrictEqual(lines.take(chunk), [])
    const [line] = lines.end()
    assert.strictEqual(line?.unreadable, "too long")
    assert.isAtMost(line?.text.length ?? 0, 1024)
  })
})
