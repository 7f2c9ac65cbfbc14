/**
 * Text of others in a page: nothing in it is markup.
 */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

// Control characters are what is looked for.
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g

/** Turns of direction would show other text than there is. */
const turns = /[\u202A-\u202E\u2066-\u2069\u200E\u200F]/g

/** What is seen is what there is: control characters, turns of direction and halves of characters are shown as such. */
export const visible = (text: string): string =>
  text.replace(controls, "�").replace(turns, "�").toWellFormed()

/** For the text of an element, and for an attribute in quotes. */
export const escaped = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (mark) => entities[mark] ?? "")

/** Text in a line of Markdown, of a table too. */
export const inMarkdown = (text: string): string =>
  visible(text)
    .replace(/\s+/g, " ")
    .replace(/[\\`*_{}[\]<>()#|~!&@:]/g, (mark) => `\\${mark}`)

/** Text as code in a line of Markdown: its fence is longer than any in it. */
export const codeInMarkdown = (text: string): string => {
  const line = visible(text).replace(/\s+/g, " ").trim()
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([run]) => run.length))
  const fence = "`".repeat(longest + 1)
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : ""
  return line === "" ? "(empty)" : `${fence}${pad}${line}${pad}${fence}`
}
