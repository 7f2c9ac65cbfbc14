import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Source } from "@stint/batch"
import { Arbitrary, Effect, FileSystem, Schema, Stream } from "effect"
import { Csv } from "effect/encoding"
import { CsvSplitter } from "../src/internal/input/csvFile.ts"
import { file } from "./folder.ts"

const Row = Schema.Struct({ id: Schema.String, text: Schema.String })

const read = Effect.fnUntraced(function* (content: string | Uint8Array, options?: Source.CsvOptions) {
  return yield* Stream.runCollect(Source.csv(yield* file(content, "rows.csv"), Row, options))
})

const refusal = (content: string | Uint8Array, options?: Source.CsvOptions) =>
  Effect.map(Effect.flip(read(content, options)), ({ message }) =>
    message.replace(/\S*\/rows\.csv/g, "rows.csv")
  )

const problemsOf = Effect.fnUntraced(function* (content: string | Uint8Array, maxLineBytes?: number) {
  const rows = Source.checkedCsv(yield* file(content, "rows.csv"), Row, { key: ({ id }) => id, maxLineBytes })
  const error = yield* Effect.flip(Stream.runDrain(rows.items))
  return error._tag === "InvalidInput" ? error.problems : assert.fail(`${error._tag}: ${error.message}`)
})

const plain = [
  { id: "a", text: "one" },
  { id: "b", text: "two" }
]

const same: ReadonlyArray<readonly [string, string, Source.CsvOptions?]> = [
  ["LF", "id,text\na,one\nb,two\n"],
  ["CRLF", "id,text\r\na,one\r\nb,two\r\n"],
  ["CR", "id,text\ra,one\rb,two\r"],
  ["no end of the last line", "id,text\na,one\nb,two"],
  ["a byte order mark", "\ufeffid,text\na,one\nb,two\n"],
  ["quotes around everything", '"id","text"\n"a","one"\n"b","two"\n'],
  ["a byte order mark before a quote", '\ufeff"id",text\na,one\nb,two\n'],
  ["columns in another order, and others", "n,text,x,id\n1,one,,a\n2,two,,b\n"],
  ["blank lines", "\n\nid,text\n\na,one\r\n\r\nb,two\n\n"],
  ["a column without a name, as pandas writes its index", ",id,text\n0,a,one\n1,b,two\n"],
  ["another delimiter", "id;text\na;one\nb;two\n", { delimiter: ";" }],
  ["tabs", "id\ttext\na\tone\nb\ttwo\n", { delimiter: "\t" }],
  ["no header", "a,one\nb,two\n", { columns: ["id", "text"] }]
]

describe("CSV", () => {
  for (const [what, content, options] of same) {
    it.effect(`is read with ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* read(content, options), plain)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("is read with delimiters, quotes and line ends in its cells, which are kept as they are", () =>
    Effect.gen(function* () {
      const rows = yield* read('id,text\na,"one, ""two""\nthree\r\nfour\rfive"\nb,"" \n'.replace('"" ', '""'))
      assert.deepStrictEqual(rows, [
        { id: "a", text: 'one, "two"\nthree\r\nfour\rfive' },
        { id: "b", text: "" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("that is empty has no header, and is refused", () =>
    Effect.gen(function* () {
      for (const content of ["", "\ufeff", "\n\n"]) {
        assert.match(yield* refusal(content), /rows\.csv.* is empty: it has no header/)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("with Excel's line before the header is refused by its name", () =>
    Effect.gen(function* () {
      assert.match(
        yield* refusal("sep=;\nid;text\na;b\n"),
        /begins with sep=;, a line for Excel and no header: remove it, and say .*--delimiter ";"/
      )
      assert.match(
        yield* refusal("sep=;\r\nid;text\r\n", { delimiter: ";" }),
        /begins with sep=;.*: remove it/
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is read with 10,000 columns", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 10_000 }, (_, at) =>
        at === 9_000 ? "id" : at === 77 ? "text" : `c${at}`
      )
      const cells = names.map((_, at) => `v${at}`)
      assert.deepStrictEqual(yield* read(`${names.join()}\n${cells.join()}\n`), [
        { id: "v9000", text: "v77" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("gives a schema its numbers, dates and missing members from texts", () =>
    Effect.gen(function* () {
      const Typed = Schema.Struct({
        id: Schema.String,
        n: Schema.Int,
        ok: Schema.optionalKey(Schema.Boolean),
        at: Schema.Date
      })
      const path = yield* file(
        "id,n,ok,at\na,7,true,2024-02-29T00:00:00.000Z\nb,8,,2024-02-29\nc,x,,2024\n",
        "rows.csv"
      )
      const items = Source.csv(path, Typed)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(items, 2)), [
        { id: "a", n: 7, ok: true, at: new Date("2024-02-29T00:00:00.000Z") },
        { id: "b", n: 8, at: new Date("2024-02-29") }
      ])
      const { message } = yield* Effect.flip(Stream.runDrain(items))
      assert.match(message, /rows\.csv:4: n: /)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("may have a column named __proto__", () =>
    Effect.gen(function* () {
      const path = yield* file("id,__proto__\na,x\n", "rows.csv")
      const rows = yield* Stream.runCollect(Source.csv(path, Schema.Record(Schema.String, Schema.String)))
      assert.deepStrictEqual(
        rows.map((row) => Object.entries(row)),
        [
          [
            ["id", "a"],
            ["__proto__", "x"]
          ]
        ]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("without any row has none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read("id,text\n"), [])
      assert.deepStrictEqual(yield* read("", { columns: ["id", "text"] }), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

/** What is wrong with a whole file, and what is said of it. */
const unusable: ReadonlyArray<readonly [string, string | Uint8Array, RegExp, Source.CsvOptions?]> = [
  ["a column that is missing", "id,txt\na,x\n", /has no column text; it has id, txt/],
  ["columns that are missing", "a,b\n1,2\n", /has no columns id, text; it has a, b/],
  ["another delimiter", "id;text\na;x\n", /if ";" stands between its columns, say so .*--delimiter/],
  ["a name that stands twice", "id,text,id\na,x,b\n", /two columns named id \(columns 1 and 3\)/],
  ["no name at all", ",\na,b\n", /no name for any column.*--columns/],
  ["a header that is broken", 'id,te"xt\na,b\n', /first line that is no header/],
  ["Parquet", new TextEncoder().encode("PAR1...."), /is Parquet.*--input-format parquet/],
  ["lines of JSON", '{"id":"a"}\n', /looks like lines of JSON.*--input-format jsonl/],
  ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0]), /gunzip/],
  ["a spreadsheet", new Uint8Array([0x50, 0x4b, 3, 4]), /save it as CSV/],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x69, 0]), /UTF-16.*iconv/],
  ["UTF-16 without a mark", new Uint8Array([0x69, 0, 0x64, 0, 0x2c, 0]), /UTF-16/]
]

describe("a CSV file is refused", () => {
  for (const [what, content, message, options] of unusable) {
    it.effect(`for ${what}`, () =>
      Effect.gen(function* () {
        const text = yield* refusal(content, options)
        assert.match(text, /^The input rows\.csv cannot be read: /)
        assert.match(text, message)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})

describe("a check of CSV", () => {
  it.effect("finds every bad record in one go, each with the line that it begins on", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(
        [
          "id,text", // 1
          'a,"two', // 2
          'lines"',
          "b", // 4
          "c,x,y", // 5
          'd,5" nail', // 6
          'e,"x"y', // 7
          "a,again", // 8
          'f,"good"', // 9
          'g,"never closed', // 10
          "h,lost"
        ].join("\n")
      )
      assert.deepStrictEqual(
        problems.map(({ line }) => line),
        [4, 5, 6, 7, 8, 10]
      )
      const [few, many, stray, after, twice, open] = problems.map(({ detail }) => detail)
      assert.strictEqual(few, "has 1 cell, and the header 2 columns")
      assert.match(many ?? "", /^has 3 cells, and the header 2 columns: .* in quotes$/)
      assert.match(stray ?? "", /^cell 2 has a quote and does not begin with one/)
      assert.match(after ?? "", /^cell 2 goes on after the quote that ends it/)
      assert.match(twice ?? "", /the id "a" is that of line 2/)
      assert.match(open ?? "", /^the quote that begins cell 2 is never closed/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("finds records that are too long or not UTF-8, and goes on after them", () =>
    Effect.gen(function* () {
      const encoder = new TextEncoder()
      const bytes = [
        ...encoder.encode(`id,text\na,${"x".repeat(400_000)}\nb,fine\nc,`),
        0xff,
        ...encoder.encode(`\nd,${"y".repeat(120)}\ne,\ufffd\n`)
      ]
      assert.deepStrictEqual(yield* problemsOf(new Uint8Array(bytes), 100), [
        { line: 2, detail: "is longer than 100 characters" },
        { line: 4, detail: "is not UTF-8" },
        { line: 5, detail: "is longer than 100 characters" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("skips bad records when it is told to, but not what follows a quote that is never closed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file('id,text\na,x\nb\nc,5" nail\nd,"x, y"\n', "rows.csv")
      const options = {
        key: ({ id }: typeof Row.Type) => id,
        onInvalid: "skip",
        invalidPath: `${path}.invalid`
      } as const
      const rows = Source.checkedCsv(path, Row, options)
      const good = [
        { id: "a", text: "x" },
        { id: "d", text: "x, y" }
      ]
      assert.deepStrictEqual(yield* Stream.runCollect(rows.items), good)
      assert.deepStrictEqual(yield* Stream.runCollect(rows.items), good, "the same again")
      const invalid = (yield* fs.readFileString(`${path}.invalid`)).trim().split("\n")
      assert.include(invalid[0], '{"line":3,"error":{"reason":"invalid","message":"has 1 cell')
      assert.include(invalid[1], '"text":"c,5\\" nail"}')
      yield* fs.writeFileString(path, 'id,text\na,x\nb,"open\nc,y\n')
      const error = yield* Effect.flip(Stream.runDrain(Source.checkedCsv(path, Row, options).items))
      assert.strictEqual(error._tag, "SourceError")
      assert.match(error.message, /rows\.csv:3: the quote that begins cell 2 is never closed/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect(
    "names the line of a quote that was opened within a record, and ends at a cell without an end",
    () =>
      Effect.gen(function* () {
        const [problem] = yield* problemsOf('id,text\n"a\nb","open\nc,y\n')
        assert.strictEqual(problem?.line, 2)
        assert.match(problem?.detail ?? "", /begins cell 2 \(line 3\) is never closed/)
        const [long, ...others] = yield* problemsOf(`id,text\na,"${"x\n".repeat(1000)}`, 100)
        assert.strictEqual(long?.line, 2)
        assert.match(long?.detail ?? "", /never closed within 100 characters/)
        assert.deepStrictEqual(others, [])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("notices a file that is changed between two readings", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file("id,text\na,x\n", "rows.csv")
      const rows = Source.checkedCsv(path, Row)
      yield* Stream.runDrain(rows.items)
      yield* fs.writeFileString(path, "id,text\na,x\nb,y\n")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(rows.items)))._tag, "InputChanged")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const textOf = (pieces: ReadonlyArray<string>) =>
  Arbitrary.map(Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces))), (all) => all.join(""))

const cell = textOf([
  "a",
  "é",
  "😀",
  '"',
  ",",
  "\n",
  "\r",
  "\r\n",
  " ",
  "\ufeff",
  "\u0000",
  "{{",
  "xyz".repeat(50)
])
const cells = Arbitrary.array(Arbitrary.array(cell, { minLength: 3, maxLength: 3 }))

describe("any cells at all", () => {
  it.effect.prop(
    "come back from a file as they were written",
    { rows: cells, newline: Schema.Literals(["\n", "\r\n"]) },
    ({ rows, newline }) =>
      Effect.gen(function* () {
        const parts = yield* Stream.fromIterable(rows).pipe(
          Stream.pipeThroughChannel(Csv.encodeString({ newline })),
          Stream.runCollect
        )
        const path = yield* file(`x,y,z${newline}${parts.join("")}`, "rows.csv")
        const Cells = Schema.Struct({ x: Schema.String, y: Schema.String, z: Schema.String })
        const read = yield* Stream.runCollect(Source.csv(path, Cells))
        assert.deepStrictEqual(
          read.map(({ x, y, z }) => [x, y, z]),
          rows
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "are the same records wherever the bytes are cut, and those of Effect's decoder",
    {
      text: textOf(["a", "é", ",", '"', '""', "\r", "\n"]),
      cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })))
    },
    ({ text, cuts }) =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(text)
        const parse = (sizes: ReadonlyArray<number>) => {
          const splitter = new CsvSplitter({ columns: ["x"] }, 1_000_000, () => undefined)
          const found: Array<ReturnType<typeof splitter.take>> = []
          let at = 0
          for (const size of [...sizes, bytes.length]) {
            const chunk = bytes.slice(at, at + size)
            found.push(splitter.take(chunk))
            // The buffer is used again.
            chunk.fill(120)
            at += size
          }
          const records = [...found.flat(), ...splitter.end()]
          return {
            lines: splitter.count,
            records: records.map(({ number, row, cells, problem }) => ({ number, row, cells, problem }))
          }
        }
        const whole = parse([])
        assert.deepStrictEqual(parse(cuts), whole)
        const theirs = yield* Stream.make(text).pipe(
          Stream.pipeThroughChannel(Csv.decodeString({ ignoreEmptyLines: true })),
          Stream.runCollect,
          Effect.result
        )
        if (theirs._tag === "Success") {
          assert.deepStrictEqual(
            whole.records.map((record) => record.cells),
            theirs.success
          )
        } else {
          const bad = whole.records.find(({ problem }) => problem !== undefined)
          assert.isDefined(bad, "what is broken for one is broken for both")
        }
      })
  )
})
