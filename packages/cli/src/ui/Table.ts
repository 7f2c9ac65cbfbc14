/**
 * Rows of text under headings, each column as wide as its widest cell.
 */

/** Lays out rows in columns; every row has as many cells as there are headings. */
export const format = (
  headings: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): string => {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

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

const cutTo = (cell: string, width: number, isEndKept: boolean) =>
  cell.length <= width
    ? cell
    : isEndKept
      ? `…${cell.slice(cell.length - width + 1)}`
      : `${cell.slice(0, Math.max(0, width - 1))}…`

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
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const left = shrink(headings, widths, options)
  const [dropped, ...drop] = options.drop
  if (left === undefined && dropped !== undefined) {
    const keep = (row: ReadonlyArray<string>) => row.filter((_, column) => headings[column] !== dropped)
    return fit(keep(headings), rows.map(keep), { ...options, drop })
  }
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const width = (left ?? widths)[column] ?? 0
          const heading = headings[column] ?? ""
          const text = cutTo(cell, width, options.keepEnd?.includes(heading) === true)
          return options.right?.includes(heading) === true ? text.padStart(width) : text.padEnd(width)
        })
        .join(" ".repeat(GAP))
        .trimEnd()
    )
    .join("\n")
}
