import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Row, Template } from "@stint/batch"
import { Effect, Stream } from "effect"
import { file } from "./folder.ts"

const read = Effect.fnUntraced(function* (
  content: string,
  options: Row.Options & { readonly kind?: Row.Kind } = {}
) {
  const { kind = "embed", ...others } = options
  const items = Row.checked(yield* file(content), kind, { name: "rows", ...others }).items
  return yield* Stream.runCollect(items)
})

const message = (content: string, options?: Row.Options & { readonly kind?: Row.Kind }) =>
  Effect.map(Effect.flip(read(content, options)), (error) => error.message)

describe("rows of a table", () => {
  it.effect("take id and input by the names of the columns", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read("input,n,id\nx,1,a\ny,2,b\n", { format: "csv" }), [
        { id: "a", input: "x" },
        { id: "b", input: "y" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("take them from the columns that a mapping names", () =>
    Effect.gen(function* () {
      const mapping = { id: "doc", input: "text" }
      assert.deepStrictEqual(yield* read("doc,text\na,x\n", { format: "csv", mapping }), [
        { id: "a", input: "x" }
      ])
      assert.deepStrictEqual(yield* read('{"doc":7,"text":"x"}\n', { mapping }), [{ id: 7, input: "x" }])
      const nested = { id: "meta.doc", input: "parts.0" }
      assert.deepStrictEqual(yield* read('{"meta":{"doc":"a"},"parts":["x"]}\n', { mapping: nested }), [
        { id: "a", input: "x" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("may be numbered: by the line of JSON, and by the row of a table", () =>
    Effect.gen(function* () {
      const mapping = { idFromRow: true, input: "t" }
      assert.deepStrictEqual(yield* read('{"t":"x"}\n\n{"t":"y"}\n', { mapping }), [
        { id: "1", input: "x" },
        { id: "3", input: "y" }
      ])
      assert.deepStrictEqual(yield* read('t,u\n"x\n",1\ny,2\n', { format: "csv", mapping }), [
        { id: "1", input: "x\n" },
        { id: "2", input: "y" }
      ])
      const csv = { columns: ["t"] }
      assert.deepStrictEqual(yield* read("x\ny\n", { format: "csv", csv, mapping }), [
        { id: "1", input: "x" },
        { id: "2", input: "y" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fill a template", () =>
    Effect.gen(function* () {
      const template = yield* Template.make("{{lang}}: {{text}}")
      const mapping = { template }
      assert.deepStrictEqual(
        yield* read("id,lang,text\na,en,x\n", { format: "csv", mapping, kind: "chat" }),
        [{ id: "a", input: "en: x" }]
      )
      assert.match(
        yield* message('{"id":"a","lang":"en"}\n{"id":"b","lang":null,"text":"x"}\n', {
          mapping,
          kind: "chat"
        }),
        /rows:1: text: is missing, and the template needs it\nrows:2: lang: is null/
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("name the column of the file that is wrong, not the field that it was to be", () =>
    Effect.gen(function* () {
      const mapping = { id: "doc", input: "text" }
      assert.match(yield* message('{"doc":"a","text":7}\n', { mapping }), /rows:1: text: /)
      assert.match(yield* message('{"text":"x"}\n', { mapping }), /rows:1: doc: is missing/)
      assert.match(yield* message("doc,text\n,x\n", { format: "csv", mapping }), /rows:2: doc: is empty/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are refused at once when a column is not there", () =>
    Effect.gen(function* () {
      assert.match(
        yield* message("id,text\na,x\n", { format: "csv" }),
        /has no column input; it has id, text/
      )
      const template = yield* Template.make("{{txt}}")
      assert.match(
        yield* message("id,text\na,x\n", { format: "csv", mapping: { template } }),
        /has no column txt; it has id, text/
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("that are CSV are told from lines of JSON", () =>
    Effect.gen(function* () {
      assert.match(yield* message("id,input\na,x\n"), /looks like CSV.*--input-format csv/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const chat = (content: string) => ({ model: "m", messages: [{ role: "user", content }] })
const line = (value: unknown) => `${JSON.stringify(value)}\n`

/** Files in the shapes that the documents of others show. */
const batchFiles: ReadonlyArray<readonly [string, Row.Kind, string, number]> = [
  [
    "OpenAI's",
    "chat",
    line({
      custom_id: "request-1",
      method: "POST",
      url: "/v1/chat/completions",
      body: { ...chat("hi"), max_tokens: 10 }
    }) +
      line({
        custom_id: "request-2",
        method: "POST",
        url: "/v1/chat/completions",
        body: chat("there")
      }).trimEnd(),
    2
  ],
  [
    "OpenAI's, for embeddings of lists",
    "embed",
    line({
      custom_id: "e-1",
      method: "POST",
      url: "/v1/embeddings",
      body: { model: "m", input: ["a", "b"] }
    }),
    1
  ],
  [
    "vLLM's, with several paths and blank lines",
    "chat",
    line({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body: chat("hi") }) +
      "\n" +
      line({ custom_id: "b", method: "POST", url: "/v1/embeddings", body: { model: "m", input: "x" } }) +
      "\n" +
      line({
        custom_id: "c",
        method: "POST",
        url: "/v1/score",
        body: { model: "m", text_1: "x", text_2: ["y"] }
      }) +
      line({
        custom_id: "d",
        method: "POST",
        url: "/rerank",
        body: { model: "m", query: "x", documents: ["y"] }
      }),
    4
  ],
  [
    "Fireworks', without method and url",
    "chat",
    line({ custom_id: "a", body: { messages: [{ role: "user", content: "hi" }], max_tokens: 5 } }),
    1
  ],
  [
    "Windows', with a byte order mark and CRLF",
    "chat",
    `\ufeff${line({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body: chat("hi") }).replace("\n", "\r\n")}`,
    1
  ],
  [
    "one with ids longer than the 64 characters that some take",
    "chat",
    line({ custom_id: "i".repeat(300), method: "POST", url: "/v1/chat/completions", body: chat("hi") }),
    1
  ]
]

describe("a batch file", () => {
  for (const [whose, kind, content, count] of batchFiles) {
    it.effect(`${whose}, is taken as it is`, () =>
      Effect.gen(function* () {
        const rows = yield* read(content, { kind })
        assert.strictEqual(rows.length, count)
        const lines = content.split("\n").filter((text) => text.trim() !== "")
        assert.deepStrictEqual(
          rows.map((row): unknown => row),
          lines.map((text): unknown => JSON.parse(text.replace("\ufeff", "")))
        )
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("of Anthropic's shape is called what it is", () =>
    Effect.gen(function* () {
      const content = line({ custom_id: "a", params: { model: "m", max_tokens: 5, messages: [] } })
      assert.match(
        yield* message(content, { kind: "chat" }),
        /rows:1: params: is the shape of Anthropic's batches/
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("with a number that loses digits is refused, with its line and field", () =>
    Effect.gen(function* () {
      const row = (seed: string) =>
        `{"custom_id":"${seed}","body":{"messages":[{"role":"user","content":"hi"}],"seed":${seed}}}\n`
      assert.match(
        yield* message(row("1") + row("12345678901234567890"), { kind: "chat" }),
        /rows:2: body\.seed: a number this long loses digits: write it as text/
      )
      assert.lengthOf(yield* read(row("9007199254740991") + row("1.0") + row("1e2"), { kind: "chat" }), 3)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("and a template are refused such a number, in the columns that are taken", () =>
    Effect.gen(function* () {
      const template = yield* Template.make("{{meta.n}}")
      const options = { kind: "chat", mapping: { template } } as const
      assert.match(
        yield* message('{"id":"a","meta":{"n":12345678901234567890}}\n', options),
        /rows:1: meta\.n: a number this long loses digits/
      )
      assert.deepStrictEqual(
        yield* read('{"id":"a","meta":{"n":7},"tweet":1234567890123456789}\n', options),
        [{ id: "a", input: "7" }]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("that is nested too deep is a bad line, and can be left out", () =>
    Effect.gen(function* () {
      const deep = `{"custom_id":"a","body":{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}}\n`
      assert.match(yield* message(deep, { kind: "http" }), /rows:1: is nested more than 512 deep/)
      const good = '{"custom_id":"b","body":{}}\n'
      assert.lengthOf(yield* read(deep + good, { kind: "http", onInvalid: "skip" }), 1)
      const just = `{"custom_id":"a","body":{"x":${"[".repeat(510)}${"]".repeat(510)}}}\n`
      assert.lengthOf(yield* read(just, { kind: "http" }), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
