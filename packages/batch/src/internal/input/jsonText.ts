/**
 * What the text of JSON says that its value does not: digits that a number cannot hold, and how deep it is nested before
 * anything walks it.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** How deep JSON may be nested: what walks it has a stack. */
export const MAX_DEPTH = 512

export const TOO_DEEP = `is nested more than ${MAX_DEPTH} deep`

const QUOTE = 34
const COMMA = 44
const MINUS = 45
const ZERO = 48
const NINE = 57
const BACKSLASH = 92
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/** How often a text has a character, as far as `most` and one more. */
const countUpTo = (most: number, text: string, character: string) => {
  let count = 0
  for (let at = text.indexOf(character); at >= 0 && count <= most; at = text.indexOf(character, at + 1))
    count++
  return count
}

/** Where a text has a character next, or its end. */
const placeOf = (character: string, text: string, from: number) => {
  const at = text.indexOf(character, from)
  return at < 0 ? text.length : at
}

/** Where the text that begins with the quote at `start` has its last quote. */
const endOfText = (text: string, start: number) => {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at
  }
  return text.length
}

/** Whether a text of JSON is nested deeper than is taken. Few have brackets enough for that to be looked at closely. */
export const isTooDeep = (text: string): boolean => {
  if (text.length <= 2 * MAX_DEPTH) return false
  const lists = countUpTo(MAX_DEPTH, text, "[")
  if (lists <= MAX_DEPTH && lists + countUpTo(MAX_DEPTH, text, "{") <= MAX_DEPTH) return false
  // Measured: to look at each character took a tenth of the time of a run over packed vectors.
  let [openList, closeList, openObject, closeObject, quote, depth] = [-1, -1, -1, -1, -1, 0]
  for (let at = 0; ; at++) {
    if (openList < at) openList = placeOf("[", text, at)
    if (closeList < at) closeList = placeOf("]", text, at)
    if (openObject < at) openObject = placeOf("{", text, at)
    if (closeObject < at) closeObject = placeOf("}", text, at)
    if (quote < at) quote = placeOf('"', text, at)
    at = Math.min(openList, closeList, openObject, closeObject, quote)
    if (at === text.length) return false
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at)
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true
    } else depth--
  }
}

/** Digits and power of ten of a number, the same for all its spellings. */
const canonical = (number: string) => {
  const [, whole = "", fraction = "", power = "0"] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, "")
  const kept = digits.replace(/0+$/, "")
  return `${kept}e${Number(power) - fraction.length + digits.length - kept.length}`
}

/** Below this every whole number is held, and a fraction is the nearest that 64 bits have, to whoever reads it. */
const FIRST_INEXACT = 2 ** 53

const losesDigits = (written: string) => {
  const number = Number(written)
  return Math.abs(number) >= FIRST_INEXACT && canonical(written) !== canonical(String(number))
}

// Nothing shorter can lose a digit. Measured: spelled out it is looked for in steps, five times as fast as `\d{16}`.
const sixteen = /\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/
/** Nothing else goes beyond all numbers. */
const hugePower = /[eE]\+?\d{3}/
const numberAt = /-?\d[\d.eE+-]*/y

interface Place {
  readonly isObject: boolean
  awaitsKey: boolean
  key: readonly [start: number, end: number]
  index: number
}

const decodeKey = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.String))

/**
 * Where a text of JSON has its first number that cannot be held to the digit, or is beyond all that can be; nothing where
 * it has none. `counts` says of which members of the outermost object that matters.
 */
export const lostNumber = (
  text: string,
  counts: (member: string) => boolean = () => true
): ReadonlyArray<string | number> | undefined => {
  if (!sixteen.test(text) && !hugePower.test(text)) return undefined
  const places: Array<Place> = []
  const stepOf = ({ index, isObject, key }: Place) =>
    isObject ? Option.getOrElse(decodeKey(text.slice(...key)), () => "") : index
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const place = places.at(-1)
    if (code === QUOTE) {
      const start = at
      at = endOfText(text, start)
      if (place?.awaitsKey === true) {
        place.awaitsKey = false
        place.key = [start, at + 1]
      }
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      const isObject = code === OPEN_OBJECT
      places.push({ isObject, awaitsKey: isObject, key: [0, 0], index: 0 })
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) places.pop()
    else if (code === COMMA && place !== undefined) {
      place.awaitsKey = place.isObject
      place.index++
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      numberAt.lastIndex = at
      const [written = ""] = numberAt.exec(text) ?? []
      at += Math.max(0, written.length - 1)
      if (!losesDigits(written)) continue
      const path = places.map(stepOf)
      const [member] = path
      if (typeof member !== "string" || counts(member)) return path
    }
  }
  return undefined
}

/** What is wrong with such a number, for whoever wrote it. */
export const losesDigitsAt = (path: ReadonlyArray<string | number>): string =>
  `a number this long loses digits: write ${path.at(-1) === "id" ? "the id" : "it"} as text`
