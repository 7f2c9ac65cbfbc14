import * as WordPiece from "../src/internal/wordPiece.ts"
import type { Synset } from "./WordNet.ts"

/** Texts that mean nearly the same, as token ids: `left[i]` belongs to `right[i]`. */
export interface Pairs {
  readonly left: ReadonlyArray<Int32Array>
  readonly right: ReadonlyArray<Int32Array>
  /** In how many definitions each piece occurs. */
  readonly documentFrequency: Float64Array
  /** How many definitions there are. */
  readonly documents: number
}

/** The tokens of a text that are looked at; few glosses have more. */
const maxTokens = 48

/**
 * Kinds of relation that bring meanings together: hypernyms, derivations, parts, causes, similar and so on.
 */
const related = new Set(["@", "@i", "&", "+", "\\", "#p", "#m", "$", "*", "^", "<"])

/** Draws the pairs out of WordNet: words, examples and neighbours, each beside a definition. */
export const collect = (synsets: ReadonlyArray<Synset>, vocabulary: ReadonlyArray<string>): Pairs => {
  const encode = encoder(vocabulary)
  const byId = new Map(synsets.map((synset) => [synset.id, synset]))
  const left: Array<Int32Array> = []
  const right: Array<Int32Array> = []
  const documentFrequency = new Float64Array(vocabulary.length)
  const pair = (a: string, b: string): void => {
    left.push(encode(a))
    right.push(encode(b))
  }

  for (const { definition, examples, lemmas, relations } of synsets) {
    for (const token of new Set(encode(definition))) documentFrequency[token]! += 1
    for (const lemma of lemmas.slice(0, 3)) pair(lemma, definition)
    const [lemma = "", synonym] = lemmas
    if (synonym !== undefined) {
      pair(lemmas.join(", "), definition)
      pair(lemma, synonym)
    }
    for (const example of examples.slice(0, 2)) pair(example, definition)
    for (const { symbol, target } of relations) {
      const other = byId.get(target)
      if (other === undefined || !related.has(symbol)) continue
      pair(definition, other.definition)
      if (symbol.startsWith("@")) {
        const [hypernym = ""] = other.lemmas
        pair(lemma, hypernym)
        pair(definition, hypernym)
      }
    }
  }
  return { left, right, documentFrequency, documents: synsets.length }
}

/** Splits texts as the finished model will, and remembers them: most texts are in several pairs. */
const encoder = (vocabulary: ReadonlyArray<string>) => {
  const { pieces } = WordPiece.make(vocabulary)
  const known = new Map<string, Int32Array>()
  return (text: string): Int32Array => {
    const before = known.get(text)
    if (before !== undefined) return before
    const tokens = WordPiece.words(text).flatMap(pieces).slice(0, maxTokens)
    const encoded = Int32Array.from(tokens.length > 0 ? tokens : [WordPiece.unknownPiece])
    known.set(text, encoded)
    return encoded
  }
}
