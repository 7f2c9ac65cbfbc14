/**
 * A text generator without weights that ships with this package: an n-gram over 29,000 of WordNet 3.1's
 * definitions.
 *
 * It babbles in the style of a dictionary: "a person who participates in contests in order to raise money for
 * their flowers". It follows no instruction and answers no question. It is there for the protocol: its tokens
 * are real ones, counted, sampled and streamed as a language model's are.
 */
import { gunzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as TextModel from "./TextModel.ts"
import * as Lexicon from "./internal/lexicon.ts"
import * as SeededRandom from "./internal/seededRandom.ts"
import * as SuffixIndex from "./internal/suffixIndex.ts"

/** What a token is drawn from: the tokens that followed, one entry each time. */
interface Draw {
  readonly id: number
  readonly logprob: number
}

const draw = (
  index: SuffixIndex.SuffixIndex,
  ends: ArrayLike<number>,
  temperature: number,
  random: SeededRandom.SeededRandom
): Draw => {
  if (temperature === 1) {
    const id = index.after(ends[Math.floor(random() * ends.length)]!)
    let same = 0
    for (let i = 0; i < ends.length; i++) if (index.after(ends[i]!) === id) same++
    return { id, logprob: Math.log(same / ends.length) }
  }
  const counts = new Map<number, number>()
  for (let i = 0; i < ends.length; i++) {
    const id = index.after(ends[i]!)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const most = Math.max(...counts.values())
  // Relative to the likeliest, so that no power overflows; at 0 only the likeliest is left.
  const weight = (count: number) =>
    temperature === 0 ? (count === most ? 1 : 0) : (count / most) ** (1 / temperature)
  let total = 0
  for (const count of counts.values()) total += weight(count)
  let left = temperature === 0 ? 0 : random() * total
  let chosen = Lexicon.end
  for (const [id, count] of counts) {
    if (weight(count) === 0) continue
    chosen = id
    left -= weight(count)
    if (left < 0) break
  }
  return { id: chosen, logprob: Math.log((counts.get(chosen) ?? most) / ends.length) }
}

const conditioned = 200

/**
 * Makes a generator of any texts, one a line.
 *
 * @example
 * ```ts
 * import { WordNetNGram } from "@stint/emulator"
 *
 * export const model = WordNetNGram.make("a dog that barks\na dog that bites\na cat that purrs\n")
 * ```
 */
export const make = (corpus: string): TextModel.TextModel => {
  const lexicon = Lexicon.make()
  const tokens: Array<number> = []
  for (const line of corpus.split("\n")) {
    if (line !== "") tokens.push(Lexicon.start, ...lexicon.learn(line), Lexicon.end)
  }
  const vocabulary = tokens.reduce((most, id) => Math.max(most, id), Lexicon.end) + 1
  const index = SuffixIndex.make(Int32Array.from(tokens), vocabulary, Lexicon.start)

  /** What of a prompt a definition could go on from: its last words, as a dictionary writes them. */
  const history = (prompt: string): Array<number> =>
    lexicon
      .tokenize(
        ` ${prompt
          .slice(-conditioned)
          .toLowerCase()
          .replace(/[\s\p{P}]+$/u, "")}`
      )
      .map(({ id }) => id)

  /** A word as it is spelled after what stands before it: with a blank, unless there is one. */
  const spelled = (id: number, before: string): number => {
    const text = lexicon.textOf(id)
    const isSpaced = before === "" || /\s$/.test(before)
    const other = isSpaced ? text.trimStart() : /^\p{L}/u.test(text) ? ` ${text}` : text
    return lexicon.idOf(other) ?? id
  }

  const iterate = function* (
    prompt: string,
    options: TextModel.GenerateOptions
  ): Generator<TextModel.Token, void> {
    const { maxTokens, minTokens = 0, temperature = 1 } = options
    const random = SeededRandom.make(options.seed ?? SeededRandom.seedOf(prompt))
    let before = prompt
    let context: Array<number> = history(prompt)
    for (let count = 1; count <= maxTokens; count++) {
      const isLast = count === maxTokens
      let { id, logprob } = draw(index, index.ends(context), temperature, random)
      if (id === Lexicon.end && count === 1) {
        // Nothing to add to the prompt: a definition of its own, so that no answer is empty.
        context = []
        ;({ id, logprob } = draw(index, index.ends(context), temperature, random))
      }
      if (id !== Lexicon.end) {
        const word = count === 1 || context.length === 0 ? spelled(id, before) : id
        const text = lexicon.textOf(word)
        context = [...context.slice(-8), id]
        before = text
        yield { id: word, text, logprob, special: false, finishReason: isLast ? "length" : undefined }
      } else if (count > minTokens) {
        return yield { id, text: "", logprob, special: true, finishReason: "eos" }
      } else {
        // As a server does with a model that may not end yet: another token instead, and it goes on.
        const text = ";"
        context = []
        before = text
        const semicolon = lexicon.idOf(text) ?? id
        yield { id: semicolon, text, logprob, special: false, finishReason: isLast ? "length" : undefined }
      }
    }
  }

  return {
    name: "wordnet-ngram",
    isSimulated: false,
    maxLength: 4096,
    tokenize: lexicon.tokenize,
    countTokens: (text) => lexicon.tokenize(text).length,
    detokenize: lexicon.detokenize,
    // It knows no roles: what was said, one a line.
    chatPrompt: (messages) => messages.map(({ content }) => `${content}\n`).join(""),
    generate: (prompt, options) =>
      Stream.suspend(() => Stream.fromIteratorSucceed(iterate(prompt, options), 1)).pipe(
        TextModel.endAt(options.stop ?? [])
      )
  }
}

/**
 * Loads the generator that ships with this package: 0.6 MB on disk, some 200 ms.
 *
 * @example
 * ```ts
 * import { WordNetNGram } from "@stint/emulator"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect, Stream } from "effect"
 *
 * export const program = Effect.gen(function* () {
 *   const model = yield* WordNetNGram.load
 *   const tokens = yield* Stream.runCollect(model.generate("a person who", { maxTokens: 20, seed: 1 }))
 *   return tokens.map(({ text }) => text).join("")
 * }).pipe(Effect.provide(NodeServices.layer))
 * ```
 */
export const load: Effect.Effect<
  TextModel.TextModel,
  PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* Effect.orDie(
    path.fromFileUrl(new URL("../models/wordnet-ngram/definitions.txt.gz", import.meta.url))
  )
  const packed = yield* fs.readFile(file)
  return make(new TextDecoder().decode(gunzipSync(packed)))
})
