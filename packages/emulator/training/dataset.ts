// Packs the dataset that the emulator's hub serves out of the text of the n-gram:
//
//   node packages/emulator/training/dataset.ts packages/emulator/models/wordnet-ngram OUT
//
// It leaves 0000.parquet and 0001.parquet in OUT: two files, as large datasets have many.
import { gunzipSync } from "node:zlib"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Path } from "effect"
import { Argument, Command } from "effect/cli"
import { parquetWriteBuffer } from "hyparquet-writer"

const FILES = 2
const ROWS = 200

const pack = Effect.fnUntraced(function* (from: string, to: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = gunzipSync(yield* fs.readFile(path.join(from, "definitions.txt.gz"))).toString("utf8")
  const all = text.trimEnd().split("\n")
  // Some of each part of WordNet.
  const step = Math.floor(all.length / (FILES * ROWS))
  const rows = all.filter((_, at) => at % step === 0).slice(0, FILES * ROWS)
  yield* fs.makeDirectory(to, { recursive: true })
  for (let nth = 0; nth < FILES; nth++) {
    const own = rows.slice(nth * ROWS, (nth + 1) * ROWS)
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "id", data: own.map((_, at) => `definition-${nth * ROWS + at + 1}`), type: "STRING" },
        { name: "text", data: own, type: "STRING" }
      ],
      rowGroupSize: 100
    })
    yield* fs.writeFile(path.join(to, `000${nth}.parquet`), new Uint8Array(bytes))
    yield* Console.log(`${own.length} rows, ${bytes.byteLength} bytes`)
  }
})

const command = Command.make(
  "dataset",
  { from: Argument.String("DEFINITIONS"), to: Argument.String("OUT") },
  ({ from, to }) => pack(from, to)
).pipe(Command.withDescription("Pack the dataset of the emulator's hub"))

command.pipe(Command.run({ version: "1" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
