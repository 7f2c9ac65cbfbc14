/** A tokenizer of words: what its vocabulary has is one token, anything else is parts of it, down to bytes. */
import type { Piece } from "../TextModel.ts"

/** A vocabulary that grows while it reads what it is made for, and tokenizes any text. */
export interface Lexicon {
  /** A text's tokens; words that are not in the vocabulary yet are added. */
  readonly learn: (text: string) => ReadonlyArray<number>
  readonly tokenize: (text: string) => ReadonlyArray<Piece>
  readonly detokenize: (ids: ReadonlyArray<number>) => string
  /** What a token of the vocabulary stands for. */
  readonly textOf: (id: number) => string
  readonly idOf: (text: string) => number | undefined
}

/** Starts a text. */
export const start = 0
/** Ends a text. */
export const end = 1

const firstByte = 2
const firstWord = firstByte + 256

// A word takes the blank before it along. Everything else visible, and every blank, is by itself.
const chunk = / ?\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}+)*| ?\p{N}| ?[^\s\p{L}\p{N}]|\s|[^]/gu

// No word of a dictionary is longer, so that a long run of letters costs no more than its length.
const longestPart = 24

const toBytes = new TextEncoder()
const fromBytes = new TextDecoder()

/** Makes a vocabulary of bytes and visible ASCII characters. */
export const make = (): Lexicon => {
  const texts: Array<string> = []
  const ids = new Map<string, number>()

  const add = (text: string): number => {
    const known = ids.get(text)
    if (known !== undefined) return known
    const id = firstWord + texts.length
    texts.push(text)
    ids.set(text, id)
    return id
  }
  add("\n")
  for (let code = 0x20; code < 0x7f; code++) add(String.fromCharCode(code))

  const bytes = (character: string): ReadonlyArray<Piece> =>
    // The first byte has the character, so that the pieces' texts are the text.
    Array.from(toBytes.encode(character), (byte, i) => ({
      id: firstByte + byte,
      text: i === 0 ? character : ""
    }))

  const parts = (text: string): ReadonlyArray<Piece> => {
    const found: Array<Piece> = []
    for (let at = 0; at < text.length;) {
      let length = Math.min(longestPart, text.length - at)
      let id = ids.get(text.slice(at, at + length))
      while (id === undefined && length > 1) id = ids.get(text.slice(at, at + --length))
      if (id === undefined) {
        const character = String.fromCodePoint(text.codePointAt(at) ?? 0)
        found.push(...bytes(character))
        at += character.length
      } else {
        found.push({ id, text: text.slice(at, at + length) })
        at += length
      }
    }
    return found
  }

  return {
    learn: (text) => Array.from(text.match(chunk) ?? [], add),
    tokenize: (text) => {
      const found: Array<Piece> = []
      for (const [part] of text.matchAll(chunk)) {
        const id = ids.get(part)
        if (id === undefined) found.push(...parts(part))
        else found.push({ id, text: part })
      }
      return found
    },
    detokenize: (tokens) => {
      let text = ""
      let pending: Array<number> = []
      const flush = () => {
        if (pending.length > 0) text += fromBytes.decode(Uint8Array.from(pending))
        pending = []
      }
      for (const id of tokens) {
        if (id >= firstByte && id < firstWord) pending.push(id - firstByte)
        else {
          flush()
          text += texts[id - firstWord] ?? ""
        }
      }
      flush()
      return text
    },
    textOf: (id) => texts[id - firstWord] ?? "",
    idOf: (text) => ids.get(text)
  }
}
