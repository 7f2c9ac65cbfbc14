/**
 * A small sentence-embedding model that ships with this package: a bag of words, learned from WordNet 3.1.
 *
 * A text's vector is the normalised mean of its pieces' vectors. It knows words, not word order, negation or
 * sense; `models/wordnet-embedding/README.md` has its measured limits.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as WordPiece from "./internal/wordPiece.ts"

/** A text's vector, of the model's dimensions, and the tokens it was made of (at least 1). */
export interface Embedding {
  readonly vector: Float32Array<ArrayBuffer>
  readonly tokens: number
}

/** A token of a text: its piece, and the characters it stands for, counted in code points. */
export interface TokenSpan {
  readonly id: number
  readonly text: string
  readonly start: number
  readonly stop: number
}

/** A loaded model. Its functions are pure: the same text gives the same bits on every machine. */
export interface WordNetEmbedding {
  /** `wordnet-static`. */
  readonly name: string
  /** The length of every vector. */
  readonly dimensions: number
  /** The tokens of a text that count; what comes after them is cut. */
  readonly maxTokens: number
  /** A text's vector, of length 1. A text without words, such as `""`, is one unknown token. */
  readonly embed: (text: string) => Embedding
  /** The mean that {@link WordNetEmbedding.embed} normalises. */
  readonly pool: (text: string) => Embedding
  /** The vector of each token that counts, of which {@link WordNetEmbedding.pool} is the mean. */
  readonly embedTokens: (text: string) => ReadonlyArray<Float32Array<ArrayBuffer>>
  /** A text's tokens, those that would be cut included. */
  readonly tokenize: (text: string) => ReadonlyArray<TokenSpan>
  /** How many tokens a text has, those that would be cut included; at least 1. */
  readonly countTokens: (text: string) => number
  /** The text that tokens stand for; ids outside the vocabulary are left out. */
  readonly decode: (ids: ReadonlyArray<number>) => string
}

/**
 * The model's files do not belong together: a vocabulary and weights of other sizes than its config says.
 *
 * @example
 * ```ts
 * import { WordNetEmbedding } from "@stint/emulator"
 *
 * export const error = new WordNetEmbedding.InvalidModel({ directory: "/models/x", message: "no vocabulary"
 * })
 * ```
 */
export class InvalidModel extends Schema.TaggedError<InvalidModel>()("InvalidModel", {
  directory: Schema.String,
  message: Schema.String
}) {}

const Config = Schema.fromJsonString(
  Schema.Struct({
    hidden_size: Schema.Int.check(Schema.isGreaterThan(0)),
    vocab_size: Schema.Int.check(Schema.isGreaterThan(0)),
    max_position_embeddings: Schema.Int.check(Schema.isGreaterThan(0))
  })
)

/** What a model's files hold: `rows[i * dimensions + d] * scales[i]` is piece `i` in dimension `d`. */
interface Weights {
  readonly vocabulary: ReadonlyArray<string>
  readonly dimensions: number
  readonly maxTokens: number
  readonly scales: Float32Array
  readonly rows: Int8Array
}

const make = ({ dimensions, maxTokens, rows, scales, vocabulary }: Weights): WordNetEmbedding => {
  const wordPiece = WordPiece.make(vocabulary)

  const add = (vector: Float32Array, piece: number): void => {
    const scale = scales[piece]!
    const offset = piece * dimensions
    for (let d = 0; d < dimensions; d++) vector[d]! += rows[offset + d]! * scale
  }

  const sum = (text: string): Embedding => {
    const vector = new Float32Array(dimensions)
    let tokens = 0
    for (const word of WordPiece.words(text)) {
      for (const piece of wordPiece.pieces(word)) {
        if (tokens === maxTokens) return { vector, tokens }
        add(vector, piece)
        tokens++
      }
    }
    if (tokens === 0) {
      add(vector, WordPiece.unknownPiece)
      tokens = 1
    }
    return { vector, tokens }
  }

  const tokenize = (text: string): ReadonlyArray<TokenSpan> => {
    const points = Array.from(text)
    return WordPiece.spans(text).flatMap(({ start, stop, word }) => {
      const pieces = wordPiece.pieces(word)
      // Accents that were taken off leave no place for the pieces of a word: each then has all of it.
      const isAligned = stop - start === Array.from(word).length && pieces[0] !== WordPiece.unknownPiece
      let from = start
      return pieces.map((id) => {
        const length = (vocabulary[id] ?? "").replace(/^##(?=.)/, "").length
        const span = isAligned ? { start: from, stop: Math.min(stop, from + length) } : { start, stop }
        from += length
        return { id, text: points.slice(span.start, span.stop).join(""), ...span }
      })
    })
  }

  const scaled = (embedding: Embedding, divisor: number): Embedding => {
    for (let d = 0; d < dimensions; d++) embedding.vector[d]! /= divisor
    return embedding
  }

  return {
    name: "wordnet-static",
    dimensions,
    maxTokens,
    embed: (text) => {
      const embedding = sum(text)
      return scaled(embedding, length(embedding.vector))
    },
    pool: (text) => {
      const embedding = sum(text)
      return scaled(embedding, embedding.tokens)
    },
    embedTokens: (text) => {
      const ids = WordPiece.words(text)
        .flatMap((word) => wordPiece.pieces(word))
        .slice(0, maxTokens)
      return (ids.length === 0 ? [WordPiece.unknownPiece] : ids).map((id) => {
        const vector = new Float32Array(dimensions)
        add(vector, id)
        return vector
      })
    },
    tokenize,
    countTokens: (text) => {
      let tokens = 0
      for (const word of WordPiece.words(text)) tokens += wordPiece.pieces(word).length
      return Math.max(1, tokens)
    },
    decode: (ids) => {
      const pieces = ids.flatMap((id) => vocabulary[id] ?? [])
      return pieces
        .map((piece) => (piece.startsWith("##") ? piece.slice(2) : ` ${piece}`))
        .join("")
        .trimStart()
    }
  }
}

/** A vector's length, or 1 for the zero vector, so that it can be divided by. */
const length = (vector: Float32Array): number => {
  let squares = 0
  for (const value of vector) squares += value * value
  return Math.sqrt(squares) || 1
}

/**
 * A vector of length 1 made of the first `dimensions` of another. The model is not trained for it, so fewer
 * dimensions cost quality.
 *
 * @example
 * ```ts
 * import { WordNetEmbedding } from "@stint/emulator"
 *
 * export const short = WordNetEmbedding.truncate(Float32Array.of(3, 4, 12), 2) // 0.6, 0.8
 * ```
 */
export const truncate = (
  vector: Float32Array<ArrayBuffer>,
  dimensions: number
): Float32Array<ArrayBuffer> => {
  const short = vector.slice(0, dimensions)
  const divisor = length(short)
  for (let d = 0; d < short.length; d++) short[d]! /= divisor
  return short
}

/**
 * How alike two vectors point: 1 for the same direction, 0 when they have nothing in common.
 *
 * @example
 * ```ts
 * import { WordNetEmbedding } from "@stint/emulator"
 *
 * export const half = WordNetEmbedding.cosine(Float32Array.of(1, 0), Float32Array.of(1, 1)) // 0.707
 * ```
 */
export const cosine = (a: Float32Array, b: Float32Array): number => {
  let dot = 0
  for (let d = 0; d < Math.min(a.length, b.length); d++) dot += a[d]! * b[d]!
  return Math.max(-1, Math.min(1, dot / (length(a) * length(b))))
}

const loadFrom = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const invalid = (message: string) => new InvalidModel({ directory, message })

  const config = yield* fs.readFileString(path.join(directory, "config.json")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Config)),
    Effect.catchTag("SchemaError", (error) => Effect.fail(invalid(`config.json: ${error.message}`)))
  )
  const { hidden_size: dimensions, max_position_embeddings: maxTokens, vocab_size: size } = config

  const text = yield* fs.readFileString(path.join(directory, "vocab.txt"))
  const vocabulary = text.trimEnd().split("\n")
  if (vocabulary.length !== size) {
    return yield* invalid(`vocab.txt has ${vocabulary.length} pieces, config.json says ${size}`)
  }

  const bytes = yield* fs.readFile(path.join(directory, "weights.bin"))
  const expected = size * (Float32Array.BYTES_PER_ELEMENT + dimensions)
  if (bytes.byteLength !== expected) {
    return yield* invalid(`weights.bin has ${bytes.byteLength} bytes, config.json asks for ${expected}`)
  }
  // Copied, since a buffer from the file system need not start where a Float32Array may.
  const { buffer } = new Uint8Array(bytes)
  return make({
    vocabulary,
    dimensions,
    maxTokens,
    scales: new Float32Array(buffer, 0, size),
    rows: new Int8Array(buffer, size * Float32Array.BYTES_PER_ELEMENT)
  })
})

/**
 * Loads a model: the one that ships with this package (1.3 MB, about 20 ms), or the one that
 * `packages/emulator/training` left in `directory`.
 *
 * @example
 * ```ts
 * import { WordNetEmbedding } from "@stint/emulator"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect } from "effect"
 *
 * export const program = Effect.gen(function* () {
 *   const model = yield* WordNetEmbedding.load()
 *   return model.embed("a dog chased the cat").vector.length // 64
 * }).pipe(Effect.provide(NodeServices.layer))
 * ```
 */
export const load = Effect.fnUntraced(function* (options?: {
  readonly directory?: string | undefined
}): Effect.fn.Return<
  WordNetEmbedding,
  InvalidModel | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> {
  if (options?.directory !== undefined) return yield* loadFrom(options.directory)
  const path = yield* Path.Path
  const shipped = yield* Effect.orDie(
    path.fromFileUrl(new URL("../models/wordnet-embedding", import.meta.url))
  )
  return yield* loadFrom(shipped)
})
