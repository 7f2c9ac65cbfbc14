/** The files of the results: all or none, other kinds than JSONL, and counts that add up. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Row, Sink, Table } from "@stint/batch"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { Csv } from "effect/encoding"
import { folder } from "./folder.ts"

const entry = (key: string, more: Partial<Journal.Entry> = {}): Journal.Entry => ({
  key,
  fingerprint: "0123456789abcdef",
  tag: "Succeeded",
  attempts: 1,
  durationMillis: 1,
  output: key.length,
  ...more
})

const failed = (key: string) =>
  entry(key, { tag: "Failed", input: key, error: { reason: "row", message: "no" } })

const journalOf = (entries: ReadonlyArray<Journal.Entry>) =>
  Effect.tap(Journal.makeMemory, (journal) => journal.append(entries))

const write = Effect.fnUntraced(function* (
  directory: string,
  entries: ReadonlyArray<Journal.Entry>,
  options?: Sink.Options
) {
  return yield* Effect.provideService(
    Sink.results(directory, options),
    Journal.Journal,
    yield* journalOf(entries)
  )
})

const contents = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = (yield* fs.readDirectory(directory)).toSorted()
  const texts = yield* Effect.forEach(names, (name) => fs.readFileString(path.join(directory, name)))
  return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? ""]))
})

const decodeCsv = (text: string) =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Csv.decodeString({ maxRecordSize: Infinity })),
    Stream.runCollect
  )

describe("kinds of file", () => {
  it.effect("CSV is beside errors.jsonl, which can be run again", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const entries = [
        entry("a", { output: 'two\nlines, "quoted"' }),
        failed("b"),
        entry("c", { output: null })
      ]
      const counts = yield* write(directory, entries, { format: "csv" })
      assert.deepStrictEqual(counts, { results: 2, errors: 1 })
      assert.deepStrictEqual(yield* contents(directory), {
        "errors.csv": "id,reason,status,message\nb,row,,no\n",
        "errors.jsonl": '{"id":"b","input":"b","error":{"reason":"row","message":"no"}}\n',
        "results.csv": 'id,output\na,"""two\\nlines, \\""quoted\\"""""\nc,null\n'
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("several are written at once; what is empty has a header", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      yield* write(directory, [], { format: ["jsonl", "csv"], table: Table.outputs("chat") })
      assert.deepStrictEqual(yield* contents(directory), {
        "errors.csv": "id,reason,status,message\n",
        "errors.jsonl": "",
        "results.csv": "id,output,finish_reason,prompt_tokens,completion_tokens,response\n",
        "results.jsonl": ""
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const Texts = Schema.Array(
    Schema.Union([Schema.String, Schema.Literals(['"', ",", "\r", "\n", "\r\n", "\ufeff", "", '""', "=1+1"])])
  ).check(Schema.isMaxLength(30))

  it.effect.prop(
    "whatever text was answered comes back from CSV",
    { texts: Texts },
    ({ texts }) =>
      Effect.gen(function* () {
        const directory = yield* folder
        const whole = texts.map((text) => text.toWellFormed())
        const entries = whole.map((output, at) => entry(`k${at}`, { output: { output } }))
        yield* write(directory, entries, { format: "csv", table: Table.rows("generate") })
        const { "results.csv": text = "" } = yield* contents(directory)
        const [, ...rows] = yield* decodeCsv(text)
        assert.deepStrictEqual(
          rows,
          whole.map((output, at) => [`k${at}`, output, "", "", "", ""])
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 100 } }
  )

  const Vectors = Schema.Array(Schema.Array(Schema.Finite).check(Schema.isMaxLength(5)))

  it.effect.prop(
    "the numbers of a vector stand in CSV as they stand in the log",
    { vectors: Vectors },
    ({ vectors }) =>
      Effect.gen(function* () {
        const path = yield* Path.Path
        const directory = yield* folder
        const journal = yield* Journal.makeFile(path.join(directory, "journal.jsonl"))
        yield* journal.append(vectors.map((output, at) => entry(`k${at}`, { output: { output } })))
        yield* Effect.provideService(
          Sink.results(directory, { format: "csv", table: Table.rows("embed") }),
          Journal.Journal,
          journal
        )
        const { "results.csv": text = "" } = yield* contents(directory)
        const [, ...rows] = yield* decodeCsv(text)
        assert.deepStrictEqual(
          rows,
          vectors.map((vector, at) => [`k${at}`, JSON.stringify(vector), ""])
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 50 } }
  )

  it.effect("the same journal gives the same bytes", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const entries = [entry("b", { output: [0.1, 1e-7] }), failed("a"), entry("c")]
      const options: Sink.Options = { format: ["jsonl", "csv"], order: Stream.make("c", "a") }
      yield* write(directory, entries, options)
      const first = yield* contents(directory)
      yield* write(directory, entries, options)
      assert.deepStrictEqual(yield* contents(directory), first)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("all or none", () => {
  /** A file system whose process is killed, or refused, at the `nth` call of a kind. */
  const failing = (call: "rename" | "open", nth: number) =>
    Effect.map(FileSystem.FileSystem, (fs) => {
      let count = 0
      const killed = Effect.suspend(() => (++count === nth ? Effect.die("killed") : Effect.void))
      return {
        ...fs,
        ...(call === "rename"
          ? { rename: (from: string, to: string) => Effect.andThen(killed, fs.rename(from, to)) }
          : {
              open: (path: string, options?: Parameters<typeof fs.open>[1]) =>
                Effect.andThen(killed, fs.open(path, options))
            })
      } satisfies FileSystem.FileSystem
    })

  it.effect("killed between two renames: nothing is half, and the next time mends it", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      yield* write(directory, [failed("a"), entry("b")])
      const again = [failed("a"), entry("b"), entry("a")]
      const exit = yield* Effect.exit(
        Effect.provideService(write(directory, again), FileSystem.FileSystem, yield* failing("rename", 2))
      )
      assert.strictEqual(exit._tag, "Failure")
      const between = yield* contents(directory)
      assert.strictEqual(between["results.jsonl"], '{"id":"b","output":1}\n{"id":"a","output":1}\n')
      assert.include(between["errors.jsonl"], '"id":"a"')
      assert.strictEqual(between["errors.jsonl.part"], "")
      yield* write(directory, again)
      assert.deepStrictEqual(yield* contents(directory), {
        "results.jsonl": '{"id":"b","output":1}\n{"id":"a","output":1}\n',
        "errors.jsonl": ""
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("when one cannot be begun the others are as they were", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      yield* write(directory, [entry("b")])
      const before = yield* contents(directory)
      yield* Effect.exit(
        Effect.provideService(
          write(directory, [entry("b"), entry("a")]),
          FileSystem.FileSystem,
          yield* failing("open", 2)
        )
      )
      assert.deepStrictEqual(yield* contents(directory), before)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("what a killed run was writing in another kind goes", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* folder
      yield* fs.writeFileString(path.join(directory, "results.parquet.part"), "half")
      yield* write(directory, [])
      assert.deepStrictEqual(Object.keys(yield* contents(directory)), ["errors.jsonl", "results.jsonl"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("counts", () => {
  it.effect(
    "lines that are not as many as the journal counts are an error that names both; the files are kept",
    () =>
      Effect.gen(function* () {
        const directory = yield* folder
        const journal = yield* journalOf([entry("a"), failed("b")])
        const error = yield* Sink.results(directory).pipe(
          Effect.provideService(Journal.Journal, {
            ...journal,
            counts: Effect.succeed({ keys: 3, succeeded: 2 })
          }),
          Effect.flip
        )
        assert.strictEqual(error._tag, "ResultsMiscounted")
        assert.include(error.message, "1 results and 1 errors were written, the journal counts 2 and 1")
        assert.deepStrictEqual(Object.keys(yield* contents(directory)), ["errors.jsonl", "results.jsonl"])
      }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("pictures", () => {
  const png = "iVBORw0KGgo="
  const jpg = "/9j/4AAQ"

  it.effect("become files, and their rows have the paths", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* folder
      const body = { created: 1, data: [{ b64_json: png, revised_prompt: "a cat" }, { b64_json: jpg }] }
      yield* write(
        directory,
        [
          entry("cat", { output: { output: png } }),
          entry("Cat", { output: { output: jpg } }),
          entry("line", { output: { response: { status_code: 200, request_id: null, body } } }),
          entry("none", { output: { output: "no picture" } }),
          failed("b")
        ],
        { line: Row.format, format: ["jsonl", "csv"], table: Table.rows("image"), images: "files" }
      )
      const names = (yield* fs.readDirectory(path.join(directory, "images"))).toSorted()
      const cat = names.find((name) => name.startsWith("cat~")) ?? ""
      assert.deepStrictEqual(names, ["cat.png", cat, "line.0.png", "line.1.jpg"])
      const read = (name: string) => fs.readFileString(path.join(directory, name))
      assert.strictEqual(
        yield* read("results.jsonl"),
        [
          '{"id":"cat","output":"images/cat.png"}',
          `{"id":"Cat","output":"images/${cat}"}`,
          '{"id":"batch_req_line","custom_id":"line","response":{"status_code":200,"request_id":null,"body":{"created":1,"data":[{"revised_prompt":"a cat","url":"images/line.0.png"},{"url":"images/line.1.jpg"}]}},"error":null}',
          '{"id":"none","output":"no picture"}',
          ""
        ].join("\n")
      )
      assert.include(yield* read("results.csv"), "cat,images/cat.png,\n")
      assert.include(yield* read("results.csv"), 'none,,"""no picture"""\n')
      const bytes = yield* fs.readFile(path.join(directory, "images", "cat.png"))
      assert.deepStrictEqual([...bytes], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
