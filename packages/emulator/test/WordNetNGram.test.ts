import { assert, describe, it, layer } from "@effect/vitest"
import { TextModel, WordNetNGram } from "@stint/emulator"
import { Effect, Schema, Stream } from "effect"
import { NGram } from "./fixture/textModels.ts"

const collect = (model: TextModel.TextModel, prompt: string, options: TextModel.GenerateOptions) =>
  Stream.runCollect(model.generate(prompt, options))
const textOf = (tokens: ReadonlyArray<TextModel.Token>) => tokens.map(({ text }) => text).join("")

layer(NGram.layer)("the n-gram that ships", (it) => {
  it.effect("gives the same tokens for the same seed and prompt, and others for another seed", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const options = { maxTokens: 30, minTokens: 30 }
      const one = yield* collect(model, "a person who", { ...options, seed: 7 })
      assert.deepStrictEqual(yield* collect(model, "a person who", { ...options, seed: 7 }), one)
      assert.notDeepEqual(yield* collect(model, "a person who", { ...options, seed: 8 }), one)
      assert.deepStrictEqual(
        yield* collect(model, "a person who", options),
        yield* collect(model, "a person who", options)
      )
    })
  )

  it.effect("goes on from the prompt with words that follow its end in WordNet", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const [first] = yield* collect(model, "the act of", { maxTokens: 5, temperature: 0 })
      assert.match(first?.text ?? "", /^ [a-z]+$/)
      // Right more often than one guess in a vocabulary of thousands.
      assert.isAbove(Math.exp(first?.logprob ?? -Infinity), 0.01)
    })
  )

  it.effect("spends as many tokens as it may, and at least as many as it must", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      for (const maxTokens of [1, 2, 17, 200]) {
        const tokens = yield* collect(model, "dog", { maxTokens, minTokens: maxTokens, seed: 1 })
        assert.lengthOf(tokens, maxTokens)
        assert.strictEqual(tokens.at(-1)?.finishReason, "length")
        assert.isTrue(tokens.slice(0, -1).every(({ finishReason }) => finishReason === undefined))
      }
      for (let seed = 0; seed < 20; seed++) {
        const tokens = yield* collect(model, "a dog", { maxTokens: 200, seed })
        assert.isAbove(textOf(tokens).length, 0)
        assert.strictEqual(tokens.at(-1)?.finishReason, "eos")
        assert.isTrue(tokens.at(-1)?.special)
      }
    })
  )

  it.effect("ends with the token that completes a stop sequence", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const tokens = yield* collect(model, "a dog", { maxTokens: 200, minTokens: 200, seed: 1, stop: [";"] })
      assert.strictEqual(tokens.at(-1)?.finishReason, "stop")
      assert.strictEqual(textOf(tokens).indexOf(";"), textOf(tokens).length - 1)
    })
  )

  it.effect("generates tokens of its own vocabulary: their ids are their texts", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      const tokens = yield* collect(model, "", { maxTokens: 100, minTokens: 100, seed: 3 })
      assert.strictEqual(model.detokenize(tokens.map(({ id }) => id)), textOf(tokens))
      assert.isTrue(tokens.every(({ logprob }) => logprob <= 0))
    })
  )

  it.effect.prop("tokenizes any text, and back", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      const model = yield* NGram
      const pieces = model.tokenize(text)
      assert.strictEqual(textOf(pieces.map((piece) => ({ ...piece, logprob: 0, special: false }))), text)
      assert.strictEqual(model.countTokens(text), pieces.length)
      // A lone surrogate has no bytes.
      const isWhole = text.isWellFormed()
      if (isWhole) assert.strictEqual(model.detokenize(pieces.map(({ id }) => id)), text)
    })
  )

  it.effect("knows English words as tokens", () =>
    Effect.gen(function* () {
      const model = yield* NGram
      assert.deepStrictEqual(
        model.tokenize("the dog and a cat").map(({ text }) => text),
        ["the", " dog", " and", " a", " cat"]
      )
    })
  )
})

describe("an n-gram of other texts", () => {
  const model = WordNetNGram.make("a dog that barks\na dog that bites\na dog that barks\na cat that purrs\n")

  it.effect("takes the likeliest word at temperature 0, with its share as the probability", () =>
    Effect.gen(function* () {
      const tokens = yield* collect(model, "a dog that", { maxTokens: 10, temperature: 0 })
      assert.deepStrictEqual(
        tokens.map(({ text }) => text),
        [" barks", ""]
      )
      assert.closeTo(Math.exp(tokens[0]?.logprob ?? 0), 2 / 3, 1e-9)
    })
  )

  it.effect("draws words as often as they occur, sharper when it is colder", () =>
    Effect.gen(function* () {
      const share = Effect.fnUntraced(function* (temperature: number) {
        let barks = 0
        for (let seed = 0; seed < 1000; seed++) {
          const [first] = yield* collect(model, "a dog that", { maxTokens: 1, temperature, seed })
          if (first?.text === " barks") barks++
        }
        return barks / 1000
      })
      assert.closeTo(yield* share(1), 2 / 3, 0.05)
      assert.closeTo(yield* share(0.5), 4 / 5, 0.05)
    })
  )
})
