/**
 * What generates text: a tokenizer and a stream of tokens. Servers ({@link Tgi}, {@link Vllm},
 * {@link LlamaCpp}) put a protocol in front of it.
 */
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A part of a tokenized text. The texts of all pieces, in order, are the text. */
export interface Piece {
  readonly id: number
  readonly text: string
}

/** Why a generation ended: no tokens left to spend, a stop sequence, or the model's own end of text. */
export type FinishReason = "length" | "stop" | "eos"

/** A generated piece. */
export interface Token extends Piece {
  /** The logarithm of the model's probability for it. */
  readonly logprob: number
  /** Whether it marks something, such as the end of a text, and is no text itself. */
  readonly special: boolean
  /** Of the last token only. */
  readonly finishReason?: FinishReason | undefined
}

/** How to generate. */
export interface GenerateOptions {
  /** How many tokens at most, the end of text included; at least 1. */
  readonly maxTokens: number
  /** How many tokens at least: until then the model does not end the text. 0 when left out. */
  readonly minTokens?: number | undefined
  /** 0 always takes the likeliest token; 1, the default, takes them as often as they are likely. */
  readonly temperature?: number | undefined
  /** The same seed and prompt give the same tokens. Left out, the prompt is the seed. */
  readonly seed?: number | undefined
  /** The text ends with the token that completes one of these. */
  readonly stop?: ReadonlyArray<string> | undefined
  /** Whether somebody watches tokens come one by one. `true` when left out. */
  readonly streaming?: boolean | undefined
}

/** What a message of a chat holds. */
export interface Message {
  readonly role: string
  readonly content: string
}

/** How busy a model that has a queue of its own is. */
export interface Load {
  /** Generations that advance. */
  readonly running: number
  /** Generations that wait for their first token, or for the memory they lost. */
  readonly waiting: number
  /** The part of the memory for keys and values that is in use, 0 to 1. */
  readonly cacheUsage: number
  /** How often a generation lost its memory to an older one, since the start. */
  readonly preemptions: number
}

/**
 * A model.
 *
 * @example
 * ```ts
 * import { TextModel } from "@stint/emulator"
 * import { Stream } from "effect"
 *
 * export const parrot: TextModel.TextModel = {
 *   name: "parrot",
 *   isSimulated: false,
 *   maxLength: 2048,
 *   tokenize: (text) => Array.from(text, (text) => ({ id: text.codePointAt(0) ?? 0, text })),
 *   countTokens: (text) => Array.from(text).length,
 *   detokenize: (ids) => String.fromCodePoint(...ids),
 *   chatPrompt: (messages) => messages.map(({ content }) => content).join("\n"),
 *   generate: (prompt, { maxTokens }) =>
 *     Stream.fromArray(parrot.tokenize(prompt).slice(-maxTokens)).pipe(
 *       Stream.map((piece): TextModel.Token => ({ ...piece, logprob: 0, special: false })),
 *       Stream.concat(
 *         Stream.succeed<TextModel.Token>({ id: 0, text: "", logprob: 0, special: true, finishReason: "eos" })
 *       )
 *     )
 * }
 * ```
 */
export interface TextModel {
  /** What it is, honestly: `wordnet-ngram`, `simulated-a10g`. */
  readonly name: string
  /** Whether its time and memory are computed by a model of a GPU rather than taken. */
  readonly isSimulated: boolean
  /** How many tokens a prompt and what is generated may have together. */
  readonly maxLength: number
  readonly tokenize: (text: string) => ReadonlyArray<Piece>
  /** How many pieces {@link TextModel.tokenize} makes. */
  readonly countTokens: (text: string) => number
  /** The text of tokens; ids outside the vocabulary are left out. */
  readonly detokenize: (ids: ReadonlyArray<number>) => string
  /** The prompt of a chat, by the model's own template. */
  readonly chatPrompt: (messages: ReadonlyArray<Message>) => string
  /** At least one token; the last one, and no other, says why it is the last. */
  readonly generate: (prompt: string, options: GenerateOptions) => Stream.Stream<Token>
  /** Of a model that lets generations wait for each other itself; others run all they are asked. */
  readonly load?: Effect.Effect<Load> | undefined
}

/**
 * Ends a generation with the token that completes a stop sequence. The token keeps its whole text, which may
 * go on after the sequence.
 *
 * @example
 * ```ts
 * import { TextModel } from "@stint/emulator"
 *
 * export const firstSentence = (model: TextModel.TextModel, prompt: string) =>
 *   model.generate(prompt, { maxTokens: 100 }).pipe(TextModel.endAt([".", "!", "?"]))
 * ```
 */
export const endAt =
  (stop: ReadonlyArray<string>) =>
  <E, R>(tokens: Stream.Stream<Token, E, R>): Stream.Stream<Token, E, R> => {
    const sequences = stop.filter((sequence) => sequence !== "")
    if (sequences.length === 0) return tokens
    const longest = Math.max(...sequences.map((sequence) => sequence.length))
    return tokens.pipe(
      Stream.mapAccum(
        () => "",
        (before: string, token: Token): readonly [string, ReadonlyArray<Token>] => {
          const text = token.special ? before : before + token.text
          const isStopped = sequences.some((sequence) => text.includes(sequence))
          // As much as the start of a sequence may need.
          return [text.slice(-longest), [isStopped ? { ...token, finishReason: "stop" } : token]]
        }
      ),
      Stream.takeUntil((token) => token.finishReason !== undefined)
    )
  }
