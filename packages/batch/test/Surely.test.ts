import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as Entry from "../src/internal/engine/entry.ts"
import * as Surely from "../src/internal/protocol/surely.ts"
import * as Vectors from "../src/internal/protocol/vectors.ts"
import * as Job from "../src/Job.ts"

const jobOf = <Out>(output: Schema.ConstraintCodec<Out, unknown>) =>
  Job.make({
    name: "any",
    key: String,
    fingerprint: () => "",
    output,
    run: (): Effect.Effect<Out> => Effect.never
  })

const bySchema = (output: Schema.ConstraintCodec<unknown, unknown>) =>
  Schema.encodeUnknownOption(Schema.toCodecJson(output))

const outputs = { lists: Schema.Array(Schema.Finite), JSON: Schema.Json } as const

class Other extends Array<number> {}

const circle: Array<unknown> = [1]
circle.push(circle)

const holed: Array<number> = [1, 2, 3]
delete holed[1]

const odd: ReadonlyArray<readonly [string, unknown]> = [
  ["numbers", [1, -0, 1e308, 5e-324]],
  ["nothing in a list", []],
  ["NaN at the end", [1, 2, Number.NaN]],
  ["Infinity", [Number.POSITIVE_INFINITY]],
  ["a hole", holed],
  ["nothing but holes", Array.from({ length: 3 })],
  ["a text among numbers", [1, "2"]],
  ["null among numbers", [1, null]],
  ["undefined among numbers", [1, undefined]],
  ["a bigint", [1n]],
  ["a list in a list", [[1, 2]]],
  ["a list in a list that has none", [[Number.NaN]]],
  ["32-bit floats", new Float32Array([1, 2])],
  ["a class of lists", Other.from([1, 2])],
  ["a number", 1],
  ["NaN", Number.NaN],
  ["undefined", undefined],
  ["a text", "1,2"],
  ["an object like a list", { 0: 1, length: 1 }],
  ["a member that is undefined", { output: undefined }],
  ["a member that is NaN", { output: [1, Number.NaN] }],
  ["a function", { output: () => 1 }],
  ["a date", { output: new Date(0) }],
  ["a map", new Map([["output", 1]])],
  ["an object without a prototype", Object.assign(Object.create(null), { output: [1] })],
  ["a circle", circle],
  ["what is nested deeper than is looked", { a: { b: { c: { d: { e: [1, { f: null }] } } } } }],
  ["what is bad deeper than is looked", { a: { b: { c: { d: { e: [1, { f: Number.NaN }] } } } } }]
]

const Loose = Schema.Union([Schema.Number, Schema.String, Schema.Null, Schema.Undefined, Schema.Boolean])
const Lists = Schema.Union([Schema.Array(Schema.Finite), Schema.Array(Schema.Number), Schema.Array(Loose)])
const Values = Schema.Union([
  Lists,
  Schema.Json,
  Schema.Struct({ output: Lists, rest: Schema.optionalKey(Schema.Array(Lists)) })
])

for (const [name, output] of Object.entries(outputs)) {
  describe(`what is written down of ${name}`, () => {
    const { encode } = Entry.codec(jobOf<unknown>(output))
    const slowly = bySchema(output)

    for (const [what, value] of odd) {
      it(`is what the schema makes of ${what}`, () => {
        assert.deepStrictEqual(encode(value), slowly(value))
      })
    }

    it.prop("is what the schema makes of it", { value: Values }, ({ value }) => {
      assert.deepStrictEqual(encode(value), slowly(value))
    })
  })
}

describe("what is found good without the schema", () => {
  it("is written down as it was, whatever becomes of the output", () => {
    const { encode } = Entry.codec(jobOf<unknown>(outputs.lists))
    const output = [1, 2]
    const encoded = encode(output)
    output[0] = 3
    assert.deepStrictEqual(encoded, Option.some([1, 2]))
  })

  it("are lists where the schema has no more to say", () => {
    const plain = Schema.Array(Schema.Finite)
    assert.isTrue(Surely.takesFiniteLists(plain))
    for (const other of [
      Schema.Array(Schema.Number),
      Schema.Array(Schema.Int),
      Schema.NonEmptyArray(Schema.Finite),
      Schema.Tuple([Schema.Finite]),
      plain.check(Schema.isMinLength(2)),
      plain.annotate({ title: "vector" }),
      Schema.NullOr(plain),
      Schema.Json
    ]) {
      assert.isFalse(Surely.takesFiniteLists(other))
    }
    assert.isTrue(Surely.takesJson(Schema.Json))
    assert.isFalse(Surely.takesJson(plain))
  })
})

/** What a model answers to one text, said once more by schemas. */
const Numbers = Schema.NonEmptyArray(Schema.Finite)
const One = Schema.Union([Numbers, Schema.Tuple([Numbers])])
const Answer = Schema.Union([
  One,
  Schema.Struct({ embeddings: One }),
  Schema.Struct({ data: Schema.Tuple([Schema.Struct({ embedding: Numbers })]) })
])
const answerOf = Schema.decodeUnknownOption(Answer)

const vectorOf = (answer: typeof Answer.Type): ReadonlyArray<number> => {
  if ("data" in answer) return answer.data[0].embedding
  const [first, ...rest] = "embeddings" in answer ? answer.embeddings : answer
  return typeof first === "number" ? [first, ...rest.filter((each) => typeof each === "number")] : first
}

const JsonList = Schema.Union([
  Schema.Array(Schema.Finite),
  Schema.Array(Schema.Union([Schema.Finite, Schema.Null, Schema.String, Schema.Array(Schema.Finite)]))
])

const shapes: ReadonlyArray<(list: Schema.Json) => Schema.Json> = [
  (list) => list,
  (list) => [list],
  (list) => [[list]],
  (list) => [list, list],
  (list) => ({ embeddings: list }),
  (list) => ({ embeddings: [list] }),
  (list) => ({ embeddings: [[list]] }),
  (list) => ({ data: [{ embedding: list, index: 0 }] }),
  (list) => ({ data: [{ embedding: [list] }] }),
  (list) => ({ data: [{ embedding: list }, { embedding: list }] }),
  (list) => ({ data: list }),
  (list) => ({ data: { embedding: list } }),
  (list) => ({ vector: list })
]

describe("the vector of one text", () => {
  it.effect.prop(
    "is what a schema finds in the answer, or none",
    { list: JsonList },
    Effect.fnUntraced(function* ({ list }) {
      for (const shape of shapes) {
        const body = shape(list)
        const found = yield* Effect.option(Vectors.decodeOne({ body }))
        assert.deepStrictEqual(found, Option.map(answerOf(body), vectorOf))
      }
    })
  )
})

describe("the vectors of several texts", () => {
  it.prop("are taken only where each is a list of numbers", { list: JsonList }, ({ list }) => {
    const good = [1, 2]
    const isGood = Option.isSome(Schema.decodeUnknownOption(One)(list))
    for (const body of [
      [good, list],
      { embeddings: [good, list] },
      { data: [{ embedding: good }, { embedding: list }] }
    ]) {
      assert.strictEqual(Vectors.decode(body, 2)._tag === "Success", isGood)
    }
  })
})
