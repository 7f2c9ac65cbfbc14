/** The order of the results: that of some keys, read from the log by their places. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Sink } from "@stint/batch"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
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

const Line = Schema.fromJsonString(
  Schema.Struct({ id: Schema.String, output: Schema.optionalKey(Schema.Json) })
)

const linesOf = Effect.fnUntraced(function* (directory: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* fs.readFileString(path.join(directory, name))
  return yield* Effect.forEach(text === "" ? [] : text.trimEnd().split("\n"), (line) =>
    Schema.decodeEffect(Line)(line)
  )
})

const ids = (directory: string, name: string) =>
  Effect.map(linesOf(directory, name), (lines) => lines.map(({ id }) => id))

/** A journal in a file with these records, and what is written from it in an order. */
const written = Effect.fnUntraced(function* (
  groups: ReadonlyArray<ReadonlyArray<Journal.Entry>>,
  order: Stream.Stream<string> | "finished",
  where: "file" | "memory" = "file"
) {
  const path = yield* Path.Path
  const directory = yield* folder
  const journal =
    where === "memory"
      ? yield* Journal.makeMemory
      : yield* Journal.makeFile(path.join(directory, "journal.jsonl"))
  for (const group of groups) yield* journal.append(group)
  const counts = yield* Effect.provideService(Sink.results(directory, { order }), Journal.Journal, journal)
  return {
    counts,
    results: yield* ids(directory, "results.jsonl"),
    errors: yield* ids(directory, "errors.jsonl"),
    lines: yield* linesOf(directory, "results.jsonl")
  }
})

/** What it comes to, with a Map. */
const model = (entries: ReadonlyArray<Journal.Entry>, order: ReadonlyArray<string>) => {
  const last = new Map<string, Journal.Entry>()
  for (const one of entries) {
    last.delete(one.key)
    last.set(one.key, one)
  }
  const sorted = [...new Set([...order, ...last.keys()])].flatMap((key) => last.get(key) ?? [])
  const of = (tag: Journal.Entry["tag"]) => sorted.filter((one) => one.tag === tag).map(({ key }) => key)
  return { results: of("Succeeded"), errors: of("Failed") }
}

// Few keys, so that they come again: done twice, failed and then done, done and then failed.
const Key = Schema.Literals(["a", "b", "c", "dd", "é", 'q"\\', "\u2028", "zz", "0", "never"])
const Step = Schema.Struct({
  key: Key,
  tag: Schema.Literals(["Succeeded", "Failed"]),
  output: Schema.Union([Schema.Int, Schema.String])
})
const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))
const Order = Schema.Array(Key).check(Schema.isMaxLength(20))

describe("order", () => {
  for (const where of ["file", "memory"] as const) {
    it.effect.prop(
      `the keys that are given come first, each once, whatever was retried; then the others (${where})`,
      { steps: Steps, order: Order },
      ({ steps, order }) =>
        Effect.gen(function* () {
          const entries = steps.map(({ key, ...more }) => entry(key, more))
          const { counts, errors, results } = yield* written([entries], Stream.fromIterable(order), where)
          const expected = model(entries, order)
          assert.deepStrictEqual({ results, errors }, expected)
          assert.deepStrictEqual(counts, { results: results.length, errors: errors.length })
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      { arbitrary: { runs: 60 } }
    )
  }

  it.effect(
    "more keys than are looked up together, from back to front, and some that are not in the journal",
    () =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 20_000 }, (_, at) => `row-${at}`)
        const order = keys.flatMap((key, at) => (at % 7 === 0 ? [] : [key, `no ${key}`])).toReversed()
        const { results } = yield* written(
          [keys.map((key) => entry(key))],
          Stream.rechunk(Stream.fromIterable(order), 333)
        )
        const others = keys.filter((_, at) => at % 7 === 0)
        assert.deepStrictEqual(results, [...order.filter((key) => !key.startsWith("no ")), ...others])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("outputs that are too long to be held together", () =>
    Effect.gen(function* () {
      const keys = Array.from({ length: 24 }, (_, at) => `row-${at}`)
      const long = (key: string) => key.repeat(2 ** 17)
      const order = keys.toReversed()
      const { lines } = yield* written(
        [keys.map((key) => entry(key, { output: long(key) }))],
        Stream.fromIterable(order)
      )
      assert.deepStrictEqual(
        lines.map(({ id, output }) => [id, output === long(id)]),
        order.map((key) => [key, true])
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("the finished order is that of the last outcomes in the log", () =>
    Effect.gen(function* () {
      const { results } = yield* written(
        [
          [entry("a"), entry("b")],
          [entry("c"), entry("a")]
        ],
        "finished"
      )
      assert.deepStrictEqual(results, ["b", "c", "a"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("keys that fail leave the old files, and no part of new ones", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* folder
      yield* fs.writeFileString(path.join(directory, "results.jsonl"), "old")
      const journal = yield* Journal.makeMemory
      yield* journal.append([entry("a")])
      const order = Stream.concat(Stream.make("a"), Stream.fail("the input is gone"))
      const error = yield* Sink.results(directory, { order }).pipe(
        Effect.provideService(Journal.Journal, journal),
        Effect.flip
      )
      assert.strictEqual(error, "the input is gone")
      assert.strictEqual(yield* fs.readFileString(path.join(directory, "results.jsonl")), "old")
      assert.deepStrictEqual(yield* fs.readDirectory(directory), ["results.jsonl"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a record that is damaged is named by its line", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* folder
      const log = path.join(directory, "journal.jsonl")
      const journal = yield* Journal.makeFile(log)
      yield* journal.append([entry("a"), entry("b", { tag: "Failed", error: "x", input: "y" })])
      yield* fs.writeFileString(log, (yield* fs.readFileString(log)).replace('"error":"x"', '"error":"x '))
      const error = yield* Sink.results(directory, { order: Stream.make("b", "a") }).pipe(
        Effect.provideService(Journal.Journal, journal),
        Effect.flip
      )
      assert.match(error.message, /line 2 is damaged/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
