import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Inference, type Journal, Row } from "@stint/batch"
import { Effect, Schema, Stream } from "effect"
import { file } from "./folder.ts"

const read = Effect.fnUntraced(function* (content: string, kind: Row.Kind = "embed") {
  return yield* Stream.runCollect(Row.source(yield* file(content), kind))
})

const refused = (content: string, kind?: Row.Kind) => Effect.flip(read(content, kind))

const lines = (...rows: ReadonlyArray<unknown>) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

const batchLine = {
  custom_id: "request-1",
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "gpt", messages: [{ role: "user", content: "Hello" }] }
}

const plain = { id: "a", input: "the sea" }

describe("a line of the OpenAI batch format", () => {
  const accepted: ReadonlyArray<readonly [string, Record<string, Schema.Json>]> = [
    ["as OpenAI documents it", batchLine],
    ["without a method", { custom_id: "x", url: "/v1/embeddings", body: { input: "a" } }],
    ["without a url", { custom_id: "x", method: "POST", body: { input: "a" } }],
    ["with its body alone", { custom_id: "x", body: { input: "a" } }],
    ["with stream: false", { custom_id: "x", body: { stream: false } }]
  ]
  for (const [what, row] of accepted) {
    it.effect(`is read ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual<ReadonlyArray<unknown>>(yield* read(lines(row)), [row])
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  const refusals: ReadonlyArray<readonly [string, Record<string, Schema.Json>, RegExp]> = [
    ["that streams", { ...batchLine, body: { stream: true } }, /stream: true is not for a batch/],
    [
      "for another origin, without a scheme",
      { ...batchLine, url: "//evil.example/v1" },
      /a path on the endpoint/
    ],
    ["for another origin", { ...batchLine, url: "https://evil.example/v1" }, /a path on the endpoint/],
    ["for a path that begins nowhere", { ...batchLine, url: "v1/embeddings" }, /a path on the endpoint/],
    ["that is no POST", { ...batchLine, method: "GET" }, /method/],
    ["without a body", { custom_id: "x", url: "/v1/embeddings" }, /body/],
    ["whose body is text", { ...batchLine, body: "Hello" }, /body/],
    ["with an empty id", { ...batchLine, custom_id: "" }, /custom_id/],
    ["with a number as id", { ...batchLine, custom_id: 7 }, /custom_id/]
  ]
  for (const [what, row, detail] of refusals) {
    it.effect(`is refused ${what}, by file, line and field`, () =>
      Effect.gen(function* () {
        const error = yield* refused(lines(batchLine, batchLine, row), "chat")
        assert.strictEqual(error.line, 3)
        assert.match(error.message, /rows\.jsonl:3: /)
        assert.match(error.detail, detail)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("is not taken for a plain row because it has an id and an input as well", () =>
    Effect.gen(function* () {
      const row = { ...batchLine, body: { stream: true }, id: "a", input: "the sea" }
      assert.match((yield* refused(lines(row))).detail, /stream: true/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a plain row", () => {
  it.effect("may have a number as its id, which is taken as its text", () =>
    Effect.gen(function* () {
      const rows = yield* read(
        lines({ id: 7, input: "a" }, { id: "7.5", input: "b" }, { id: -3, input: "c" })
      )
      assert.deepStrictEqual(rows.map(Row.keyOf), ["7", "7.5", "-3"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const id of ["12345678901234567891", "0.5", "1e300"]) {
    it.effect(`may not have ${id} as its id, which is not held exactly`, () =>
      Effect.gen(function* () {
        const error = yield* refused(`{"id":${id},"input":"a"}\n`, "embed")
        assert.include(error.message, "write the id as text")
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  const wrong: ReadonlyArray<readonly [Row.Kind, Schema.Json]> = [
    ["embed", 7],
    ["embed", ["a", "b"]],
    ["classify", { text: "a" }],
    ["generate", null],
    ["image", true],
    ["chat", 7],
    ["chat", []],
    ["chat", [{ role: "user" }]],
    ["chat", [{ content: "a" }]]
  ]
  for (const [kind, input] of wrong) {
    it.effect(`${kind} - refuses ${JSON.stringify(input)}, naming the field`, () =>
      Effect.gen(function* () {
        const error = yield* refused(lines({ id: "a", input }), kind)
        assert.strictEqual(error.line, 1)
        assert.match(error.detail, /input/)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  const right: ReadonlyArray<readonly [Row.Kind, Schema.Json]> = [
    ["embed", "a"],
    ["classify", ""],
    ["generate", "a"],
    ["image", "a cat"],
    ["chat", "Hello"],
    ["chat", [{ role: "user", content: [{ type: "text", text: "Hello" }] }]],
    ["http", null],
    ["http", { any: ["thing"] }]
  ]
  for (const [kind, input] of right) {
    it.effect(`${kind} - takes ${JSON.stringify(input)}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* read(lines({ id: "a", input }), kind), [{ id: "a", input }])
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  const nameless: ReadonlyArray<readonly [string, Record<string, Schema.Json>]> = [
    ["no id", { input: "a" }],
    ["an empty id", { id: "", input: "a" }],
    ["an id that is a list", { id: ["a"], input: "a" }],
    ["no input", { id: "a" }]
  ]
  for (const [what, row] of nameless) {
    it.effect(`is refused with ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* refused(lines(plain, row))
        assert.strictEqual(error.line, 2)
        assert.match(error.detail, what.includes("input") ? /input/ : /id/)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})

describe("a file of rows", () => {
  it.effect("may mix both shapes, with a byte order mark, CRLF and blank lines", () =>
    Effect.gen(function* () {
      const text = `\u{feff}${JSON.stringify(plain)}\r\n\r\n  \n${JSON.stringify(batchLine)}\r\n`
      assert.deepStrictEqual((yield* read(text)).map(Row.keyOf), ["a", "request-1"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

it("a message is sent whole, with what it holds beside role and content", () => {
  const messages = [
    { role: "assistant", content: null, tool_calls: [{ id: "c1" }] },
    { role: "tool", content: "5", tool_call_id: "c1" }
  ]
  assert.deepStrictEqual(Inference.chatRequest(messages).body, { messages })
})

describe("a row's fingerprint", () => {
  const print = (row: Row.Row, kind: Row.Kind = "embed") => JSON.stringify(Row.job(kind).fingerprint(row))
  const of = (row: Record<string, Schema.Json>, kind?: Row.Kind) =>
    Effect.map(read(lines(row), kind), ([first]) => (first === undefined ? "" : print(first, kind)))

  it.effect("does not depend on its id, and depends on everything that is sent", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* of(plain), yield* of({ ...plain, id: "b" }))
      assert.notStrictEqual(yield* of(plain), yield* of({ ...plain, input: "the shore" }))
      const body = { input: "a" }
      assert.notStrictEqual(
        yield* of({ custom_id: "x", url: "/v1/a", body }),
        yield* of({ custom_id: "x", url: "/v1/b", body })
      )
      assert.strictEqual(
        yield* of({ custom_id: "x", url: "/v1/embeddings", method: "POST", body }),
        yield* of({ custom_id: "y", body })
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("format", () => {
  const entry = (key: string, more: Partial<Journal.Entry>): Journal.Entry => ({
    key,
    fingerprint: "0123456789abcdef",
    tag: "Succeeded",
    attempts: 1,
    durationMillis: 1,
    ...more
  })
  const error = { reason: "row", message: "too long", status: 422 }

  it("a batch line succeeds as OpenAI writes it", () => {
    const response = { status_code: 200, request_id: "r-1", body: { data: [] } }
    assert.deepStrictEqual(Row.format(entry("request-1", { output: { response } })), {
      id: "batch_req_request-1",
      custom_id: "request-1",
      response,
      error: null
    })
  })

  it("a plain row succeeds as its id and its output", () => {
    assert.deepStrictEqual(Row.format(entry("a", { output: { output: [1, 2] } })), {
      id: "a",
      output: [1, 2]
    })
  })

  it("a plain row whose output looks like an OpenAI answer stays plain", () => {
    const output = { response: "hello" }
    assert.deepStrictEqual(Row.format(entry("a", { output: { output } })), { id: "a", output })
  })

  const rows: ReadonlyArray<readonly [string, Row.Kind, Record<string, Schema.Json>]> = [
    ["a batch line", "chat", batchLine],
    ["a batch line without method and url", "embed", { custom_id: "x", body: { input: "a" } }],
    ["a plain row", "embed", plain],
    ["a plain row whose id is a number", "embed", { id: 7, input: "a" }],
    ["a conversation", "chat", { id: "c", input: [{ role: "user", content: "Hello" }] }],
    ["any JSON", "http", { id: "h", input: { a: [1] } }],
    ["null", "http", { id: "n", input: null }]
  ]
  for (const [what, kind, row] of rows) {
    it.effect(`${what} that failed can be run again from errors.jsonl: same key, same fingerprint`, () =>
      Effect.gen(function* () {
        const [first] = yield* read(lines(row), kind)
        if (first === undefined) return assert.fail("no row")
        const written = Row.format(entry(Row.keyOf(first), { tag: "Failed", error, input: first }))
        assert.include(JSON.stringify(written), "too long")
        const [again] = yield* read(lines(written), kind)
        if (again === undefined) return assert.fail("no row")
        const { fingerprint, key } = Row.job(kind)
        assert.strictEqual(key(again), key(first))
        assert.deepStrictEqual(fingerprint(again), fingerprint(first))
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})

describe("what is written without decoding it", () => {
  const entries: ReadonlyArray<readonly [what: string, output: Schema.Json]> = [
    ["a plain row", { output: [0.5, -1e-7, 'a "quoted" } text', { deep: [null] }] }],
    ["a batch line", { response: { status_code: 200, request_id: null, body: { text: "é\u2028\\" } } }],
    ["an output of another kind", { output: 1, more: 2 }]
  ]
  for (const [what, output] of entries) {
    it(`${what} is the same as what is decoded`, () => {
      const key = 'a "key"'
      const spliced = Row.format.splice?.(key, JSON.stringify(output))
      const written = JSON.stringify(
        Row.format({
          key,
          fingerprint: "0".repeat(16),
          tag: "Succeeded",
          attempts: 1,
          durationMillis: 1,
          output
        })
      )
      if (what === "an output of another kind") assert.isUndefined(spliced)
      else assert.strictEqual(spliced, written)
    })
  }
})
