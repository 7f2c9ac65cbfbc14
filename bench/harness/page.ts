/** The page of all results: `docs/performance.md` and its pictures. */
import { draw } from "./plot.ts"
import type { Figure, Result, Table } from "./result.ts"
import { figureTable, markdown, valueOf } from "./text.ts"

/** Where a picture goes, beside the page. */
export const pictureOf = (id: string): string => `performance/${id}.svg`

/** Results of other circumstances, each shown beside the one of the same name. */
export interface Beside {
  /** Of the same benches on a busy machine. */
  readonly loaded?: ReadonlyArray<Result> | undefined
  /** Of an earlier state of the code: its profiles stand beside those of today. */
  readonly before?: ReadonlyArray<Result> | undefined
}

const introduction = `# Performance

What a run costs, in processor time, memory and dollars, beside what one would use instead. \`npm run bench\` measures it and
writes this page with the results under \`bench/results\`; \`npm run bench -- --only NAME\` measures one part again.

**How to read it.** Contenders run in turn, each in a process of its own, in an order that is shuffled for each round; the
server is another process. A ratio is of two figures of the same round. *Interval* is of the median over the rounds, by the
sign test, 95 % sure from six rounds on, and the lowest and highest below that. A goal is *short* only when the whole
interval is past it. Virtual time has no noise: there rounds are seeds, that is other rows. Each part says how loaded the
machine was: what ran beside others says little of seconds, and something of ratios.`

const factsOf = ({ command, commit, machine, measuredAt, seconds, versions }: Result) => {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const [before, after] = machine.load
  return [
    `Measured ${measuredAt.slice(0, 10)} with \`${command}\` in ${Math.round(seconds)} s, at ${commit ?? "no commit"},`,
    `on ${machine.cores} cores (${machine.processor}, ${machine.memoryGigabytes} GB, ${machine.system}) that others used as well:`,
    `load ${before} before and ${after} after. ${packages.join(", ")}.`
  ].join(" ")
}

/** The first column and one of the others, by what stands in the first. */
const columnOf = ({ columns, rows }: Table, name: string) => {
  const at = columns.indexOf(name)
  return new Map(at < 0 ? [] : rows.map((row) => [row[0] ?? "", row[at] ?? ""]))
}

/** A profile with its column of an earlier state: what was there then, and is not now, stands at the end. */
const withBefore = (table: Table, earlier: Result | undefined): Table => {
  const then = earlier?.tables.find(({ title }) => title === table.title)
  if (earlier === undefined || then === undefined || table.title !== PROFILE) return table
  const before = columnOf(then, "run")
  const isNow = new Set(table.rows.map(([first = ""]) => first))
  const gone = [...before].flatMap(([name, share]) =>
    isNow.has(name) ? [] : [[name, share, ...table.columns.slice(1).map(() => "")]]
  )
  const rows = table.rows.map(([first = "", ...others]) => [first, before.get(first) ?? "", ...others])
  return {
    ...table,
    note: [table.note, `Before: ${earlier.measuredAt.slice(0, 10)}, at ${earlier.commit ?? "no commit"}.`]
      .filter((part) => part !== undefined)
      .join(" "),
    columns: [table.columns[0] ?? "", "run, before", ...table.columns.slice(1)],
    rows: [...rows.slice(0, -1), ...gone, ...rows.slice(-1)]
  }
}

const sectionOf = (beside: Beside) => (result: Result) =>
  [
    `## ${result.title}`,
    ...(result.figures.length === 0
      ? []
      : [
          markdown(
            figureTable(
              "",
              result.figures.map((figure) => ({ name: result.name, figure }))
            )
          )
        ]),
    ...result.plots.map(({ id, title }) => `![${title}](${pictureOf(id)})`),
    ...result.tables
      .map((table) =>
        withBefore(
          table,
          beside.before?.find(({ name }) => name === result.name)
        )
      )
      .map((table) =>
        [`### ${table.title}`, ...(table.note === undefined ? [] : [table.note]), markdown(table)].join(
          "\n\n"
        )
      ),
    ...result.notes,
    `*${factsOf(result)}*`
  ].join("\n\n")

/** The title of the table that is compared with an earlier one. */
export const PROFILE = "Where the time goes"

const loadOf = (results: ReadonlyArray<Result>) => {
  const all = results.flatMap(({ machine }) => machine.load)
  return `${Math.min(...all)} to ${Math.max(...all)}`
}

/** The goals with what a busy machine gave. */
const withLoaded = (
  table: Table,
  goals: ReadonlyArray<{ readonly name: string; readonly figure: Figure }>,
  loaded: ReadonlyArray<Result>
): Table => {
  if (loaded.length === 0) return table
  const cells = goals.map(({ figure, name }) => {
    const other = loaded
      .find((result) => result.name === name)
      ?.figures.find(({ what }) => what === figure.what)
    return other === undefined ? ["", ""] : [valueOf(other), other.verdict ?? ""]
  })
  return {
    ...table,
    columns: [...table.columns, "loaded, median", "loaded"],
    rows: table.rows.map((row, at) => [...row, ...(cells[at] ?? [])])
  }
}

const summaryOf = (results: ReadonlyArray<Result>, { loaded = [] }: Beside) => {
  const goals = results.flatMap(({ figures, name }) =>
    figures.flatMap((figure) => (figure.goal === undefined ? [] : [{ name, figure }]))
  )
  const short = goals.filter(({ figure }) => figure.verdict === "short").length
  return [
    "## Goals",
    `${goals.length - short} of ${goals.length} are met.`,
    ...(loaded.length === 0
      ? []
      : [
          `*Loaded* is the same while the machine was busy with other things, at a load of ${loadOf(loaded)}; the other columns are of a load of ${loadOf(results)}.`
        ]),
    markdown(withLoaded(figureTable("", goals), goals, loaded))
  ].join("\n\n")
}

/** The page. */
export const page = (results: ReadonlyArray<Result>, beside: Beside = {}): string =>
  `${[introduction, summaryOf(results, beside), ...results.map(sectionOf(beside))].join("\n\n")}\n`

/** Its pictures, by where they go. */
export const pictures = (results: ReadonlyArray<Result>): ReadonlyArray<readonly [string, string]> =>
  results.flatMap(({ plots }) => plots.map((plot) => [pictureOf(plot.id), draw(plot)] as const))
