/**
 * The report as one page that needs nothing else: no script, no request, no font.
 */
import { clock } from "./Chart.ts"
import * as Chart from "./Chart.ts"
import { lineOf } from "./CommandLine.ts"
import { escaped } from "./Markup.ts"
import { pageStyle } from "./pageStyle.ts"
import type { Point, RunReport } from "./RunReport.ts"
import * as Words from "./Words.ts"

/** Whatever stands in the rows: a browser loads nothing for this page and runs nothing in it. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

const text = escaped
const code = (what: string) => `<code><bdi>${text(what)}</bdi></code>`

interface Column {
  readonly name: string
  readonly isNumber?: boolean | undefined
  readonly className?: string | undefined
}

/** Cells are markup already. */
const table = (
  caption: string,
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
) => {
  const classOf = ({ className, isNumber }: Column) => {
    const names = [isNumber ? "n" : "", className ?? ""].filter((name) => name !== "")
    return names.length === 0 ? "" : ` class="${names.join(" ")}"`
  }
  const head = columns.map((column) => `<th scope="col"${classOf(column)}>${text(column.name)}</th>`).join("")
  const body = rows.map((row) => {
    const cells = columns.map((column, at) => `<td${classOf(column)}>${row[at] ?? ""}</td>`)
    return `<tr>${cells.join("")}</tr>`
  })
  return `<div class="scroll"><table aria-label="${text(caption)}"><thead><tr>${head}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`
}

const section = (title: string, inner: ReadonlyArray<string>) =>
  inner.length === 0 ? "" : `<section>\n<h2>${text(title)}</h2>\n${inner.join("\n")}\n</section>`

const head = (report: RunReport) => {
  const how = Words.ending(report)
  const isBad = how !== "finished" || report.failed > 0
  const name = report.endpoint?.name ?? report.directory
  const what = [
    report.job,
    report.endpoint?.model,
    report.hardware,
    report.startedAt?.replace("T", " ").replace(/\.\d+Z$/, " UTC")
  ].filter((part) => part !== undefined)
  return `<header>\n<h1>${text(name)}<span class="badge${isBad ? " bad" : ""}">${text(
    how === "finished" && report.failed > 0 ? "finished, with failures" : how
  )}</span></h1>\n<p>${text(what.join(" · "))}</p>\n</header>`
}

const factsOf = (report: RunReport) => {
  const facts = Words.facts(report).map(
    ({ isBad, label, note, value }) =>
      `<div${isBad ? ' class="bad"' : ""}><dt>${text(label)}</dt><dd class="value">${text(value)}</dd><dd class="note">${text(note)}</dd></div>`
  )
  return `<dl class="facts">${facts.join("\n")}</dl>`
}

const boxes = (report: RunReport) => {
  const caveat = Words.caveat(report)
  const steps = report.next.map((step) => `<li>${text(step)}</li>`).join("")
  return [
    ...(caveat === undefined ? [] : [`<div class="box bad">${text(caveat)}</div>`]),
    `<div class="box"><strong>What to do next</strong><ul>${steps}</ul></div>`
  ]
}

const minutesOf = (report: RunReport) => {
  const parts = Words.parts(report)
  if (parts.length === 0) return []
  const hasMoney = parts.some(({ dollars }) => dollars !== undefined)
  const floor = Words.floor(report)
  return [
    Chart.stack({
      id: "minutes",
      title: "Where the minutes went",
      description: parts.map(({ name, share, time }) => `${name} ${time}, ${share}`).join("; "),
      parts: parts.map(({ millis, name }) => ({ name, value: millis }))
    }),
    table(
      "Where the minutes went",
      [
        { name: "part" },
        { name: "what it is", className: "about dim" },
        { name: "time", isNumber: true },
        { name: "share", isNumber: true },
        ...(hasMoney ? [{ name: "about", isNumber: true }] : [])
      ],
      parts.map(({ about, dollars = "", name, share, time }) => [
        `<i class="${name}"></i>${name}`,
        text(about),
        text(time),
        text(share),
        text(dollars)
      ])
    ),
    ...(floor === undefined ? [] : [`<p>${text(floor)}</p>`])
  ]
}

const momentsOf = ({ moments }: RunReport) =>
  moments.length === 0
    ? []
    : [
        "<h3>The endpoint</h3>",
        table(
          "What happened to the endpoint",
          [{ name: "after" }, { name: "what" }],
          moments.map(({ atMillis, what }) => [text(clock(atMillis)), text(what)])
        )
      ]

const perSecond = (points: ReadonlyArray<Point>, value: (point: Point) => number) =>
  points.map((point) => ({
    from: point.fromMillis,
    to: point.toMillis,
    value: (value(point) * 1000) / Math.max(1, point.toMillis - point.fromMillis)
  }))

const over = (points: ReadonlyArray<Point>, value: (point: Point) => number | undefined) =>
  points.map((point) => ({ from: point.fromMillis, to: point.toMillis, value: value(point) }))

const most = (values: ReadonlyArray<{ readonly value: number | undefined }>) =>
  values.reduce((high, { value = 0 }) => Math.max(high, value), 0)

const timelineOf = ({ phases, timeline = [] }: RunReport) => {
  const end = timeline.at(-1)?.toMillis ?? 0
  if (end === 0) return []
  const bands = phases.map(({ fromMillis: from, name, toMillis: to }) => ({ name, from, to }))
  const rows = perSecond(timeline, ({ failed, succeeded }) => succeeded + failed)
  const faults = perSecond(timeline, ({ faults: count }) => count)
  const inFlight = over(timeline, (point) => point.inFlight)
  const limit = over(timeline, (point) => (point.limit === 0 ? undefined : point.limit))
  const half = over(timeline, ({ p50 }) => p50)
  const slow = over(timeline, ({ p95 }) => p95)
  const names = phases.map(({ name }) => ({ label: name, colour: name }))
  const hasFaults = most(faults) > 0
  return [
    `<p class="key">${names.map(({ colour, label }) => `<span><i class="${colour}"></i>${label}</span>`).join("")}</p>`,
    "<h3>Rows a second</h3>",
    Chart.lines({
      id: "speed",
      title: "Rows a second over time",
      description: `At most ${Words.brief(most(rows))} rows a second in ${Words.time(end)}${hasFaults ? `; at most ${Words.brief(most(faults))} failed attempts a second` : ""}.`,
      end,
      bands,
      write: Words.brief,
      series: [
        { label: "rows", colour: "c1", points: rows, isArea: true },
        ...(hasFaults
          ? [{ label: "failed attempts", colour: "c3", points: faults } satisfies Chart.Series]
          : [])
      ]
    }),
    "<h3>Requests in flight</h3>",
    Chart.lines({
      id: "flight",
      title: "Requests in flight against their limit over time",
      description: `At most ${Words.brief(most(inFlight))} requests in flight, of a limit of at most ${Words.brief(most(limit))}.`,
      end,
      bands,
      write: Words.brief,
      series: [
        { label: "in flight", colour: "c1", points: inFlight, isArea: true },
        { label: "limit", colour: "c6", points: limit }
      ]
    }),
    "<h3>Time of a row</h3>",
    Chart.lines({
      id: "times",
      title: "Time of a row over time",
      description: `Half of the rows took at most ${Words.time(most(half))} in the slowest stretch, 95 of 100 at most ${Words.time(most(slow))}.`,
      end,
      bands,
      write: clock,
      series: [
        { label: "half at most", colour: "c2", points: half },
        { label: "95 of 100 at most", colour: "c3", points: slow }
      ]
    })
  ]
}

const distributionsOf = (report: RunReport) => {
  const all = Words.distributions(report)
  if (all.length === 0) return []
  return [
    `<div class="pair">${all
      .map(
        ({ id, label, of, write }, at) =>
          `<div><h3>${text(label)}</h3>${Chart.histogram({
            id,
            title: `${label}: how many rows`,
            description: `Of ${Words.count(of.count)} rows half have at most ${write(of.p50)}, 95 of 100 at most ${write(of.p95)}, and one has ${write(of.most)}.`,
            bars: of.bars,
            write,
            colour: at === 0 ? "c2" : "c4"
          })}</div>`
      )
      .join("\n")}</div>`,
    table(
      "How values lie",
      [{ name: "rows have at most" }, ...Words.quantileNames.map((name) => ({ name, isNumber: true }))],
      all.map(({ label, of, write }) => [text(label), ...Words.quantiles(of, write).map(text)])
    )
  ]
}

const failuresOf = ({ failures }: RunReport) =>
  failures.map(({ examples, reason, rows, status }) => {
    const shown = examples.map(
      ({ key, message }) =>
        `<li>${code(key)}: <bdi>${text(message === "" ? "(no words)" : message)}</bdi></li>`
    )
    const title = `${reason}${status === undefined ? "" : `, status ${status}`}: ${Words.count(rows)} ${rows === 1 ? "row" : "rows"}`
    return `<div class="failure"><h3>${text(title)}</h3><ul>${shown.join("\n")}</ul></div>`
  })

const retriesOf = ({ faults, tries }: RunReport) => {
  const reasons = Object.entries(faults).toSorted(([, a], [, b]) => b - a)
  if (reasons.length === 0 && tries.every(({ attempts }) => attempts <= 1)) return []
  return [
    '<div class="pair"><div>',
    "<h3>Failed attempts</h3>",
    reasons.length === 0
      ? '<p class="dim">None.</p>'
      : table(
          "Failed attempts by reason",
          [{ name: "reason" }, { name: "attempts", isNumber: true }],
          reasons.map(([reason, attempts]) => [text(reason), Words.count(attempts)])
        ),
    "</div><div>",
    "<h3>Attempts of a row</h3>",
    table(
      "Rows by their attempts",
      [{ name: "attempts" }, { name: "rows", isNumber: true }],
      tries.map(({ attempts, rows }) => [
        attempts === 0 ? "none: another row's answer" : Words.count(attempts),
        Words.count(rows)
      ])
    ),
    "</div></div>"
  ]
}

const circumstancesOf = (report: RunReport) => [
  ...(report.command === undefined ? [] : [`<pre><bdi>${text(lineOf(report.command))}</bdi></pre>`]),
  `<dl class="facts-list">${Words.circumstances(report)
    .map(([label, value]) => `<dt>${text(label)}</dt><dd>${text(value)}</dd>`)
    .join("\n")}</dl>`
]

/** The page. */
export const html = (report: RunReport): string =>
  [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    '<link rel="icon" href="data:,">',
    `<title>${text(`Run on ${report.endpoint?.name ?? report.directory}`)}</title>`,
    `<style>${pageStyle}</style>`,
    "</head>",
    "<body>",
    "<main>",
    head(report),
    factsOf(report),
    ...boxes(report),
    section("Where the minutes went", minutesOf(report)),
    section("Over time", timelineOf(report)),
    section("Time and tokens", distributionsOf(report)),
    section("Failures", failuresOf(report)),
    section("Retries", retriesOf(report)),
    section("Command, versions, steps", [...circumstancesOf(report), ...momentsOf(report)]),
    "</main>",
    "</body>",
    "</html>"
  ]
    .filter((line) => line !== "")
    .join("\n")
