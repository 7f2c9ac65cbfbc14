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

  it.effect("what has no output, error or input is null", () =>
    Effect.gen(function* () {
      const { output: _, ...bare } = entry("a")
      const { errors, results } = yield* written([bare, { ...bare, key: "b", tag: "Failed" }])
      assert.strictEqual(results, '{"id":"a","output":null}\n')
      assert.strictEqual(errors, '{"id":"b","input":null,"error":null}\n')
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
