import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import * as InputFlags from "../src/InputFlags.ts"

const none: InputFlags.Given = {
  inputFormat: Option.none(),
  idColumn: Option.none(),
  idFromRow: false,
  inputColumn: Option.none(),
  template: Option.none(),
  delimiter: Option.none(),
  columns: Option.none()
}

const some = Option.some

const read = (input: string, given: Partial<InputFlags.Given> = {}) =>
  InputFlags.toReading({ ...none, ...given }, input).pipe(Effect.provide(NodeServices.layer))

const formats: ReadonlyArray<readonly [string, "jsonl" | "csv" | "parquet", string]> = [
  ["rows.jsonl", "jsonl", ","],
  ["rows.ndjson", "jsonl", ","],
  ["rows", "jsonl", ","],
  ["-", "jsonl", ","],
  ["a.b/ROWS.CSV", "csv", ","],
  ["rows.tsv", "csv", "\t"],
  ["rows.parquet", "parquet", ","],
  ["rows.pq", "parquet", ","],
  ["https://data.example/rows.parquet?x=.csv", "parquet", ","]
]

describe("the flags of an input", () => {
  for (const [input, format, delimiter] of formats) {
    it.effect(`take ${input} for ${format}`, () =>
      Effect.gen(function* () {
        const reading = yield* read(input)
        assert.strictEqual(reading.format, format)
        assert.strictEqual(reading.csv.delimiter, delimiter)
      })
    )
  }

  it.effect("say more than the name", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* read("rows.csv", { inputFormat: some("parquet") })).format, "parquet")
      const { csv } = yield* read("-", {
        inputFormat: some("csv"),
        delimiter: some("tab"),
        columns: some("id, text,,n")
      })
      assert.deepStrictEqual(csv, { delimiter: "\t", columns: ["id", "text", "", "n"] })
    })
  )

  it.effect("take a template from a file, without the line's end that editors add", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/prompt.txt`
      yield* fs.writeFileString(path, "One\n{{text}}\r\n")
      const { mapping } = yield* read("rows.csv", { template: some(`@${path}`) })
      assert.deepStrictEqual(mapping.template?.parts, ["One\n", { column: "text" }])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const wrong: ReadonlyArray<readonly [string, Partial<InputFlags.Given>, RegExp]> = [
    ["-", { inputFormat: some("parquet") }, /cannot be read from stdin: give the path/],
    ["https://data.example/rows.csv", {}, /only Parquet is read from a URL/],
    ["rows", { template: some("x {{y") }, /character 3: \{\{ is never closed/],
    [
      "rows",
      { template: some("Summarise this") },
      /--template .*names no column, so every row would be sent/
    ],
    ["rows", { template: some("\\{{text}}") }, /names no column/],
    ["rows", { template: some("@nowhere.txt") }, /--template .*nowhere\.txt: there is no such file/],
    ["rows", { template: some("{{a}}"), inputColumn: some("b") }, /--template cannot be used: --input says/],
    ["rows", { idColumn: some("a"), idFromRow: true }, /--id-from-row cannot be used: --id says/],
    ["rows.jsonl", { delimiter: some(";") }, /--delimiter .*the input is jsonl, not csv/],
    ["rows.parquet", { columns: some("a") }, /--columns .*the input is parquet, not csv/],
    ["rows.csv", { delimiter: some("ab") }, /"ab" is not one character/],
    ["rows.csv", { delimiter: some('"') }, /is not one character/],
    ["rows.csv", { columns: some("a,b,a") }, /names a twice/],
    ["rows.csv", { columns: some(" , ") }, /names no column/]
  ]
  for (const [input, given, message] of wrong) {
    it.effect(
      `refuse ${Object.keys(given).join(" and ") || "the format"} for ${input}: ${message.source}`,
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(read(input, given))
          assert.match(error.message, message)
        })
    )
  }
})
