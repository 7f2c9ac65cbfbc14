import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@stint/batch"
import { Effect, Result, Schema } from "effect"
import { toHex } from "../src/internal/digest.ts"
import * as Entries from "../src/internal/journal/journalEntry.ts"

const Print = Schema.Literals(["0123456789abcdef", "ffffffffffffffff", "0000000000000000"])
const AnyEntry = Schema.Struct({
  ...Journal.Entry.fields,
  key: Schema.Union([
    Schema.String,
    Schema.Literals(['"', "\\", "\\\\", "é", "😀", "\u{feff}", "\u{d800}", "\n"])
  ]),
  fingerprint: Print
})

const lineOf = (entry: Journal.Entry) => {
  const [bytes] = Entries.encode([entry])
  assert.isDefined(bytes)
  assert.strictEqual(bytes?.indexOf(10), (bytes?.length ?? 0) - 1)
  return bytes?.subarray(0, -1) ?? new Uint8Array(0)
}

/** What is read of a line without decoding it. */
const glance = (line: Uint8Array) => {
  const head = Entries.readHead(line)
  return (
    head && {
      key: toHex(head.key),
      print: toHex(head.print),
      succeeded: head.succeeded,
      stored: Entries.stored(line, head, Effect.die("not asked for"))
    }
  )
}

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Journal.Entry))

describe("a record", () => {
  it.prop(
    "is the same when it is decoded again, and when only its beginning is read",
    { entry: AnyEntry },
    ({ entry }) => {
      const line = lineOf(entry)
      const decoded = Entries.decode(line)
      // JSON has no negative zero, and rounds no other number.
      assert.deepStrictEqual(Result.getOrThrow(decoded), parse(JSON.stringify(entry)))
      const head = Entries.headOf(entry)
      const seen = glance(line)
      assert.deepStrictEqual(seen && { key: seen.key, print: seen.print, succeeded: seen.succeeded }, {
        key: toHex(head.key),
        print: entry.fingerprint,
        succeeded: entry.tag === "Succeeded"
      })
      assert.deepStrictEqual([seen?.stored?.key, seen?.stored?.tag], [entry.key, entry.tag])
      const text = seen?.stored?.output
      if (text !== undefined) assert.strictEqual(text, JSON.stringify(entry.output))
      const isBare = entry.error === undefined && entry.input === undefined && entry.output !== undefined
      assert.strictEqual(text !== undefined, isBare && entry.tag === "Succeeded")
    }
  )

  const ours = lineOf({
    key: "a",
    fingerprint: "0123456789abcdef",
    tag: "Succeeded",
    attempts: 1,
    durationMillis: 1,
    output: "x"
  })

  it("cut anywhere it is none", () => {
    for (let end = 0; end < ours.length; end++) {
      const line = ours.subarray(0, end)
      assert.isUndefined(Entries.readHead(line), `cut at ${end}`)
      assert.isTrue(Result.isFailure(Entries.decode(line)), `cut at ${end}`)
    }
  })

  it("with a wrong byte at its beginning is read as what it says, or not at all", () => {
    const beginning = new TextDecoder().decode(ours).indexOf(',"attempts"')
    for (let at = 0; at < beginning; at++) {
      for (const byte of [0, 10, 34, 48, 70, 92, 125, 0xff]) {
        const line = Uint8Array.from(ours)
        line[at] = byte
        const head = Entries.readHead(line)
        if (head === undefined) continue
        const decoded = Result.getOrThrow(Entries.decode(line))
        const { key, print, succeeded } = Entries.headOf(decoded)
        assert.deepStrictEqual(
          [head.key, head.print, head.succeeded],
          [key, print, succeeded],
          `${byte} at ${at}`
        )
      }
    }
  })

  const strange: ReadonlyArray<readonly [string, string]> = [
    ["another shape", '{"hello":"world"}'],
    ["no object", "[]"],
    ["nothing", ""],
    ["a number for a key", '{"key":1,"fingerprint":"0","tag":"Failed","attempts":1,"durationMillis":1}'],
    ["half an attempt", '{"key":"a","fingerprint":"0","tag":"Failed","attempts":0.5,"durationMillis":1}'],
    ["another tag", '{"key":"a","fingerprint":"0","tag":"Skipped","attempts":1,"durationMillis":1}']
  ]
  for (const [what, line] of strange) {
    it(`of ${what} is damaged`, () => {
      const bytes = new TextEncoder().encode(line)
      assert.isUndefined(Entries.readHead(bytes))
      assert.match(Result.getOrThrow(Result.flip(Entries.decode(bytes))), /is damaged/)
    })
  }

  it("many are written in few pieces, each of whole lines", () => {
    const big = { ...Result.getOrThrow(Entries.decode(ours)), output: "x".repeat(2 ** 22) }
    const pieces = Entries.encode(Array.from({ length: 9 }, () => big))
    assert.strictEqual(pieces.length, 3)
    for (const piece of pieces) assert.strictEqual(piece.at(-1), 10)
    assert.deepStrictEqual(Entries.encode([]), [])
  })
})
