import { assert, describe, it } from "@effect/vitest"
import { Template } from "@stint/batch"
import { Arbitrary, Effect, Schema } from "effect"

const filled = (text: string, row: unknown) =>
  Effect.map(Template.make(text), (template) => Template.render(template, row))

const row = {
  text: "story",
  n: 7,
  ok: true,
  list: ["a", { b: 1 }],
  meta: { lang: "en", "a.b": "c" },
  "x.y": "dotted",
  no: null,
  raw: new Uint8Array(2)
}

const rendered: ReadonlyArray<readonly [string, string]> = [
  ["Summarise: {{text}}", "Summarise: story"],
  ["{{ text }}{{n}}{{ok}}", "story7true"],
  ["{{meta.lang}} {{list.0}} {{list.1.b}}", "en a 1"],
  ["{{x.y}}", "dotted"],
  ["{{meta}}", '{"lang":"en","a.b":"c"}'],
  ['{"a": {"b": 1}} {single} }}', '{"a": {"b": 1}} {single} }}'],
  ["\\{{text}}", "{{text}}"],
  ["\\\\{{text}}", "\\story"],
  ["a\\b", "a\\b"],
  ["", ""]
]

describe("a template", () => {
  for (const [text, expected] of rendered) {
    it.effect(`${text} is ${expected}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* filled(text, row), expected)
      })
    )
  }

  const lacking: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["{{txt}}", "txt", /is missing/],
    ["{{meta.land}}", "meta.land", /is missing/],
    ["{{text.length}}", "text.length", /is missing/],
    ["{{toString}}", "toString", /is missing/],
    ["{{no}}", "no", /is null/],
    ["{{raw}}", "raw", /is binary/]
  ]
  for (const [text, field, detail] of lacking) {
    it.effect(`${text} says what it lacks`, () =>
      Effect.gen(function* () {
        const unfilled = yield* filled(text, row)
        if (typeof unfilled === "string") return assert.fail(unfilled)
        assert.strictEqual(unfilled.field, field)
        assert.match(unfilled.detail, detail)
      })
    )
  }

  const wrong: ReadonlyArray<readonly [string, number, RegExp]> = [
    ["a {{b", 3, /never closed/],
    ["{{}}", 1, /names no column/],
    ["{{a {{b}}", 1, /cannot be a column/]
  ]
  for (const [text, at, detail] of wrong) {
    it.effect(`${text} is refused with the place`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Template.make(text))
        assert.strictEqual(error.at, at)
        assert.match(error.detail, detail)
        assert.include(error.message, "{{name}}")
      })
    )
  }

  it.effect("knows its columns, each once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* Template.make("{{a}} {{b.c}} {{ a }}")).columns, ["a", "b.c"])
    })
  )

  const text = Arbitrary.map(
    Arbitrary.array(Arbitrary.schema(Schema.Literals(["{", "}", "\\", "a", " ", "{{", "}}", "é"]))),
    (pieces) => pieces.join("")
  )
  it.effect.prop(
    "of any text, escaped, is that text, and places between are filled",
    { before: text, value: text, after: text },
    ({ before, value, after }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* filled(Template.escape(after), {}), after)
        // A brace or a backslash right before a place would be taken with it.
        const template = `${Template.escape(before)} {{v}} ${Template.escape(after)}`
        assert.strictEqual(yield* filled(template, { v: value }), `${before} ${value} ${after}`)
      })
  )
})
