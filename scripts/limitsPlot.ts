/** A picture of one engine: what is in flight under several limits, and how the engine fares under the adaptive one. */
import type { Moment } from "./limitsWorld.ts"

export interface Line {
  readonly label: string
  readonly moments: ReadonlyArray<Moment>
}

export interface Picture {
  readonly title: string
  readonly adaptive: Line
  readonly fixed: ReadonlyArray<Line>
}

const width = 800
const height = 560
const left = 56
const right = 128
const top = { y: 64, height: 240 }
const bottom = { y: 364, height: 130 }

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .axis { fill: #59636e }
  .grid { stroke: #8b949e; stroke-opacity: .3 }
  path { fill: none; stroke-width: 1.5; stroke-linejoin: round }
  .fixed { stroke: #8b949e }
  .inflight { stroke: #0969da; stroke-width: 2.25 } .inflight-text { fill: #0969da; font-weight: 600 }
  .limit { stroke: #0969da; stroke-width: 1; stroke-dasharray: 4 3 } .limit-text { fill: #0969da }
  .running { stroke: #1a7f37; stroke-width: 2 } .running-text { fill: #1a7f37 }
  .waiting { stroke: #bc4c00; stroke-width: 2 } .waiting-text { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { fill: #9198a1 }
    .inflight, .limit { stroke: #4493f8 } .inflight-text, .limit-text { fill: #4493f8 }
    .running { stroke: #3fb950 } .running-text { fill: #3fb950 }
    .waiting { stroke: #f0883e } .waiting-text { fill: #f0883e }
  }`

const round = (value: number) => Math.round(value * 10) / 10

const text = (x: number, y: number, what: string, attributes = "") =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${what.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`

const rule = (x1: number, y1: number, x2: number, y2: number) =>
  `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`

/** A step that gives about six ticks. */
const stepFor = (span: number) => {
  const rough = span / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
}

const ticksTo = (most: number) => {
  const step = stepFor(most)
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step)
}

/** Labels at the right end, moved apart until none covers another. */
const labels = (
  wanted: ReadonlyArray<{ readonly y: number; readonly label: string; readonly kind: string }>
) => {
  let free = -Infinity
  return wanted
    .toSorted((a, b) => a.y - b.y)
    .map(({ kind, label, y }) => {
      const at = Math.max(y, free)
      free = at + 15
      return text(width - right + 8, at + 4, label, `class="${kind}"`)
    })
}

const last = (moments: ReadonlyArray<Moment>) => moments[moments.length - 1]?.second ?? 0
const middle = (moments: ReadonlyArray<Moment>) => moments[Math.floor(moments.length / 2)]

/** Draws it. */
export const draw = ({ adaptive, fixed, title }: Picture): string => {
  const seconds = 1.25 * Math.max(last(adaptive.moments), ...fixed.slice(1).map((line) => last(line.moments)))
  const x = (second: number) => left + ((width - left - right) * second) / seconds
  const most = Math.max(...[adaptive, ...fixed].flatMap(({ moments }) => moments.map((m) => m.inFlight)))
  const powers = Array.from({ length: 12 }, (_, index) => 2 ** (index + 3)).filter(
    (power) => power < 2 * most
  )
  const [least, highest] = [powers[0]!, powers[powers.length - 1]!]
  const log = (value: number) =>
    top.y + top.height - (top.height * Math.log2(Math.max(least, value) / least)) / Math.log2(highest / least)
  const load = Math.max(10, ...adaptive.moments.map((m) => Math.max(m.running, m.waiting)))
  const linear = (value: number) => bottom.y + bottom.height - (bottom.height * value) / load

  const line = (
    moments: ReadonlyArray<Moment>,
    kind: string,
    value: (moment: Moment) => number,
    y: (value: number) => number
  ) => {
    // As many points as there are pixels, no more.
    const every = Math.max(1, Math.floor(seconds / 600))
    const points = moments.filter(
      (moment, index) => (index % every === 0 || index === moments.length - 1) && moment.second <= seconds
    )
    const path = points.map(
      (moment, index) => `${index === 0 ? "M" : "L"}${round(x(moment.second))} ${round(y(value(moment)))}`
    )
    return `<path class="${kind}" d="${path.join("")}"/>`
  }
  const end = (moments: ReadonlyArray<Moment>, y: (moment: Moment) => number) => {
    const moment = middle(moments)
    return moment === undefined ? 0 : y(moment)
  }

  const times = ticksTo(seconds)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${title}</title>`,
    `<desc id="desc">Above: requests in flight over time, under the adaptive limit and under ${fixed.map(({ label }) => label).join(", ")}. Below: requests that run and that wait inside the engine under the adaptive limit.</desc>`,
    `<style>${style}</style>`,
    text(left, 24, title, 'class="title"'),
    text(left, top.y - 14, "in flight (each line doubles)", 'class="axis"'),
    ...powers.flatMap((power) => [
      rule(left, log(power), width - right, log(power)),
      text(left - 8, log(power) + 4, String(power), 'class="axis" text-anchor="end"')
    ]),
    ...fixed.map(({ moments }) => line(moments, "fixed", (m) => m.inFlight, log)),
    line(adaptive.moments, "limit", (m) => m.limit, log),
    line(adaptive.moments, "inflight", (m) => m.inFlight, log),
    ...labels([
      ...fixed.map(({ label, moments }) => ({
        y: end(moments, (m) => log(m.inFlight)),
        label,
        kind: "axis"
      })),
      { y: end(adaptive.moments, (m) => log(m.inFlight)), label: adaptive.label, kind: "inflight-text" }
    ]),
    text(left, bottom.y - 14, "inside the engine, under the adaptive limit", 'class="axis"'),
    ...ticksTo(load).flatMap((tick) => [
      rule(left, linear(tick), width - right, linear(tick)),
      text(left - 8, linear(tick) + 4, String(tick), 'class="axis" text-anchor="end"')
    ]),
    line(adaptive.moments, "waiting", (m) => m.waiting, linear),
    line(adaptive.moments, "running", (m) => m.running, linear),
    ...labels([
      { y: end(adaptive.moments, (m) => linear(m.running)), label: "running", kind: "running-text" },
      { y: end(adaptive.moments, (m) => linear(m.waiting)), label: "waiting", kind: "waiting-text" }
    ]),
    ...times.flatMap((second) => [
      text(x(second), bottom.y + bottom.height + 18, String(second), 'class="axis" text-anchor="middle"')
    ]),
    text(
      (left + width - right) / 2,
      bottom.y + bottom.height + 40,
      "seconds of the run; dashed: the adaptive limit itself",
      'class="axis" text-anchor="middle"'
    ),
    "</svg>\n"
  ].join("\n")
}
