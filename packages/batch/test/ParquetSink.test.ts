import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Sink, Table } from "@stint/batch"
import { ParquetSink } from "@stint/batch/parquet"
import { Effect, FileSystem, Path, Schema } from "effect"
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet"
import type { Kind } from "../src/internal/row/rowShape.ts"
import { folder } from "./folder.ts"

const entry = (key: string, output: Schema.Json): Journal.Entry => ({
  key,
  fingerprint: "0123456789abcdef",
  tag: "Succeeded",
  attempts: 1,
  durationMillis: 1,
  output
})

const error = { reason: "row", status: 422, message: "no" }
const failed: Journal.Entry = { ...entry("bad", null), tag: "Failed", error, input: "x" }

const written = Effect.fnUntraced(function* (entries: ReadonlyArray<Journal.Entry>, kind: Kind) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* folder
  const journal = yield* Journal.makeMemory
  yield* journal.append(entries)
  const options = { format: ParquetSink.format, table: Table.rows(kind) }
  const counts = yield* Effect.provideService(Sink.results(directory, options), Journal.Journal, journal)
  const buffer = (name: string) =>
    Effect.map(fs.readFile(path.join(directory, name)), (bytes) => bytes.slice().buffer)
  const read = (name: string) =>
    Effect.flatMap(buffer(name), (file) => Effect.promise(() => parquetReadObjects({ file })))
  return {
    counts,
    results: yield* read("results.parquet"),
    errors: yield* read("errors.parquet"),
    metadata: yield* Effect.flatMap(buffer("results.parquet"), (file) =>
      Effect.promise(() => parquetMetadataAsync(file))
    )
  }
})

describe("format", () => {
  it.effect("vectors are lists of floats, an empty one and one that does not fit as well", () =>
    Effect.gen(function* () {
      const body = { data: [{ embedding: [1] }, { embedding: [2] }] }
      const { counts, errors, results } = yield* written(
        [
          entry("a", { output: [0.1, -2] }),
          entry("b", { output: [] }),
          entry("c", { response: { status_code: 200, request_id: null, body } }),
          failed
        ],
        "embed"
      )
      assert.deepStrictEqual(counts, { results: 3, errors: 1 })
      assert.deepStrictEqual(results, [
        { id: "a", embedding: [Math.fround(0.1), -2], response: null },
        { id: "b", embedding: [], response: null },
        { id: "c", embedding: undefined, response: JSON.stringify(body) }
      ])
      assert.deepStrictEqual(errors, [{ id: "bad", reason: "row", status: 422n, message: "no" }])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("labels are a list of structs", () =>
    Effect.gen(function* () {
      const labels = [
        { label: "sad", score: 0.1 },
        { label: "glad", score: 0.9 }
      ]
      const { results } = yield* written([entry("a", { output: labels })], "classify")
      assert.deepStrictEqual(results, [{ id: "a", label: "glad", score: 0.9, labels, response: null }])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("pictures are bytes, and counts are numbers", () =>
    Effect.gen(function* () {
      const image = yield* written([entry("a", { output: "iVBORw0KGgo=" })], "image")
      assert.deepStrictEqual(
        image.metadata.schema.map(({ name, type }) => [name, type]),
        [
          ["root", undefined],
          ["id", "BYTE_ARRAY"],
          ["output", "BYTE_ARRAY"],
          ["response", "BYTE_ARRAY"]
        ]
      )
      const body = {
        choices: [{ text: "é\n", finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 4 }
      }
      const text = yield* written([entry("a", { response: { body } })], "generate")
      assert.deepStrictEqual(text.results, [
        {
          id: "a",
          output: "é\n",
          finish_reason: "stop",
          prompt_tokens: 3n,
          completion_tokens: 4n,
          response: null
        }
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("nothing is a file without rows that has its columns", () =>
    Effect.gen(function* () {
      const { metadata, results } = yield* written([], "embed")
      assert.deepStrictEqual(results, [])
      assert.strictEqual(metadata.num_rows, 0n)
      assert.strictEqual(metadata.schema.filter(({ type }) => type === "FLOAT").length, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("rows are written in groups, each no larger than what may be held", () =>
    Effect.gen(function* () {
      const vector = Array.from({ length: 1000 }, (_, at) => at / 4)
      const entries = Array.from({ length: 5000 }, (_, at) => entry(`k${at}`, { output: vector }))
      const { metadata, results } = yield* written(entries, "embed")
      assert.isAbove(metadata.row_groups.length, 2)
      for (const group of metadata.row_groups) assert.isBelow(Number(group.total_byte_size), 10 * 1024 * 1024)
      assert.strictEqual(results.length, 5000)
      assert.deepStrictEqual(results.at(-1), { id: "k4999", embedding: vector, response: null })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const Rows = Schema.Array(Schema.Struct({ text: Schema.String, vector: Schema.Array(Schema.Int) }))

  it.effect.prop(
    "what is written is what is read",
    { rows: Rows },
    ({ rows }) =>
      Effect.gen(function* () {
        const texts = rows.map(({ text }) => text.toWellFormed())
        const asText = yield* written(
          texts.map((output, at) => entry(`k${at}`, { output })),
          "chat"
        )
        assert.deepStrictEqual(
          asText.results.map((row) => row["output"]),
          texts
        )
        const vectors = rows.map(({ vector }) => vector.map(Math.fround))
        const asVector = yield* written(
          vectors.map((output, at) => entry(`k${at}`, { output })),
          "embed"
        )
        assert.deepStrictEqual(
          asVector.results.map((row) => row["embedding"]),
          vectors
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 50 } }
  )
})
