/** Pictures of the page: lines over a scale that multiplies, and bars. SVG that follows the reader's light or dark. */
import type { Plot } from "./result.ts"

type Lines = Extract<Plot, { readonly kind: "lines" }>
type Bars = Extract<Plot, { readonly kind: "bars" }>

const width = 800
/** From one line of text to the next. */
const LINE = 15
const colours = ["a", "b", "c", "d", "e", "f"]

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .axis { fill: #59636e }
  .grid { stroke: #8b949e; stroke-opacity: .3 }
  path { fill: none; stroke-width: 2; stroke-linejoin: round }
  .bar { fill: #8b949e } .ours { fill: #0969da } .ours-text { font-weight: 600 }
  path.a { stroke: #0969da } path.b { stroke: #bc4c00 } path.c { stroke: #1a7f37 }
  path.d { stroke: #8250df } path.e { stroke: #cf222e } path.f { stroke: #59636e }
  circle { stroke: none } circle.a, text.a { fill: #0969da } circle.b, text.b { fill: #bc4c00 }
  circle.c, text.c { fill: #1a7f37 } circle.d, text.d { fill: #8250df } circle.e, text.e { fill: #cf222e }
  circle.f, text.f { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { fill: #9198a1 } .ours { fill: #4493f8 }
    path.a { stroke: #4493f8 } path.b { stroke: #f0883e } path.c { stroke: #3fb950 }
    path.d { stroke: #ab7df8 } path.e { stroke: #f85149 } path.f { stroke: #9198a1 }
    circle.a, text.a { fill: #4493f8 } circle.b, text.b { fill: #f0883e } circle.c, text.c { fill: #3fb950 }
    circle.d, text.d { fill: #ab7df8 } circle.e, text.e { fill: #f85149 } circle.f, text.f { fill: #9198a1 }
  }`

const round = (value: number) => Math.round(value * 10) / 10

const escaped = (what: string) => what.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const text = (x: number, y: number, what: string, attributes = "") =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(what)}</text>`

const rule = (x1: number, y1: number, x2: number, y2: number) =>
  `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`

/** `1k`, `10 M`; what is below 1 as it is. */
export const brief = (value: number): string => {
  const size = Math.abs(value)
  const short = (by: number, unit: string) => `${Number((value / by).toPrecision(3))}${unit}`
  if (size >= 1e6) return short(1e6, "M")
  return size >= 1000 ? short(1000, "k") : String(Number(value.toPrecision(3)))
}

/** About six ticks from 0; or each power of ten, and where it is `fine` their doubles and halves too, if there are few. */
export const ticks = (low: number, high: number, isLog: boolean, isFine = false): ReadonlyArray<number> => {
  if (isLog) {
    const from = Math.floor(Math.log10(low))
    const to = Math.max(from + 1, Math.ceil(Math.log10(high)))
    const powers = Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at))
    if (powers.length > 3 || !isFine) return powers
    const fine = powers.flatMap((power) => [power, 2 * power, 5 * power])
    const first = fine.findLastIndex((mark) => mark <= low * (1 + 1e-9))
    const last = fine.findIndex((mark) => mark >= high * (1 - 1e-9))
    return fine.slice(Math.max(0, first), Math.max(last, first + 1) + 1)
  }
  const rough = Math.max(high, 1e-9) / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, at) => at * step)
}

/** From a range of values to places. */
const scale = ([least, most]: readonly [number, number], isLog: boolean, from: number, to: number) => {
  const place = isLog ? Math.log10 : (value: number) => value
  const low = place(least)
  const high = place(most)
  return (value: number) => from + ((to - from) * (place(value) - low)) / Math.max(1e-9, high - low)
}

const rangeOf = (marks: ReadonlyArray<number>): readonly [number, number] => [
  marks[0] ?? 1,
  marks.at(-1) ?? 1
]

const frame = (height: number, title: string, description: string, inner: ReadonlyArray<string>) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(description)}</desc>`,
    `<style>${style}</style>`,
    text(16, 24, title, 'class="title"'),
    ...inner,
    "</svg>\n"
  ].join("\n")

/** Heights, the least first, moved until there is a line of text between any two and none is below the bottom. */
const apart = (heights: ReadonlyArray<number>, bottom: number): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (const height of heights) places.push(Math.max(height, (places.at(-1) ?? -Infinity) + LINE))
  let most = bottom
  for (let at = places.length - 1; at >= 0; at--) {
    const place = Math.min(places[at] ?? 0, most)
    places[at] = place
    most = place - LINE
  }
  return places
}

const drawLines = ({ isLogY, lines, title, x, y }: Lines) => {
  const height = 400
  const [left, right, top, bottom] = [64, 170, 64, 340]
  const points = lines.flatMap((line) => line.points)
  const xs = points.map(([at]) => at)
  const ys = points.map(([, value]) => value)
  // No further than the last point: what follows it would be empty.
  const xAll = ticks(Math.min(...xs), Math.max(...xs), true)
  const end = Math.max(...xs, xAll[1] ?? 1)
  const xMarks = xAll.filter((mark) => mark <= end)
  const yMarks = ticks(Math.min(...ys), Math.max(...ys), isLogY, true)
  const atX = scale([xAll[0] ?? 1, end], true, left, width - right)
  const atY = scale(rangeOf(yMarks), isLogY, bottom, top)
  const named = lines
    .map((line, at) => ({ label: line.label, colour: colours[at % 6], y: atY(line.points.at(-1)?.[1] ?? 0) }))
    .toSorted((a, b) => a.y - b.y)
  const places = apart(
    named.map(({ y: height }) => height),
    bottom
  )
  const ends = named.map(({ colour, label }, at) =>
    text(width - right + 10, (places[at] ?? 0) + 4, label, `class="${colour}"`)
  )
  return frame(height, title, `${y} over ${x}: ${lines.map(({ label }) => label).join(", ")}.`, [
    text(16, 46, isLogY ? `${y}, logarithmic` : y, 'class="axis"'),
    ...yMarks.flatMap((mark) => [
      rule(left, atY(mark), width - right, atY(mark)),
      text(left - 8, atY(mark) + 4, brief(mark), 'class="axis" text-anchor="end"')
    ]),
    ...xMarks.flatMap((mark) => [
      rule(atX(mark), top, atX(mark), bottom),
      text(atX(mark), bottom + 18, brief(mark), 'class="axis" text-anchor="middle"')
    ]),
    ...lines.map((line, at) => {
      const path = line.points.map(
        ([px, py], nth) => `${nth === 0 ? "M" : "L"}${round(atX(px))} ${round(atY(py))}`
      )
      return `<path class="${colours[at % 6]}" d="${path.join("")}"/>`
    }),
    ...lines.flatMap((line, at) =>
      line.points.map(
        ([px, py]) =>
          `<circle class="${colours[at % 6]}" cx="${round(atX(px))}" cy="${round(atY(py))}" r="3"/>`
      )
    ),
    ...ends,
    text((left + width - right) / 2, bottom + 42, x, 'class="axis" text-anchor="middle"')
  ])
}

const drawBars = ({ bars, isLog, title, x }: Bars) => {
  const [left, right, top, pitch] = [320, 90, 48, 24]
  const bottom = top + bars.length * pitch
  const values = bars.map(({ value }) => value).filter((value) => value > 0)
  const marks = ticks(Math.min(...values), Math.max(...values), isLog)
  const at = scale(rangeOf(marks), isLog, left, width - right)
  return frame(bottom + 52, title, `${x}: ${bars.map((bar) => `${bar.label} ${bar.text}`).join(", ")}.`, [
    ...marks.flatMap((mark) => [
      rule(at(mark), top, at(mark), bottom),
      text(at(mark), bottom + 16, brief(mark), 'class="axis" text-anchor="middle"')
    ]),
    ...bars.flatMap(({ isOurs, label, text: what, value }, nth) => {
      const y = top + nth * pitch
      const end = Math.max(left + 1, at(Math.max(value, marks[0] ?? 0)))
      return [
        text(left - 8, y + 16, label, `text-anchor="end"${isOurs ? ' class="ours-text"' : ""}`),
        `<rect class="${isOurs ? "ours" : "bar"}" x="${left}" y="${y + 4}" width="${round(end - left)}" height="${pitch - 8}"/>`,
        text(end + 6, y + 16, what, isOurs ? 'class="ours-text"' : "")
      ]
    }),
    text((left + width - right) / 2, bottom + 38, x, 'class="axis" text-anchor="middle"')
  ])
}

/** Draws it. */
export const draw = (plot: Plot): string => (plot.kind === "lines" ? drawLines(plot) : drawBars(plot))
