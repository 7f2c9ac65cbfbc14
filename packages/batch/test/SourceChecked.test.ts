import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Row, Source } from "@stint/batch"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { file, folder } from "./folder.ts"

const good = (id: string) => `{"id":${JSON.stringify(id)},"input":"x"}`

const refused = (checked: Source.Checked<Row.Row, never>) =>
  Effect.map(Effect.flip(Stream.runDrain(checked.items)), (error) =>
    error._tag === "InvalidInput" ? error : assert.fail(`${error._tag}: ${error.message}`)
  )

const problemsOf = Effect.fnUntraced(function* (content: string | Uint8Array, kind: Row.Kind = "embed") {
  return (yield* refused(Row.checked(yield* file(content), kind))).problems
})

const batchLine = (more: Record<string, Schema.Json>) =>
  JSON.stringify({ custom_id: "c", body: { input: "x" }, ...more })
const messages = (...list: ReadonlyArray<Schema.Json>) =>
  batchLine({ url: "/v1/chat/completions", body: { messages: list } })
const hello = { role: "user", content: "hello" }

/** What is wrong, the line, the field, what is said of it. */
const wrong: ReadonlyArray<readonly [string, string, string | undefined, RegExp]> = [
  ["what is no JSON", "nonsense", undefined, /^is not JSON/],
  ["half a line", `{"id":"a","inp`, undefined, /^is not JSON/],
  ["two values", `${good("a")}${good("b")}`, undefined, /^is not JSON/],
  ["a raw NUL byte", `{"id":"a","input":"\u0000"}`, undefined, /^is not JSON/],
  ["a list", "[1]", undefined, /object/],
  ["a number", "7", undefined, /object/],
  ["no id", `{"input":"x"}`, "id", /is missing/],
  ["an empty id", good(""), "id", /is empty/],
  ["an id that is a list", `{"id":["a"],"input":"x"}`, "id", /string/],
  ["an id that loses digits", `{"id":12345678901234567891,"input":"x"}`, "id", /write the id as text/],
  ["an id beyond all numbers", `{"id":1e400,"input":"x"}`, "id", /write the id as text/],
  ["an id of 1 MB", good("i".repeat(1_000_000)), "id", /1000000 characters long; an id may have 2048/],
  ["an id with half a character", `{"id":"\\ud800","input":"x"}`, "id", /lone surrogate/],
  ["an id with NUL in it", `{"id":"a\\u0000","input":"x"}`, "id", /NUL/],
  ["no input", `{"id":"a"}`, "input", /is missing/],
  ["an input of the wrong kind", `{"id":"a","input":7}`, "input", /string/],
  ["a body that streams", batchLine({ body: { stream: true } }), "body.stream", /leave it out/],
  ["a body that is text", batchLine({ body: "x" }), "body", /an object/],
  ["a body that is a list", batchLine({ body: [] }), "body", /an object/],
  ["no body", `{"custom_id":"c"}`, "body", /is missing/],
  ["another method", batchLine({ method: "GET" }), "method", /POST/],
  ["another origin", batchLine({ url: "https://evil.example/v1" }), "url", /a path on the endpoint/],
  ["another origin without a scheme", batchLine({ url: "//evil.example" }), "url", /a path on the endpoint/],
  ["another origin for a lax parser", batchLine({ url: "/\\evil.example" }), "url", /a path on the endpoint/],
  ["a path that begins nowhere", batchLine({ url: "v1/embeddings" }), "url", /a path on the endpoint/],
  ["a conversation of nothing", messages(), "body.messages", /at least one/],
  ["a message that is text", messages(hello, "hello"), "body.messages[1]", /role and content/],
  ["a message of nobody", messages(hello, { content: "x" }), "body.messages[1].role", /text/],
  [
    "a message that says nothing",
    messages(hello, { role: "user" }),
    "body.messages[1].content",
    /is missing/
  ],
  [
    "a message that is a number",
    messages(hello, { role: "user", content: 7 }),
    "body.messages[1].content",
    /text/
  ]
]

describe("a check", () => {
  for (const [what, line, field, detail] of wrong) {
    it.effect(`finds ${what}, and says where`, () =>
      Effect.gen(function* () {
        const problems = yield* problemsOf(`${good("first")}\n\n${line}\n${good("last")}\n`)
        assert.strictEqual(problems.length, 1)
        const [problem] = problems
        assert.strictEqual(problem?.line, 3)
        assert.strictEqual(problem?.field, field)
        assert.match(problem?.detail ?? "", detail)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("finds every kind of bad line in one go, in the order of the lines", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(wrong.map(([, line]) => `${good(line)}\n${line}\n`).join(""))
      const long = wrong.findIndex(([what]) => what === "an id of 1 MB")
      // The line of 1 MB makes a bad id of the good line before it as well.
      assert.deepStrictEqual(
        problems.map(({ line }) => line),
        wrong.flatMap(([, line], at) =>
          at === long || line.includes("\u0000") ? [2 * at + 1, 2 * at + 2] : [2 * at + 2]
        )
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("finds bytes that are not UTF-8, and a surrogate that was written as bytes", () =>
    Effect.gen(function* () {
      const bytes = [...new TextEncoder().encode(`${good("a")}\n`), 0x22, 0xff, 0x22, 0x0a, 0xed, 0xa0, 0x80]
      assert.deepStrictEqual(yield* problemsOf(new Uint8Array(bytes)), [
        { line: 2, detail: "is not UTF-8" },
        { line: 3, detail: "is not UTF-8" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("finds lines that are too long, and goes on after them, in bounded memory", () =>
    Effect.gen(function* () {
      const long = good("x".repeat(3_000_000))
      const path = yield* file(
        `${good("a")}\n${long}\n${good("b")}\n{"id":"c","input":"${"x".repeat(200)}"}\n${long}`
      )
      const error = yield* refused(Row.checked(path, "embed", { maxLineBytes: 100 }))
      assert.deepStrictEqual(error.problems, [
        { line: 2, detail: "is longer than 100 bytes" },
        { line: 4, detail: "is longer than 100 bytes" },
        { line: 5, detail: "is longer than 100 bytes" }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("finds ids that stand twice, and names both lines", () =>
    Effect.gen(function* () {
      const ids = ["a", "__proto__", "constructor", "7"]
      const text = [...ids, ...ids].map(good).join("\n")
      assert.deepStrictEqual(
        (yield* problemsOf(`${text}\n{"id":7,"input":"x"}\n`)).map(({ line, detail }) => [line, detail]),
        [
          ...ids.map((id, at) => [
            5 + at,
            `the id "${id}" is that of line ${1 + at} as well; ids must be unique in a file`
          ]),
          [9, `the id "7" is that of line 4 as well; ids must be unique in a file`]
        ]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("does not take a good line for the second of a bad one", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(`{"id":"a","input":7}\n${good("a")}\n`)
      assert.deepStrictEqual(
        problems.map(({ line }) => line),
        [1]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("holds the first 1,000 problems, counts all, shows 10 and says what to do", () =>
    Effect.gen(function* () {
      const path = yield* file("nonsense\n".repeat(2500))
      const error = yield* refused(Row.checked(path, "embed", { name: "stdin" }))
      assert.strictEqual(error.count, 2500)
      assert.strictEqual(error.problems.length, 1000)
      const lines = error.message.split("\n")
      assert.strictEqual(lines.length, 13)
      assert.isTrue(lines[10]?.startsWith("stdin:10: is not JSON"))
      assert.strictEqual(lines[11], "… and 2,490 more")
      assert.include(lines[12], "--skip-invalid")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("says nothing that a terminal obeys, and no more than 300 characters a line", () =>
    Effect.gen(function* () {
      const escape = "\u001b]0;owned\u0007\u202e\u009b31m"
      const path = yield* file(
        [
          escape.repeat(500),
          JSON.stringify({ custom_id: "c", method: escape.repeat(500), body: {} }),
          good(escape),
          good(escape),
          JSON.stringify({ id: "a", input: { [escape]: escape.repeat(500) } })
        ].join("\n")
      )
      const { message, problems } = yield* refused(Row.checked(path, "embed", { name: "rows.jsonl" }))
      assert.strictEqual(problems.length, 4)
      for (const line of message.split("\n")) {
        assert.isAtMost(line.length, 300)
        // oxlint-disable-next-line no-control-regex
        assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a file that holds no lines of JSON", () => {
  const bytes = (text: string, width: "utf16le" | "utf16be", mark: boolean) => {
    const units = [...(mark ? "\u{feff}" : ""), ...text].map((character) => character.charCodeAt(0))
    return new Uint8Array(
      units.flatMap((unit) => (width === "utf16le" ? [unit & 255, unit >> 8] : [unit >> 8, unit & 255]))
    )
  }
  const files: ReadonlyArray<readonly [string, string | Uint8Array, RegExp]> = [
    ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0, 10, 1]), /gzip: unpack it first/],
    ["zstd", new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 1]), /zstd: unpack it first/],
    ["zip", new Uint8Array([0x50, 0x4b, 3, 4, 0]), /zip archive/],
    ["Parquet", "PAR1....", /Parquet/],
    ["UTF-16", bytes(`${good("a")}\n`, "utf16le", true), /UTF-16, not UTF-8/],
    ["UTF-16, the other way", bytes(`${good("a")}\n`, "utf16be", true), /UTF-16, not UTF-8/],
    ["UTF-16 without a mark", bytes(`${good("a")}\n`, "utf16le", false), /UTF-16, not UTF-8/],
    ["one JSON list over several lines", `[\n${good("a")},\n${good("b")}\n]\n`, /one JSON document/],
    ["one JSON object over several lines", `{\n  "id": "a"\n}\n`, /one JSON document/]
  ]
  for (const [what, content, detail] of files) {
    it.effect(`${what} is named, once`, () =>
      Effect.gen(function* () {
        const path = yield* file(content)
        for (const items of [Row.checked(path, "embed").items, Row.source(path, "embed")]) {
          const error = yield* Effect.flip(Stream.runDrain(items))
          assert.strictEqual(error._tag, "SourceError")
          assert.match(error.message, detail)
        }
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("a folder, and nothing at all, are named", () =>
    Effect.gen(function* () {
      const at = yield* folder
      const problem = (path: string) =>
        Effect.map(Effect.flip(Stream.runDrain(Row.checked(path, "embed").items)), ({ message }) => message)
      const said = (path: string, detail: string) =>
        `The input ${path} cannot be read: ${detail}. Mend that and run again.`
      assert.strictEqual(yield* problem(at), said(at, "it is a folder, not a file"))
      assert.strictEqual(yield* problem(`${at}/none`), said(`${at}/none`, "there is no such file or folder"))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const skipping = Effect.fnUntraced(function* (content: string | Uint8Array) {
  const path = yield* Path.Path
  const invalidPath = path.join(yield* folder, "invalid.jsonl")
  const at = yield* file(content)
  return { at, invalidPath, checked: Row.checked(at, "embed", { onInvalid: "skip", invalidPath }) }
})

const Invalid = Schema.fromJsonString(
  Schema.Struct({
    line: Schema.Int,
    error: Schema.Struct({ reason: Schema.Literal("invalid"), message: Schema.String }),
    text: Schema.String
  })
)

const readInvalid = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const lines = (yield* fs.readFileString(path)).split("\n").slice(0, -1)
  return yield* Effect.forEach(lines, (line) => Schema.decodeEffect(Invalid)(line))
})

const keys = (checked: Source.Checked<Row.Row, never>) =>
  Effect.map(Stream.runCollect(checked.items), (rows) => rows.map(Row.keyOf))

describe("going on without bad lines", () => {
  it.effect("gives the good rows, of one id the first, and writes the others down as they were", () =>
    Effect.gen(function* () {
      const bad = `{"id":"a","input":7}`
      const text = `\u{feff}${good("a")}\r\n${bad}\r\n\r\nnonsense \u{1f30a}\r\n${good("a")}\r\n${good("b")}`
      const { checked, invalidPath } = yield* skipping(text)
      assert.isUndefined(yield* checked.check)
      for (const _ of ["first", "again"]) {
        assert.deepStrictEqual(yield* keys(checked), ["a", "b"])
        const check = yield* checked.check
        assert.deepStrictEqual([check?.lines, check?.items, check?.invalid], [6, 2, 3])
      }
      assert.deepStrictEqual(
        (yield* readInvalid(invalidPath)).map(({ line, text }) => [line, text]),
        [
          [2, bad],
          [4, "nonsense \u{1f30a}"],
          [5, good("a")]
        ]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("writes an empty file when no line is bad, and none when the reading does not end", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { checked, invalidPath } = yield* skipping(`${good("a")}\n${good("b")}\n`)
      yield* Stream.runDrain(Stream.take(checked.items, 1))
      assert.isFalse(yield* fs.exists(invalidPath))
      assert.isFalse(yield* fs.exists(`${invalidPath}.part`))
      yield* Stream.runDrain(checked.items)
      assert.strictEqual(yield* fs.readFileString(invalidPath), "")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("any mix: all good rows are given twice, all bad lines are listed, and the sums add up", () =>
    Effect.gen(function* () {
      let state = 7
      const random = (below: number) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return state % below
      }
      for (let round = 0; round < 40; round++) {
        const ids: Array<string> = []
        const bad: Array<number> = []
        const lines: Array<string> = []
        const end = random(2) === 0 ? "\n" : "\r\n"
        const size = random(400)
        for (let number = 1; number <= size; number++) {
          const kind = random(10)
          const repeated = ids[random(ids.length + 1)]
          if (kind === 0) {
            lines.push(wrong[random(wrong.length)]?.[1] ?? "")
            bad.push(number)
          } else if (kind === 1) lines.push(" ".repeat(random(3)))
          else if (kind === 2 && repeated !== undefined) {
            lines.push(good(repeated))
            bad.push(number)
          } else {
            ids.push(`é-${number}-${"日".repeat(random(300))}`)
            lines.push(good(ids.at(-1) ?? ""))
          }
        }
        const text = lines.join(end) + (random(2) === 0 ? end : "")
        const { at, checked, invalidPath } = yield* skipping(text)
        assert.deepStrictEqual(yield* keys(checked), ids)
        assert.deepStrictEqual(yield* keys(checked), ids, "again")
        const check = yield* checked.check
        assert.deepStrictEqual([check?.items, check?.invalid], [ids.length, bad.length])
        const written = yield* readInvalid(invalidPath)
        assert.deepStrictEqual(
          written.map(({ line }) => line),
          bad
        )
        assert.deepStrictEqual(
          written.map(({ text }) => text),
          bad.map((number) => lines[number - 1] ?? "")
        )
        if (bad.length > 0) {
          const { problems } = yield* refused(Row.checked(at, "embed"))
          assert.deepStrictEqual(
            problems.map(({ line }) => line),
            bad
          )
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a file that changes after its check", () => {
  const grow = (fs: FileSystem.FileSystem, at: string) =>
    fs.writeFileString(at, `${good("later")}\n`, { flag: "a" })

  it.effect("fails the next reading before it gives an item", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, checked } = yield* skipping(`${good("a")}\n${good("b")}\n`)
      yield* Stream.runDrain(checked.items)
      yield* grow(fs, at)
      let given = 0
      const error = yield* Effect.flip(Stream.runForEach(checked.items, () => Effect.sync(() => given++)))
      assert.strictEqual(error._tag, "InputChanged")
      assert.match(error.message, /was changed after it was checked: it had \d+ bytes and has \d+ now/)
      assert.strictEqual(given, 0)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fails the next reading when it is another file, or was written to in place", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const text = `${good("a")}\n${good("b")}\n`
      const { at, checked } = yield* skipping(text)
      yield* Stream.runDrain(checked.items)
      yield* fs.utimes(at, 1, 1)
      assert.match((yield* Effect.flip(Stream.runDrain(checked.items))).message, /it was written to/)
      const other = yield* skipping(text)
      yield* Stream.runDrain(other.checked.items)
      yield* fs.rename(yield* file(text), other.at)
      assert.match(
        (yield* Effect.flip(Stream.runDrain(other.checked.items))).message,
        /it is another file now/
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("ends a reading that is under way before anything new is given", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const ids = Array.from({ length: 60_000 }, (_, at) => `${at}-${"x".repeat(40)}`)
      const { at, checked } = yield* skipping(ids.map((id) => `${good(id)}\n`).join(""))
      yield* Stream.runDrain(checked.items)
      const given: Array<string> = []
      const error = yield* Effect.flip(
        Stream.runForEach(checked.items, (row) =>
          given.push(Row.keyOf(row)) === 1 ? Effect.orDie(grow(fs, at)) : Effect.void
        )
      )
      assert.strictEqual(error._tag, "InputChanged")
      assert.isBelow(given.length, ids.length)
      assert.deepStrictEqual(given, ids.slice(0, given.length))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is refused when it changes during the check", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, checked } = yield* skipping(`${good("a")}\n`)
      const error = yield* Effect.flip(Stream.runForEach(checked.items, () => Effect.orDie(grow(fs, at))))
      assert.strictEqual(error._tag, "SourceError")
      assert.match(error.message, /changed while it was being checked/)
      assert.isUndefined(yield* checked.check)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
