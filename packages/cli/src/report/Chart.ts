/**
 * Pictures of a report: lines over time, bars, and one bar of parts. The picture is SVG that is stretched to its place, what is
 * written beside it is text of the page: so it is as readable on a phone as on paper. Colours are the page's variables.
 */
import { escaped } from "./Markup.ts"

const WIDTH = 1000
const HEIGHT = 300

const round = (value: number) => Math.round(value * 10) / 10

/** About `most` ticks from 0 up to the first that is not below `high`. */
export const ticks = (high: number, most = 4): ReadonlyArray<number> => {
  if (!(high > 0)) return [0, 1]
  const rough = high / most
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10)
  return Array.from({ length: Math.ceil(high / step - 1e-9) + 1 }, (_, at) => at * step)
}

const MINUTE = 60_000
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]

/** Ticks of a time in milliseconds, in steps that a clock has: at most five from 0 on. */
const timeTicks = (end: number): ReadonlyArray<number> => {
  const step = (steps.find((seconds) => end / (seconds * 1000) <= 5) ?? Math.ceil(end / 5000)) * 1000
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, at) => at * step)
}

/** A time on an axis: `0`, `50 ms`, `30s`, `5m`, `2h 30m`. */
export const clock = (millis: number): string => {
  if (millis === 0) return "0"
  if (millis < 1000) return `${round(millis)} ms`
  if (millis < MINUTE) return `${round(millis / 1000)}s`
  const seconds = Math.round(millis / 1000)
  const parts: ReadonlyArray<readonly [number, string]> = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"]
  ]
  return parts
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ")
}

interface Frame {
  /** Unique on the page. */
  readonly id: string
  readonly title: string
  /** What the picture shows, for whoever does not see it. */
  readonly description: string
}

const svg = ({ description, id, title }: Frame, height: number, inner: ReadonlyArray<string>) =>
  [
    `<svg viewBox="0 0 ${WIDTH} ${height}" preserveAspectRatio="none" role="img" aria-labelledby="${id}-t ${id}-d">`,
    `<title id="${id}-t">${escaped(title)}</title><desc id="${id}-d">${escaped(description)}</desc>`,
    ...inner,
    "</svg>"
  ].join("\n")

/** From here on a label of the x axis ends at its place: in its middle it would reach out of the page. */
const NEAR_END = 92

const label = (side: "x" | "y", percent: number, what: string) => {
  const place = `${side === "x" ? "left" : "bottom"}:${round(percent)}%`
  const turned = side === "x" && percent > NEAR_END ? ";transform:translateX(-100%)" : ""
  return `<span class="${side}" style="${place}${turned}">${escaped(what)}</span>`
}

const axes = (picture: string, yLabels: ReadonlyArray<string>, xLabels: ReadonlyArray<string>) =>
  [
    '<div class="plot">',
    `<div class="ys" aria-hidden="true">${yLabels.join("")}</div>`,
    picture,
    `<div class="xs" aria-hidden="true">${xLabels.join("")}</div>`,
    "</div>"
  ].join("\n")

const key = (entries: ReadonlyArray<{ readonly label: string; readonly colour: string }>) =>
  `<p class="key" aria-hidden="true">${entries
    .map(({ colour, label: name }) => `<span><i class="${colour}"></i>${escaped(name)}</span>`)
    .join("")}</p>`

/** A colour of the page. */
export type Colour = "c1" | "c2" | "c3" | "c4" | "c5" | "c6"

/** Values over time; where there is none the line is broken. */
export interface Series {
  readonly label: string
  readonly colour: Colour
  /** Drawn as steps that hold for a time. */
  readonly points: ReadonlyArray<{
    readonly from: number
    readonly to: number
    readonly value: number | undefined
  }>
  /** Filled down to 0. */
  readonly isArea?: boolean | undefined
}

const pathOf = ({ points }: Series, atX: (x: number) => number, atY: (y: number) => number): string => {
  let path = ""
  let isDown = false
  for (const { from, to, value } of points) {
    if (value === undefined) {
      isDown = false
      continue
    }
    path += `${isDown ? "L" : "M"}${round(atX(from))} ${round(atY(value))}H${round(atX(to))}`
    isDown = true
  }
  return path
}

const areaOf = ({ points }: Series, atX: (x: number) => number, atY: (y: number) => number): string => {
  const known = points.flatMap(({ from, to, value }) =>
    value === undefined ? [] : [`L${round(atX(from))} ${round(atY(value))}H${round(atX(to))}`]
  )
  const [first, last] = [points[0]?.from ?? 0, points.at(-1)?.to ?? 0]
  return `M${round(atX(first))} ${HEIGHT}${known.join("")}L${round(atX(last))} ${HEIGHT}Z`
}

/** Lines over time, from 0 to `end` milliseconds; `bands` are the parts of the run, behind them. */
export const lines = (
  chart: Frame & {
    readonly series: ReadonlyArray<Series>
    readonly end: number
    readonly write: (value: number) => string
    readonly bands: ReadonlyArray<{ readonly name: string; readonly from: number; readonly to: number }>
  }
): string => {
  const { bands, end, series, write } = chart
  const values = series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []))
  const yTicks = ticks(values.reduce((most, value) => Math.max(most, value), 0))
  const top = yTicks.at(-1) ?? 1
  const atX = (x: number) => (x / Math.max(1, end)) * WIDTH
  const atY = (y: number) => HEIGHT - (y / top) * HEIGHT
  const xTicks = timeTicks(end)
  const picture = svg(chart, HEIGHT, [
    ...bands.map(
      ({ from, name, to }) =>
        `<rect class="band ${name}" x="${round(atX(from))}" y="0" width="${round(atX(to) - atX(from))}" height="${HEIGHT}"/>`
    ),
    ...yTicks.map(
      (tick) => `<line class="grid" x1="0" x2="${WIDTH}" y1="${round(atY(tick))}" y2="${round(atY(tick))}"/>`
    ),
    ...series.flatMap((one) => [
      ...(one.isArea ? [`<path class="area ${one.colour}" d="${areaOf(one, atX, atY)}"/>`] : []),
      `<path class="line ${one.colour}" d="${pathOf(one, atX, atY)}"/>`
    ])
  ])
  const yLabels = yTicks.map((tick) => label("y", (tick / top) * 100, write(tick)))
  const xLabels = xTicks.map((tick) => label("x", (tick / Math.max(1, end)) * 100, clock(tick)))
  return `${series.length > 1 ? key(series) : ""}${axes(picture, yLabels, xLabels)}`
}

/** Fewer are as wide as so many would be. */
const FEW_BARS = 6

/** How values lie: a bar for each stretch, all of one width, since each is as many times as wide as the one before. */
export const histogram = (
  chart: Frame & {
    readonly bars: ReadonlyArray<{ readonly from: number; readonly to: number; readonly count: number }>
    readonly write: (value: number) => string
    readonly colour: Colour
  }
): string => {
  const { bars, colour, write } = chart
  const yTicks = ticks(
    bars.reduce((most, { count }) => Math.max(most, count), 0),
    3
  ).filter(Number.isInteger)
  const top = yTicks.at(-1) ?? 1
  // A few bars are no wall.
  const pitch = WIDTH / Math.max(FEW_BARS, bars.length)
  const gap = Math.min(pitch * 0.12, 12)
  const atY = (y: number) => HEIGHT - (y / top) * HEIGHT
  const picture = svg(chart, HEIGHT, [
    ...yTicks.map(
      (tick) => `<line class="grid" x1="0" x2="${WIDTH}" y1="${round(atY(tick))}" y2="${round(atY(tick))}"/>`
    ),
    ...bars.map(
      ({ count }, at) =>
        `<rect class="bar ${colour}" x="${round(at * pitch + gap / 2)}" y="${round(atY(count))}" width="${round(pitch - gap)}" height="${round(HEIGHT - atY(count))}"/>`
    )
  ])
  const every = Math.max(1, Math.ceil(bars.length / 4))
  const xLabels = bars.flatMap(({ from }, at) =>
    at % every === 0 ? [label("x", ((at * pitch) / WIDTH) * 100, write(from))] : []
  )
  const right = ((bars.length * pitch) / WIDTH) * 100
  // Below one or two bars there is room for the first label.
  const end =
    bars.length > 2 && bars.length % every === 0 ? [label("x", right, write(bars.at(-1)?.to ?? 0))] : []
  return axes(
    picture,
    yTicks.map((tick) => label("y", (tick / top) * 100, tick.toLocaleString("en-US"))),
    [...xLabels, ...end]
  )
}

/** One bar of parts, each as wide as its share. */
export const stack = (
  chart: Frame & { readonly parts: ReadonlyArray<{ readonly name: string; readonly value: number }> }
): string => {
  const whole = chart.parts.reduce((sum, { value }) => sum + value, 0)
  let at = 0
  const rects = chart.parts.map(({ name, value }) => {
    const width = whole === 0 ? 0 : (value / whole) * WIDTH
    const rect = `<rect class="part ${name}" x="${round(at)}" y="0" width="${round(width)}" height="40"/>`
    at += width
    return rect
  })
  return `<div class="stack">${svg(chart, 40, rects)}</div>`
}
