/**
 * The JSON text of an object's only member, without decoding it: nothing where it is not that member, or not alone.
 * The text is known to be JSON, without space between its tokens.
 */
export const soleMember = (text: string, name: string): string | undefined => {
  const start = `{${JSON.stringify(name)}:`
  if (!text.startsWith(start)) return undefined
  const end = text.length - 1
  let depth = 0
  for (let at = start.length; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--
    else if (code === COMMA && depth === 0) return undefined
  }
  return text.slice(start.length, end)
}

const QUOTE = 34
const COMMA = 44
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/** Where a string that begins there has its closing quote. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) break
    if (code === BACKSLASH) at++
  }
  return at
}
