const ascii = /^[\x00-\x7f]*$/
const asciiWord = /[a-z0-9]+|\S/g
const word = /[\p{L}\p{N}\p{M}]+|\S/gu
const marks = /\p{Mn}/gu

/** A piece's index in the vocabulary file: what stands for a word that no pieces make. */
export const unknownPiece = 1

/**
 * A text's words in order: runs of letters and digits, and every other visible character by itself. They are
 * in lower case and without accents, so that "Café" and "cafe" are one word.
 */
export const words = (text: string): ReadonlyArray<string> =>
  // Most text is ASCII, which needs no tables of Unicode.
  (ascii.test(text)
    ? text.toLowerCase().match(asciiWord)
    : text.normalize("NFD").replace(marks, "").toLowerCase().match(word)) ?? []

/** A word as {@link words} has it, and the code points of the text that it was made of. */
export interface Span {
  readonly word: string
  readonly start: number
  readonly stop: number
}

/** A text's words with their places. */
export const spans = (text: string): ReadonlyArray<Span> => {
  const found: Array<Span> = []
  let units = 0
  let points = 0
  for (const match of text.matchAll(word)) {
    points += Array.from(text.slice(units, match.index)).length
    const stop = points + Array.from(match[0]).length
    for (const each of words(match[0])) found.push({ word: each, start: points, stop })
    units = match.index + match[0].length
    points = stop
  }
  return found
}

/** Splits words into the vocabulary's pieces. */
export interface WordPiece {
  /**
   * A word's pieces, the longest that fits first. `[unknownPiece]` when no pieces make the word, or when it
   * has more than 100 characters, as in BERT's WordPiece.
   */
  readonly pieces: (word: string) => ReadonlyArray<number>
}

const longestWord = 100
// Enough for any language, and a bound on what strangers' words may fill.
const cachedWords = 50_000

/** Makes a splitter of a vocabulary whose continuation pieces start with `##`. */
export const make = (vocabulary: ReadonlyArray<string>): WordPiece => {
  const first = new Map<string, number>()
  const continuation = new Map<string, number>()
  vocabulary.forEach((entry, index) => {
    const inner = entry.length > 2 && entry.startsWith("##")
    const piece = inner ? entry.slice(2) : entry
    ;(inner ? continuation : first).set(piece, index)
  })

  const split = (word: string): ReadonlyArray<number> => {
    const found: Array<number> = []
    let start = 0
    while (start < word.length) {
      const known = start === 0 ? first : continuation
      let end = word.length
      let index: number | undefined
      for (; end > start; end--) {
        index = known.get(word.slice(start, end))
        if (index !== undefined) break
      }
      if (index === undefined) return [unknownPiece]
      found.push(index)
      start = end
    }
    return found
  }

  const cache = new Map<string, ReadonlyArray<number>>()
  const pieces = (word: string): ReadonlyArray<number> => {
    const cached = cache.get(word)
    if (cached !== undefined) return cached
    if (word.length > longestWord) return [unknownPiece]
    const found = split(word)
    if (cache.size < cachedWords) cache.set(word, found)
    return found
  }
  return { pieces }
}
