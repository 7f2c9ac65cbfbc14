import * as WordPiece from "../src/internal/wordPiece.ts"
import type { Synset } from "./WordNet.ts"

export interface Options {
  /** A word seen this often has a vector of its own. */
  readonly minCount: number
  /** How many beginnings and endings of rarer words have one. */
  readonly affixes: number
}

/**
 * The pieces that get a vector: characters, so that nearly no word is unknown, then frequent words, then the
 * beginnings and endings that cover most of the rare words' letters.
 */
export const build = (synsets: ReadonlyArray<Synset>, options: Options): ReadonlyArray<string> => {
  const words = countWords(synsets)
  const characters = frequentCharacters(words)
  const pieces = new Set([...special, ...characters])
  for (const character of characters) {
    if (/[\p{L}\p{N}]/u.test(character)) pieces.add(`##${character}`)
  }
  for (const [word, count] of byCount(words)) {
    if (count >= options.minCount) pieces.add(word)
  }
  for (const [affix] of byCount(countAffixes(words, options.minCount)).slice(0, options.affixes)) {
    pieces.add(affix)
  }
  return [...pieces]
}

/** BERT's, in BERT's places, for tools that expect them. Only `[UNK]` is used. */
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

type Counts = ReadonlyMap<string, number>

const add = (counts: Map<string, number>, key: string, count: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

/** Most frequent first; equals stay in the order they were first seen, which makes the result repeatable. */
const byCount = (counts: Counts): ReadonlyArray<readonly [string, number]> =>
  [...counts].toSorted((a, b) => b[1] - a[1])

const countWords = (synsets: ReadonlyArray<Synset>): Counts => {
  const counts = new Map<string, number>()
  for (const { definition, examples, lemmas } of synsets) {
    for (const text of [definition, ...examples, ...lemmas]) {
      for (const word of WordPiece.words(text)) add(counts, word, 1)
    }
  }
  return counts
}

/** Those that occur at least five times in the list of different words. */
const frequentCharacters = (words: Counts): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const word of words.keys()) {
    for (const character of word) add(counts, character, 1)
  }
  return [...counts].flatMap(([character, count]) => (count >= 5 ? character : [])).toSorted()
}

/** Beginnings and endings of 3 to 8 letters, by how many tokens each would save. */
const countAffixes = (words: Counts, minCount: number): Counts => {
  const counts = new Map<string, number>()
  for (const [word, count] of words) {
    if (count >= minCount || !/^\p{L}+$/u.test(word)) continue
    for (let length = 3; length < 9 && length < word.length; length++) {
      add(counts, word.slice(0, length), length - 1)
      add(counts, `##${word.slice(-length)}`, length - 1)
    }
  }
  return counts
}
