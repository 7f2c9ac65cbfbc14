/**
 * Rows of text under headings, each column as wide as its widest cell.
 */
import * as Cells from "./Cells.ts"

/** Every cell is a line, whoever wrote what stands in it. */
const cleaned = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => [
  headings,
  ...rows.map((row) => row.map(Cells.oneLine))
]

const widthsOf = (all: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<number> =>
  (all[0] ?? []).map((_, column) =>
    all.reduce((most, row) => Math.max(most, Cells.widthOf(row[column] ?? "")), 0)
  )

/** Lays out rows in columns; every row has as many cells as there are headings. */
export const format = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  fit(headings, rows, { width: undefined, cut: {}, drop: [] })

/** How a table is made to fit. */
export interface Fit {
  /** The columns there are; without a width nothing is cut. */
  readonly width: number | undefined
  /** The columns that are cut, and how wide they stay at least; the widest first. */
  readonly cut: Readonly<Record<string, number>>
  /** The columns that are left out when cutting does not help, the first first. */
  readonly drop: ReadonlyArray<string>
  /** The columns whose end says more than their beginning: they are cut there. */
  readonly keepEnd?: ReadonlyArray<string> | undefined
  /** The columns of numbers. */
  readonly right?: ReadonlyArray<string> | undefined
}

const GAP = 2

/** The widths with so much taken off as has to be, from the widest that may be cut. */
const shrink = (
  headings: ReadonlyArray<string>,
  widths: ReadonlyArray<number>,
  { cut, width = Infinity }: Fit
): ReadonlyArray<number> | undefined => {
  const left = [...widths]
  let over = left.reduce((sum, one) => sum + one, GAP * (left.length - 1)) - width
  while (over > 0) {
    let widest = -1
    for (const [column, heading] of headings.entries()) {
      const least = cut[heading]
      const own = left[column] ?? 0
      if (least !== undefined && own > least && own > (left[widest] ?? 0)) widest = column
    }
    if (widest < 0) return undefined
    left[widest] = (left[widest] ?? 0) - 1
    over--
  }
  return left
}

/** Lays out rows in columns as {@link format} does, within a width. */
export const fit = (
  headings: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  options: Fit
): string => {
  const all = cleaned(headings, rows)
  const widths = widthsOf(all)
  const left = shrink(headings, widths, options)
  const [dropped, ...drop] = options.drop
  if (left === undefined && dropped !== undefined) {
    const keep = (row: ReadonlyArray<string>) => row.filter((_, column) => headings[column] !== dropped)
    return fit(keep(headings), rows.map(keep), { ...options, drop })
  }
  const lineOf = (row: ReadonlyArray<string>) =>
    row
      .map((cell, column) => {
        const width = (left ?? widths)[column] ?? 0
        const heading = headings[column] ?? ""
        const isEndKept = options.keepEnd?.includes(heading) === true
        const text = isEndKept ? Cells.clipStart(cell, width) : Cells.clip(cell, width)
        return options.right?.includes(heading) === true
          ? Cells.padStart(text, width)
          : Cells.padEnd(text, width)
      })
      .join(" ".repeat(GAP))
      .trimEnd()
  // Where nothing more can be cut or left out, the line is.
  const { width = Infinity } = options
  return all.map((row) => Cells.clip(lineOf(row), width)).join("\n")
}
