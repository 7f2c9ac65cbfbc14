/**
 * Text as a terminal shows it: in cells, of which a letter takes one and an ideograph or an emoji two.
 */
import { displayWidth } from "effect/cli/CliOutput"

const ascii = /^[\u0020-\u007E]*$/

/** How many cells it takes. */
export const widthOf = (text: string): number => (ascii.test(text) ? text.length : displayWidth(text))

// Control characters are what is looked for.
// oxlint-disable-next-line no-control-regex
const breaks = /[\s\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g
const turns = /[\u200E\u200F\u202A-\u202E\u2066-\u2069]/g

/** Words of others as one line that cannot move the cursor, colour anything or turn the direction of writing. */
export const oneLine = (text: string): string =>
  ascii.test(text) ? text : text.replace(breaks, " ").replace(turns, "").toWellFormed()

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** So many whole characters as fit. */
const fitting = (parts: Iterable<string>, width: number): ReadonlyArray<string> => {
  const kept: Array<string> = []
  let left = width
  for (const part of parts) {
    left -= widthOf(part)
    if (left < 0) break
    kept.push(part)
  }
  return kept
}

const split = (text: string) => Array.from(graphemes.segment(text), ({ segment }) => segment)

/** Cut at its end, with … for what is missing, to at most so many cells. */
export const clip = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  if (width < 1) return ""
  return `${ascii.test(text) ? text.slice(0, width - 1) : fitting(split(text), width - 1).join("")}…`
}

/** Cut at its beginning. */
export const clipStart = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  if (width < 1) return ""
  return `…${fitting(split(text).toReversed(), width - 1)
    .toReversed()
    .join("")}`
}

const blanks = (text: string, width: number) => " ".repeat(Math.max(0, width - widthOf(text)))

/** With blanks behind it, to so many cells. */
export const padEnd = (text: string, width: number): string => `${text}${blanks(text, width)}`

/** With blanks before it, to so many cells. */
export const padStart = (text: string, width: number): string => `${blanks(text, width)}${text}`
