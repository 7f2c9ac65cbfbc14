import { assert, describe, it } from "@effect/vitest"
import { SourceLanguage } from "@stint/emulator"
import { Effect } from "effect"
import { snippets } from "./fixture/snippets.ts"

describe("SourceLanguage", () => {
  it.effect("gives every language a score, likeliest first, and the scores sum to 1", () =>
    Effect.gen(function* () {
      const { classify } = yield* SourceLanguage.make
      for (const text of ["", "x", "const answer = 42\n", "# Title\n\nSome words.\n"]) {
        const classes = yield* classify(text)
        const scores = classes.map(({ score }) => score)
        const labels = classes.map(({ label }) => label)
        assert.deepStrictEqual(labels.toSorted(), SourceLanguage.labels)
        assert.deepStrictEqual(
          scores,
          scores.toSorted((a, b) => b - a)
        )
        assert.closeTo(
          scores.reduce((sum, score) => sum + score, 0),
          1,
          1e-5
        )
      }
    })
  )

  it.effect("names the language of real code", () =>
    Effect.gen(function* () {
      const { classify } = yield* SourceLanguage.make
      const named = yield* Effect.forEach(snippets, ([language, code]) =>
        Effect.map(classify(code), ([likeliest]) => [language, likeliest?.label])
      )
      const wrong = named.filter(([language, label]) => language !== label)
      assert.deepStrictEqual(wrong, [])
    })
  )

  it.effect("answers calls at the same time as it answers them one by one", () =>
    Effect.gen(function* () {
      const { classify } = yield* SourceLanguage.make
      const texts = snippets.map(([, code]) => code)
      const alone = yield* Effect.forEach(texts, (text) => classify(text))
      const together = yield* Effect.forEach(texts, (text) => classify(text), { concurrency: "unbounded" })
      assert.deepStrictEqual(together, alone)
    })
  )
})
