import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as JsonText from "../src/internal/input/jsonText.ts"

const nested = (depth: number, inside = "") => "[".repeat(depth) + inside + "]".repeat(depth)

describe("the depth of JSON", () => {
  it("may be 512, and not more", () => {
    assert.isFalse(JsonText.isTooDeep(nested(512)))
    assert.isTrue(JsonText.isTooDeep(nested(513)))
    assert.isTrue(JsonText.isTooDeep(`{"a":`.repeat(600) + "1" + "}".repeat(600)))
    assert.isTrue(JsonText.isTooDeep(`{"a":[`.repeat(257) + "]}".repeat(257)))
  })

  it("is not what stands beside each other, or in texts", () => {
    assert.isFalse(JsonText.isTooDeep(`[${Array.from({ length: 2000 }, () => "[]").join()}]`))
    assert.isFalse(JsonText.isTooDeep(JSON.stringify([`${"[{".repeat(2000)}"\\`, '\\"'.repeat(600)])))
    assert.isTrue(
      JsonText.isTooDeep(JSON.stringify(["]".repeat(2000), '"']).replace(/\]$/, `,${nested(512)}]`))
    )
  })

  const Depth = Schema.Int.check(Schema.isBetween({ minimum: 500, maximum: 520 }))
  const deepOf = (one: Schema.Json): number =>
    typeof one === "object" && one !== null ? 1 + Math.max(0, ...Object.values(one).map(deepOf)) : 0

  it.prop(
    "is that of the value, whatever stands around it and in its texts",
    { value: Schema.Json, depth: Depth },
    ({ depth, value }) => {
      // Brackets enough for it to be looked at closely.
      const many = JSON.stringify(Array.from({ length: 600 }, () => [{ "]": '[\\"' }]))
      const text = `[${many},${nested(depth, JSON.stringify(value))},${many}]`
      assert.strictEqual(JsonText.isTooDeep(text), 1 + depth + deepOf(value) > JsonText.MAX_DEPTH)
    }
  )
})

describe("a number that loses digits", () => {
  const found: ReadonlyArray<readonly [string, ReadonlyArray<string | number>]> = [
    ["12345678901234567890", []],
    ["-9007199254740993", []],
    ['{"a":1,"body":{"seed":12345678901234567890}}', ["body", "seed"]],
    ['{"x":"\\"12345678901234567890","y":[1,{"b":[]},[0,  9007199254740993 ]]}', ["y", 2, 1]],
    ['{"a\\u0041\\"":[12345678901234567890.5]}', ['aA"', 0]],
    ['{"a":1e400}', ["a"]],
    ['{"a":12345678901234567168}', ["a"]]
  ]
  for (const [text, path] of found) {
    it(`is found in ${text}`, () => {
      JSON.parse(text)
      assert.deepStrictEqual(JsonText.lostNumber(text), path)
    })
  }

  const kept = [
    "9007199254740992",
    "12345678901234567000",
    "1e23",
    "100000000000000000000000",
    "1.7976931348623157e308",
    "0.69999999999999995559107901499",
    "0.10000000149011612",
    '{"12345678901234567890":"12345678901234567890"}',
    '"12345678901234567890"',
    "0.0000000000000000000000000001",
    "1e-400"
  ]
  for (const text of kept) {
    it(`is not found in ${text}`, () => {
      assert.isUndefined(JsonText.lostNumber(text))
    })
  }

  it("counts only in the members that are asked about", () => {
    const text = '{"tweet":1234567890123456789,"text":{"n":12345678901234567890}}'
    assert.isUndefined(JsonText.lostNumber(text, (member) => member === "id"))
    assert.deepStrictEqual(
      JsonText.lostNumber(text, (member) => member === "text"),
      ["text", "n"]
    )
  })

  it.effect.prop(
    "is never found in what was written by JSON.stringify",
    { json: Arbitrary.schema(Schema.Json) },
    ({ json }) =>
      Effect.sync(() => {
        assert.isUndefined(JsonText.lostNumber(JSON.stringify({ json, n: 2 ** 80, m: 1e22 })))
      })
  )
})
