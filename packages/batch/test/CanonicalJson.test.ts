import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { canonicalJson } from "../src/internal/canonicalJson.ts"

const reversed = (json: Schema.Json): Schema.Json => {
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) return json.map(reversed)
  return Object.fromEntries(
    Object.entries(json)
      .toReversed()
      .map(([key, value]) => [key, reversed(value)])
  )
}

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

describe("canonicalJson", () => {
  it("puts the keys of every object in order, and leaves lists alone", () => {
    assert.strictEqual(
      canonicalJson({ b: [2, 1, { d: null, c: true }], a: "x" }),
      '{"a":"x","b":[2,1,{"c":true,"d":null}]}'
    )
  })

  it.prop("is one text for two spellings of one value", { json: Schema.Json }, ({ json }) => {
    assert.strictEqual(canonicalJson(reversed(json)), canonicalJson(json))
  })

  it.prop("is JSON of the same value", { json: Schema.Json }, ({ json }) => {
    // JSON knows no negative zero.
    assert.deepEqual(parse(canonicalJson(json)), parse(JSON.stringify(json)))
  })

  it.prop("tells two values apart", { left: Schema.Json, right: Schema.Json }, ({ left, right }) => {
    const same = canonicalJson(left) === canonicalJson(right)
    assert.strictEqual(
      same,
      canonicalJson(parse(JSON.stringify(left))) === canonicalJson(parse(JSON.stringify(right)))
    )
  })

  it("tells a number from its text, and an empty list from an empty object", () => {
    const texts = [1, "1", [1], { "0": 1 }, [], {}, null, "null", false].map(canonicalJson)
    assert.strictEqual(new Set(texts).size, texts.length)
  })
})
