import { assert, describe, it } from "@effect/vitest"
import { Table } from "@stint/batch"
import { Schema } from "effect"
import type { Kind } from "../src/internal/row/rowShape.ts"

const line = (body: Schema.Json): Schema.Json => ({ response: { status_code: 200, request_id: null, body } })
const chat = (message: Schema.Json, more: Record<string, Schema.Json> = {}): Schema.Json =>
  line({ choices: [{ index: 0, message, finish_reason: "stop" }], ...more })
const labels = [
  { label: "sad", score: 0.1 },
  { label: "glad", score: 0.9 }
]
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

describe("rows", () => {
  const fitting: ReadonlyArray<readonly [what: string, Kind, Schema.Json, ReadonlyArray<Table.Cell>]> = [
    ["a vector", "embed", { output: [0.5, 1] }, [[0.5, 1]]],
    ["an OpenAI vector", "embed", line({ data: [{ index: 0, embedding: [0.5] }] }), [[0.5]]],
    ["a vector in a list", "embed", line([[0.5]]), [[0.5]]],
    ["labels", "classify", { output: labels }, ["glad", 0.9, labels]],
    ["labels in a list", "classify", line([labels]), ["glad", 0.9, labels]],
    ["a text", "chat", { output: "hello" }, ["hello", null, null, null]],
    [
      "an OpenAI message",
      "chat",
      chat({ role: "assistant", content: "hi" }, { usage }),
      ["hi", "stop", 3, 4]
    ],
    ["a message without usage", "chat", chat({ content: "hi", tool_calls: [] }), ["hi", "stop", null, null]],
    [
      "an OpenAI completion",
      "generate",
      line({ choices: [{ text: "on", finish_reason: "length" }], usage }),
      ["on", "length", 3, 4]
    ],
    ["a generated text", "generate", line([{ generated_text: "on" }]), ["on", null, null, null]],
    [
      "a text that was cut off",
      "chat",
      { output: "hel", finish_reason: "length" },
      ["hel", "length", null, null]
    ],
    [
      "a text that was cut off",
      "generate",
      { output: "hel", finish_reason: "length" },
      ["hel", "length", null, null]
    ],
    ["an answer of a given shape", "chat", { output: { a: [1] } }, ['{"a":[1]}', null, null, null]],
    [
      "an answer whose shape is that of a chat",
      "chat",
      { output: { choices: [{ message: { content: "x" } }] } },
      ['{"choices":[{"message":{"content":"x"}}]}', null, null, null]
    ],
    ["a picture", "image", { output: "iVBORw0KGgo=" }, ["iVBORw0KGgo="]],
    ["an OpenAI picture", "image", line({ data: [{ b64_json: "iVBORw0KGgo=" }] }), ["iVBORw0KGgo="]],
    ["a picture in a file", "image", { output: "images/a.png" }, ["images/a.png"]]
  ]
  for (const [what, kind, output, cells] of fitting) {
    it(`${kind} - ${what} fills its columns`, () => {
      const { columns, row } = Table.rows(kind)
      assert.deepStrictEqual(row("a", output), ["a", ...cells, null])
      assert.strictEqual(columns.length, cells.length + 2)
    })
  }

  const unfit: ReadonlyArray<readonly [what: string, Kind, Schema.Json]> = [
    ["two vectors", "embed", { data: [{ embedding: [1] }, { embedding: [2] }] }],
    ["a vector as Base64", "embed", { data: [{ embedding: "AAAA" }] }],
    ["two choices", "chat", { choices: [{ message: { content: "a" } }, { message: { content: "b" } }] }],
    [
      "a message that calls tools",
      "chat",
      { choices: [{ message: { content: "", tool_calls: [{ id: "x" }] } }] }
    ],
    ["a message without content", "chat", { choices: [{ message: { content: null } }] }],
    ["labels of two texts", "classify", [labels, labels]],
    ["no labels", "classify", []],
    ["two pictures", "image", { data: [{ b64_json: "AAAA" }, { b64_json: "AAAA" }] }]
  ]
  for (const [what, kind, body] of unfit) {
    it(`${kind} - ${what} is not lost: it stands as JSON in response`, () => {
      const { columns, row } = Table.rows(kind)
      const cells = row("a", line(body))
      assert.deepStrictEqual(cells, ["a", ...columns.slice(1, -1).map(() => null), JSON.stringify(body)])
    })
  }

  it("http - whatever was answered is JSON", () => {
    assert.deepStrictEqual(Table.rows("http").row("a", { output: "x" }), ["a", '"x"'])
    assert.deepStrictEqual(Table.rows("http").row("a", line([1])), ["a", "[1]"])
  })

  it("a vector is taken as text where it is one, and no other list is", () => {
    const { splice } = Table.rows("embed")
    assert.deepStrictEqual(splice?.("a", '{"output":[0.5,-1e-7]}'), ["a", "[0.5,-1e-7]", null])
    for (const other of ['{"output":[[1]]}', '{"output":["1"]}', '{"output":[null]}', '{"response":{}}']) {
      assert.isUndefined(splice?.("a", other), other)
    }
  })
})

describe("outputs", () => {
  it("an output that is itself the answer, as those of Job are", () => {
    assert.deepStrictEqual(Table.outputs("embed").row("a", [1]), ["a", [1], null])
    assert.deepStrictEqual(Table.outputs("embed").splice?.("a", "[1]"), ["a", "[1]", null])
    assert.deepStrictEqual(Table.outputs("http").row("a", { output: 1 }), ["a", '{"output":1}'])
  })
})

describe("errorRow", () => {
  it("has the reason, the status and the words", () => {
    assert.deepStrictEqual(
      Table.errorRow("a", { reason: "row", status: 422, message: "no", requestId: "r" }),
      ["a", "row", 422, "no"]
    )
    assert.deepStrictEqual(Table.errorRow("a", { reason: "transport", message: "reset" }), [
      "a",
      "transport",
      null,
      "reset"
    ])
  })

  it("an error of another shape is not lost", () => {
    assert.deepStrictEqual(Table.errorRow("a", ["odd"]), ["a", null, null, '["odd"]'])
  })
})
