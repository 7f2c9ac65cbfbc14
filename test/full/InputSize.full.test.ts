/** An input of many gigabytes is checked and read again in bounded memory, whatever its format. */
import { spawnSync } from "node:child_process"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { ParquetWriter, fileWriter } from "hyparquet-writer"
import { Effect, FileSystem, Path, Schema } from "effect"

/** The size of the text, in bytes: `STINT_INPUT_GB=5` for that of five. */
const SIZE = Number(NodeProcess.env["STINT_INPUT_GB"] ?? 1) * 1e9

const Read = Schema.fromJsonString(
  Schema.Struct({ count: Schema.Int, characters: Schema.Int, megabytes: Schema.Int, seconds: Schema.Finite })
)

const program = fileURLToPath(new URL("readInput.ts", import.meta.url))

const read = (path: string, format: string) =>
  Effect.suspend(() => {
    const { stderr, stdout } = spawnSync(NodeProcess.execPath, [program, path, format], { encoding: "utf8" })
    assert.strictEqual(stderr, "")
    return Schema.decodeEffect(Read)(stdout)
  })

/** Bodies of about 1,000 characters; in CSV they take quotes. */
const bodies = Array.from({ length: 97 }, (_, body) => {
  const words = Array.from({ length: 100 }, (_, word) =>
    (Math.imul(body * 100 + word + 1, 0x9e3779b1) >>> 0).toString(36)
  )
  return `"the first" of its kind\n${words.join(" é ")}`
})

/** No two are the same. */
const textOf = (row: number) => `row ${row}: ${bodies[row % bodies.length]}`

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`

const lineOf: { readonly [format: string]: (row: number) => string } = {
  jsonl: (row) => `${JSON.stringify({ id: `row-${row}`, input: textOf(row) })}\n`,
  csv: (row) => `row-${row},${quoted(textOf(row))},${row}\r\n`
}

/** Writes bytes as they are made, and gives how many rows and characters there were. */
const write = Effect.fnUntraced(function* (path: string, format: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "w" })
  const encoder = new TextEncoder()
  const one = lineOf[format] ?? assert.fail(format)
  let row = 0
  let characters = 0
  let text = format === "csv" ? "id,input,n\r\n" : ""
  for (let size = 0; size < SIZE; text = "") {
    for (; text.length < 4e6; row++) {
      text += one(row)
      characters += textOf(row).length
    }
    const bytes = encoder.encode(text)
    size += bytes.length
    yield* file.writeAll(bytes)
  }
  return { rows: row, characters }
}, Effect.scoped)

const GROUP = 20_000

/** The same as Parquet, a group of rows at a time. */
const writeParquet = (path: string) =>
  Effect.sync(() => {
    const schema: ConstructorParameters<typeof ParquetWriter>[0]["schema"] = [
      { name: "root", num_children: 2 },
      { name: "id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
      { name: "input", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" }
    ]
    const parquet = new ParquetWriter({ writer: fileWriter(path), schema })
    let characters = 0
    let row = 0
    for (let size = 0; size < SIZE;) {
      const ids: Array<string> = []
      const inputs: Array<string> = []
      for (const end = row + GROUP; row < end; row++) {
        const text = textOf(row)
        ids.push(`row-${row}`)
        inputs.push(text)
        characters += text.length
        size += text.length
      }
      parquet.write({
        columnData: [
          { name: "id", data: ids },
          { name: "input", data: inputs }
        ],
        rowGroupSize: GROUP
      })
    }
    parquet.finish()
    return { rows: row, characters }
  })

// Keys take 17 to 34 bytes each beside.
const bounds: { readonly [format: string]: number } = { jsonl: 500, csv: 500, parquet: 900 }

for (const format of ["jsonl", "csv", "parquet"]) {
  it.live(
    `${SIZE / 1e9} GB of ${format} in bounded memory`,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const at = path.join(yield* fs.makeTempDirectoryScoped(), `rows.${format}`)
        const { characters, rows } = yield* format === "parquet" ? writeParquet(at) : write(at, format)
        const taken = yield* read(at, format)
        assert.strictEqual(taken.count, 2 * rows, "all rows, twice")
        assert.strictEqual(taken.characters, 2 * characters)
        assert.isBelow(taken.megabytes, (bounds[format] ?? 0) + (34 * rows) / 1e6)
        yield* Effect.logInfo(
          `${format}: ${rows} rows, ${taken.megabytes} MB, ${taken.seconds.toFixed(0)} CPU s`
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    3_600_000
  )
}
