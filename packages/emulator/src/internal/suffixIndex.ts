/** Where runs of tokens stand in a text, and what follows them: an n-gram model that is its own text. */

/** A text of tokens that can be asked what comes after a run of them. */
export interface SuffixIndex {
  /**
   * Where the end of `history` occurs: the positions of the last token of its longest end that occurs at
   * least three times; those of the text's starts when there is none.
   */
  readonly ends: (history: ReadonlyArray<number>) => ArrayLike<number>
  /** The token that follows a position. */
  readonly after: (position: number) => number
}

const longestRun = 4
const fewest = 3

/** Indexes a text whose token `startToken` starts each of its parts. */
export const make = (tokens: Int32Array, vocabulary: number, startToken: number): SuffixIndex => {
  // Positions by token: those of token t are places[offsets[t]] to places[offsets[t + 1] - 1].
  const offsets = new Int32Array(vocabulary + 1)
  for (const token of tokens) offsets[token + 1]! += 1
  for (let token = 0; token < vocabulary; token++) offsets[token + 1]! += offsets[token]!
  const next = offsets.slice()
  const places = new Int32Array(tokens.length)
  for (let i = 0; i < tokens.length; i++) places[next[tokens[i]!]!++] = i

  const occurrences = (token: number) =>
    token < vocabulary ? places.subarray(offsets[token], offsets[token + 1]) : places.subarray(0, 0)

  return {
    ends: (history) => {
      let found: ArrayLike<number> = []
      for (let length = 1; length <= Math.min(longestRun, history.length); length++) {
        const token = history[history.length - length]!
        if (length === 1) {
          found = occurrences(token)
          continue
        }
        const narrowed: Array<number> = []
        for (let i = 0; i < found.length; i++) {
          const end = found[i]!
          if (end >= length - 1 && tokens[end - length + 1] === token) narrowed.push(end)
        }
        if (narrowed.length < fewest) break
        found = narrowed
      }
      return found.length === 0 ? occurrences(startToken) : found
    },
    after: (position) => tokens[position + 1] ?? startToken
  }
}
