import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { WordNetEmbedding } from "@stint/emulator"
import { Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import { misleading, paraphrases, wordOrder } from "./fixture/sentences.ts"

class Model extends Context.Service<Model, WordNetEmbedding.WordNetEmbedding>()("test/Model") {}
const ModelLayer = Layer.effect(Model, WordNetEmbedding.load()).pipe(Layer.provide(NodeServices.layer))

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

const wordSet = (text: string) => new Set(text.toLowerCase().match(/[a-z]+/g))

/** Words in both over words in either: what a model must beat to be worth its bytes. */
const overlap = (a: string, b: string) => {
  const left = wordSet(a)
  const right = wordSet(b)
  const shared = [...left].filter((word) => right.has(word)).length
  return shared / (left.size + right.size - shared)
}

layer(ModelLayer)("WordNetEmbedding", (it) => {
  it.effect.prop("gives a vector of length 1 for any text", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      const model = yield* Model
      const { tokens, vector } = model.embed(text)
      assert.strictEqual(vector.length, 64)
      assert.closeTo(Math.sqrt(cosine(vector, vector)), 1, 1e-6)
      assert.isAtLeast(tokens, 1)
    })
  )

  it.effect.prop("gives the same bits for the same text", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      const model = yield* Model
      assert.deepStrictEqual(model.embed(text), model.embed(text))
    })
  )

  it.effect.prop("counts the tokens that it embeds", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      const model = yield* Model
      assert.strictEqual(model.embed(text).tokens, Math.min(model.maxTokens, model.countTokens(text)))
    })
  )

  it.effect.prop("pools to the vector that it normalises", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      const model = yield* Model
      const mean = model.pool(text).vector
      const { vector } = model.embed(text)
      assert.closeTo(cosine(mean, vector), Math.sqrt(cosine(mean, mean)), 1e-6)
    })
  )

  it.effect("ignores case and accents", () =>
    Effect.gen(function* () {
      const model = yield* Model
      assert.deepStrictEqual(model.embed("Café NOIR"), model.embed("cafe noir"))
    })
  )

  it.effect("cuts a text after 512 tokens", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const long = "dog ".repeat(512)
      assert.deepStrictEqual(model.embed(`${long} cat`), model.embed(long))
      assert.strictEqual(model.countTokens(`${long} cat`), 513)
    })
  )

  it.effect("does not know a word of more than 100 characters", () =>
    Effect.gen(function* () {
      const model = yield* Model
      assert.isAbove(model.countTokens("z".repeat(100)), 1)
      assert.deepStrictEqual(model.embed("z".repeat(1_000_000)), model.embed("\u{10FFFF}"))
    })
  )

  it.effect("decodes tokens to the text that they stand for", () =>
    Effect.gen(function* () {
      const model = yield* Model
      assert.strictEqual(model.decode([]), "")
      assert.strictEqual(model.decode([-1, 1e9]), "")
      assert.match(model.decode([1]), /UNK/)
    })
  )

  const count = Effect.fnUntraced(function* (sentences: typeof paraphrases) {
    const model = yield* Model
    const near = (a: string, b: string) => cosine(model.embed(a).vector, model.embed(b).vector)
    const right = sentences.filter(([text, same, other]) => near(text, same) > near(text, other))
    const byWords = sentences.filter(([text, same, other]) => overlap(text, same) > overlap(text, other))
    return { of: sentences.length, right: right.length, byWords: byWords.length }
  })

  it.effect("finds a paraphrase nearer than an unrelated sentence, where word overlap cannot", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* count(paraphrases), { of: 30, right: 30, byWords: 3 })
    })
  )

  it.effect("is misled by shared words: negation, word order and word sense are beyond it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* count(misleading), { of: 16, right: 2, byWords: 0 })
    })
  )

  it.effect("is a bag of words: it takes sentences of the same words for one", () =>
    Effect.gen(function* () {
      const model = yield* Model
      for (const [text, reversed] of wordOrder) {
        assert.isAbove(cosine(model.embed(text).vector, model.embed(reversed).vector), 0.9999)
      }
    })
  )
})

describe("truncate", () => {
  it.prop("keeps a vector's first dimensions, of length 1", { n: Schema.Int }, ({ n }) => {
    const dimensions = 1 + (Math.abs(n) % 4)
    const short = WordNetEmbedding.truncate(Float32Array.of(3, -4, 12, 1), dimensions)
    assert.strictEqual(short.length, dimensions)
    assert.closeTo(Math.sqrt(cosine(short, short)), 1, 1e-6)
    assert.isAbove(short[0]!, 0)
  })
})

layer(NodeServices.layer)("load", (it) => {
  const write = Effect.fnUntraced(function* (files: Readonly<Record<string, string | Uint8Array>>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped()
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(directory, name)
      yield* typeof content === "string" ? fs.writeFileString(file, content) : fs.writeFile(file, content)
    }
    return directory
  })
  const config = `{"hidden_size":2,"vocab_size":3,"max_position_embeddings":4}`

  it.effect("reads a model from another directory", () =>
    Effect.gen(function* () {
      const weights = new Uint8Array(3 * 4 + 3 * 2)
      new Float32Array(weights.buffer, 0, 3).set([0, 1, 0.5])
      new Int8Array(weights.buffer, 12).set([0, 0, 3, 4, -2, 0])
      const directory = yield* write({
        "config.json": config,
        "vocab.txt": "[PAD]\n[UNK]\nword\n",
        "weights.bin": weights
      })
      const model = yield* WordNetEmbedding.load({ directory })
      assert.deepStrictEqual(model.embed("?").vector, Float32Array.of(0.6, 0.8))
      assert.deepStrictEqual(model.embed("word").vector, Float32Array.of(-1, 0))
      assert.deepStrictEqual(model.pool("word word").vector, Float32Array.of(-1, 0))
      assert.strictEqual(model.embed("word word word word word").tokens, 4)
    })
  )

  it.effect("fails with InvalidModel when files do not belong together", () =>
    Effect.gen(function* () {
      const whole = {
        "config.json": config,
        "vocab.txt": "[PAD]\n[UNK]\nword\n",
        "weights.bin": new Uint8Array(18)
      }
      const broken = [
        { ...whole, "config.json": "{}" },
        { ...whole, "vocab.txt": "[PAD]\n[UNK]\n" },
        { ...whole, "weights.bin": new Uint8Array(17) }
      ]
      for (const files of broken) {
        const directory = yield* write(files)
        const error = yield* Effect.flip(WordNetEmbedding.load({ directory }))
        assert.strictEqual(error._tag, "InvalidModel")
      }
    })
  )

  it.effect("fails with PlatformError when there are no files", () =>
    Effect.gen(function* () {
      const directory = yield* write({})
      const error = yield* Effect.flip(WordNetEmbedding.load({ directory }))
      assert.strictEqual(error._tag, "PlatformError")
    })
  )
})
