import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Sink } from "@stint/batch"
import { Effect, FileSystem, Path, Stream } from "effect"
import { file, folder } from "./folder.ts"

const entry = (key: string, more: Partial<Journal.Entry> = {}): Journal.Entry => ({
  key,
  fingerprint: "0123456789abcdef",
  tag: "Succeeded",
  attempts: 1,
  durationMillis: 1,
  output: key.length,
  ...more
})

describe("lines", () => {
  it.effect("writes a line for each, and says how many", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file("old")
      assert.strictEqual(yield* Sink.lines(path, Stream.make("a", "é")), 2)
      assert.strictEqual(yield* fs.readFileString(path), "a\né\n")
      assert.isFalse(yield* fs.exists(`${path}.part`))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("nothing is an empty file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file("old")
      assert.strictEqual(yield* Sink.lines(path, Stream.empty), 0)
      assert.strictEqual(yield* fs.readFileString(path), "")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const endings: ReadonlyArray<readonly [string, Stream.Stream<string, string>]> = [
    ["fails", Stream.concat(Stream.make("a"), Stream.fail("torn"))],
    ["dies", Stream.concat(Stream.make("a"), Stream.die("bug"))],
    ["is interrupted", Stream.concat(Stream.make("a"), Stream.fromEffect(Effect.interrupt))]
  ]
  for (const [what, source] of endings) {
    it.effect(`a source that ${what} leaves the old file as it was`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* file("old")
        yield* Effect.exit(Sink.lines(path, source))
        assert.strictEqual(yield* fs.readFileString(path), "old")
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("what an interrupted writer left behind is no part of the next file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file("old")
      yield* fs.writeFileString(`${path}.part`, "half of something long\n")
      yield* Sink.lines(path, Stream.make("a"))
      assert.strictEqual(yield* fs.readFileString(path), "a\n")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("results", () => {
  const written = Effect.fnUntraced(function* (entries: ReadonlyArray<Journal.Entry>, format?: Sink.Format) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const journal = yield* Journal.makeMemory
    yield* journal.append(entries)
    const directory = yield* folder
    const counts = yield* Effect.provideService(Sink.results(directory, format), Journal.Journal, journal)
    const read = (name: string) => fs.readFileString(path.join(directory, name))
    return { counts, results: yield* read("results.jsonl"), errors: yield* read("errors.jsonl") }
  })

  it.effect("the last outcome of a key is in one file or the other", () =>
    Effect.gen(function* () {
      const error = { reason: "row", message: "no" }
      const { counts, errors, results } = yield* written([
        entry("a", { tag: "Failed", error, input: "A" }),
        entry("b"),
        entry("a"),
        entry("c", { tag: "Failed", error, input: "C" })
      ])
      assert.deepStrictEqual(counts, { results: 2, errors: 1 })
      assert.strictEqual(results, '{"id":"b","output":1}\n{"id":"a","output":1}\n')
      assert.strictEqual(errors, '{"id":"c","input":"C","error":{"reason":"row","message":"no"}}\n')
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("both files are there even when empty", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* written([]), {
        counts: { results: 0, errors: 0 },
        results: "",
        errors: ""
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("takes another format", () =>
    Effect.gen(function* () {
      const { results } = yield* written([entry("a")], ({ key }) => ({ k: key }))
      assert.strictEqual(results, '{"k":"a"}\n')
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const inFile = Effect.fnUntraced(function* (entries: ReadonlyArray<Journal.Entry>, format: Sink.Format) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* folder
    const journal = yield* Journal.makeFile(path.join(directory, "journal.jsonl"))
    yield* journal.append(entries)
    yield* Effect.provideService(Sink.results(directory, format), Journal.Journal, journal)
    const read = (name: string) => fs.readFileString(path.join(directory, name))
    return [yield* read("results.jsonl"), yield* read("errors.jsonl")]
  })

  const mixed = [
    entry("a", { output: [1.5, "é\n", { "2": null, b: [] }] }),
    entry('q"\\\u{d800}', { output: "}" }),
    entry("gone", { output: 1 }),
    entry("b", { tag: "Failed", error: { reason: "row" }, input: { text: "x" } }),
    entry("both", { input: "in", error: null }),
    entry("gone", { tag: "Failed", error: "no", input: 1 }),
    entry("gone", { attempts: 3, durationMillis: 1e-7, output: 2 })
  ]

  it.effect("splicing an output writes the same as decoding it", () =>
    Effect.gen(function* () {
      const decoding: Sink.Format = (entry) => Sink.plain(entry)
      const spliced = yield* inFile(mixed, Sink.plain)
      assert.deepStrictEqual(spliced, yield* inFile(mixed, decoding))
      const { errors, results } = yield* written(mixed, decoding)
      assert.deepStrictEqual(spliced, [results, errors])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a format that splices some outputs is asked to decode the others", () =>
    Effect.gen(function* () {
      const format: Sink.Format = Object.assign((entry: Journal.Entry) => `decoded ${entry.key}`, {
        splice: (key: string, output: string) => (key === "a" ? `spliced ${output}` : undefined)
      })
      const [results] = yield* inFile([entry("a"), entry("b")], format)
      assert.strictEqual(results, 'spliced 1\n"decoded b"\n')
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("an output that is no JSON fails, and leaves the old results", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const log = yield* file("", "journal.jsonl")
      const results = log.replace("journal", "results")
      yield* fs.writeFileString(results, "old")
      const error = yield* Effect.gen(function* () {
        const journal = yield* Journal.makeFile(log)
        yield* journal.append([entry("a"), entry("b", { output: "x" })])
        const text = yield* fs.readFileString(log)
        yield* fs.writeFileString(log, text.replace('"output":"x"', '"output":"x '))
        const decoding: Sink.Format = (entry) => Sink.plain(entry)
        return yield* Sink.results(log.replace("/journal.jsonl", ""), decoding).pipe(
          Effect.provideService(Journal.Journal, journal),
          Effect.flip
        )
      })
      assert.match(error.message, /line 2 is damaged/)
      assert.strictEqual(yield* fs.readFileString(results), "old")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("what has no output, error or input is null", () =>
    Effect.gen(function* () {
      const { output: _, ...bare } = entry("a")
      const { errors, results } = yield* written([bare, { ...bare, key: "b", tag: "Failed" }])
      assert.strictEqual(results, '{"id":"a","output":null}\n')
      assert.strictEqual(errors, '{"id":"b","input":null,"error":null}\n')
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
