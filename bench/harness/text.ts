/** Figures and tables as text: aligned for a terminal, or Markdown. */
import type { Figure, Table } from "./result.ts"

/** So many digits that a reader can compare: three that count. */
export const digits = (value: number): string => {
  if (value === 0) return "0"
  // What is rounded up to 1 has the digits of 1.
  const size = Math.abs(Number(value.toPrecision(3)))
  if (size >= 1000) return Math.round(value).toLocaleString("en")
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(size >= 1 ? 2 : 3)
}

const withUnit = (value: number, unit: string) => (unit === "" ? digits(value) : `${digits(value)} ${unit}`)

/** `at most 1.10`. */
const goalOf = ({ goal, unit }: Figure): string =>
  goal === undefined
    ? ""
    : "most" in goal
      ? `at most ${withUnit(goal.most, unit)}`
      : `at least ${withUnit(goal.least, unit)}`

/** `1.23`, or `1.23 s`. */
export const valueOf = ({ median, unit }: Figure): string => withUnit(median, unit)

const intervalOf = ({ high, low, values }: Figure) =>
  values.length < 2 ? "one run" : `${digits(low)} to ${digits(high)}`

/** The table of ratios. */
export const figureTable = (
  title: string,
  figures: ReadonlyArray<{ readonly name: string; readonly figure: Figure }>
): Table => ({
  title,
  columns: ["what", "bench", "median", "interval", "goal", ""],
  rows: figures.map(({ figure, name }) => [
    figure.what,
    name,
    valueOf(figure),
    intervalOf(figure),
    goalOf(figure),
    figure.verdict ?? ""
  ])
})

/** For a terminal. */
export const aligned = ({ columns, rows }: Table): string => {
  const all = [columns, ...rows]
  const widths = columns.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)))
  return all
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const cell = (text: string) => text.replaceAll("|", "\\|")

/** For a page. */
export const markdown = ({ columns, rows }: Table): string =>
  [
    `| ${columns.map(cell).join(" | ")} |`,
    `| ${columns.map((_, at) => (at === 0 ? "---" : "---:")).join(" | ")} |`,
    ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`)
  ].join("\n")

/** A median with the lowest and the highest. */
export const spread = (values: ReadonlyArray<number>): string => {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = Number.NaN] = sorted
  const high = sorted.at(-1) ?? Number.NaN
  const middle = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return values.length < 2 ? digits(middle) : `${digits(middle)} (${digits(low)}-${digits(high)})`
}
