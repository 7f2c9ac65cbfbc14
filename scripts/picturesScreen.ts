/**
 * A screen of a terminal as SVG: what `tmux capture-pane -e` gives, drawn cell by cell. Light and dark follow whoever looks.
 */

interface Run {
  readonly text: string
  readonly classes: ReadonlyArray<string>
}

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60]/u

/** How many cells a text takes. */
const cellsOf = (text: string): number =>
  Array.from(text).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0)

const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]

/** What a line says, and how: the codes of its colours taken out. */
const runsOf = (line: string): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  const on = new Set<string>()
  let colour: string | undefined
  // The escape character is what is looked for.
  // oxlint-disable-next-line no-control-regex
  for (const [, codes, text = ""] of `\u001b[m${line}`.matchAll(/\u001b\[([\d;]*)m([^\u001b]*)/g)) {
    for (const code of (codes || "0").split(";").map(Number)) {
      if (code === 0) {
        on.clear()
        colour = undefined
      } else if (code === 1) on.add("bold")
      else if (code === 2) on.add("dim")
      else if (code === 22) {
        on.delete("bold")
        on.delete("dim")
      } else if (code >= 30 && code <= 37) colour = colours[code - 30]
      else if (code >= 90 && code <= 97) colour = colours[code - 90]
      else if (code === 39) colour = undefined
    }
    if (text !== "") runs.push({ text, classes: [...on, ...(colour === undefined ? [] : [colour])] })
  }
  return runs
}

/** A screen without its colours. */
export const plainOf = (screen: string): string =>
  screen
    .split("\n")
    .map((line) =>
      runsOf(line)
        .map(({ text }) => text)
        .join("")
        .trimEnd()
    )
    .join("\n")
    .trimEnd()

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[mark] ?? "")

const CELL = 8.4
const LINE = 19
const PAD = 16
const round = (value: number) => Math.round(value * 10) / 10

const style = `
rect{fill:#f6f8fa;stroke:#d1d9e0}
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328;white-space:pre}
.bold{font-weight:600}.dim{fill:#59636e}.red{fill:#b62324}.green{fill:#1a7f37}.yellow{fill:#8a5a00}.blue{fill:#0969da}.magenta{fill:#8250df}.cyan{fill:#1b7c83}
@media (prefers-color-scheme:dark){rect{fill:#0d1117;stroke:#30363d}text{fill:#e6edf3}
.dim{fill:#9aa4af}.red{fill:#ff8a80}.green{fill:#3fb950}.yellow{fill:#d9a521}.blue{fill:#58a6ff}.magenta{fill:#bc8cff}.cyan{fill:#56d4dd}}
`.trim()

/** The picture; `title` and `description` are for whoever does not see it. */
export const svg = (
  screen: string,
  {
    columns,
    description,
    title
  }: { readonly title: string; readonly description: string; readonly columns: number }
): string => {
  const lines = screen.trimEnd().split("\n")
  const width = Math.ceil(columns * CELL + 2 * PAD)
  const height = lines.length * LINE + 2 * PAD
  // Each run is set to its place and stretched to its cells: columns stay columns in any font.
  const drawn = lines.flatMap((line, row) => {
    let at = 0
    return runsOf(line).flatMap(({ classes, text }) => {
      const from = at
      at += cellsOf(text)
      const shown = text.trimEnd()
      const lead = shown.length - shown.trimStart().length
      const words = shown.trimStart()
      if (words === "") return []
      const x = round(PAD + (from + lead) * CELL)
      const y = round(PAD + row * LINE + 14)
      const names = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`
      return [
        `<text x="${x}" y="${y}" textLength="${round(cellsOf(words) * CELL)}" lengthAdjust="spacingAndGlyphs"${names}>${escaped(words)}</text>`
      ]
    })
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(description)}</desc>`,
    `<style>${style}</style>`,
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...drawn,
    "</svg>",
    ""
  ].join("\n")
}
