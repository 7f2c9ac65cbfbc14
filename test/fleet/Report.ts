/** What was found, as tables: between two marks of `docs/reliability.md` stands what the last runs have found. */
import type { Result } from "./Play.ts"
import type { Measured } from "./Throughput.ts"

const marks = {
  fleet: ["<!-- the fleet: written by npm run fleet -->", "<!-- the end of the fleet -->"],
  throughput: [
    "<!-- the fleet's throughput: written by npm run fleet -- --throughput -->",
    "<!-- the end of the fleet's throughput -->"
  ]
} as const

/** Which of the two blocks. */
export type Block = keyof typeof marks

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)))
  const aligned = (cells: ReadonlyArray<string>) => row(cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)))
  return [aligned(head), row(widths.map((width) => "-".repeat(width))), ...rows.map(aligned)].join("\n")
}

const secondsOf = (seconds: number | undefined) => (seconds === undefined ? "–" : `${seconds.toFixed(1)} s`)
const count = new Intl.NumberFormat("en-US").format

/** What befell a fleet and what came of it. */
export const fleet = (results: ReadonlyArray<Result>, rows: number): string => {
  const means = results.find(({ means }) => means !== undefined)?.means
  return [
    table(
      ["three workers", "lost", "twice", "in flight", "recovered", "endpoint", "paused after"],
      results.map(({ inFlight, lost, name, paused, recovered, state, twice }) => [
        name,
        String(lost),
        String(twice),
        String(inFlight),
        secondsOf(recovered),
        state,
        secondsOf(paused)
      ])
    ),
    `${count(rows)} rows each.${means === undefined ? "" : ` The network was cut by ${means === "proxy" ? "proxies" : "the kernel, in a network namespace"}.`} The seconds to pause are counted from:`,
    results.map(({ name, pausedFrom }) => `- ${name}: ${pausedFrom}.`).join("\n")
  ].join("\n\n")
}

/** How fast a fleet is, and what it costs. */
export const throughput = ({ single, workers }: Measured): string => {
  const [first] = workers
  return table(
    [
      "workers",
      "rows a second",
      "share of linear",
      "CPU per row",
      "over one machine",
      "transactions per row"
    ],
    workers.map(({ cpuMillis, rate, transactions, workers }) => [
      String(workers),
      rate.toFixed(0),
      first === undefined ? "–" : (rate / (first.rate * workers)).toFixed(2),
      `${cpuMillis.toFixed(2)} ms`,
      `× ${(cpuMillis / single.cpuMillis).toFixed(2)}`,
      transactions.toFixed(3)
    ])
  )
}

/** The page with another block. Throws when it has no place for one. */
export const write = (page: string, block: Block, text: string): string => {
  const [begin, end] = marks[block]
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error("docs/reliability.md has lost its marks")
  return `${before}${begin}\n\n${text}\n\n${end}${after}`
}
