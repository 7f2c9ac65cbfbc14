/** The page of all results: `docs/performance.md` and its pictures. */
import { draw } from "./plot.ts"
import type { Result } from "./result.ts"
import { figureTable, markdown } from "./text.ts"

/** Where a picture goes, beside the page. */
export const pictureOf = (id: string): string => `performance/${id}.svg`

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

const sectionOf = (result: Result) =>
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
    ...result.tables.map((table) =>
      [`### ${table.title}`, ...(table.note === undefined ? [] : [table.note]), markdown(table)].join("\n\n")
    ),
    ...result.notes,
    `*${factsOf(result)}*`
  ].join("\n\n")

const summaryOf = (results: ReadonlyArray<Result>) => {
  const goals = results.flatMap(({ figures, name }) =>
    figures.flatMap((figure) => (figure.goal === undefined ? [] : [{ name, figure }]))
  )
  const short = goals.filter(({ figure }) => figure.verdict === "short").length
  return [
    "## Goals",
    `${goals.length - short} of ${goals.length} are met.`,
    markdown(figureTable("", goals))
  ].join("\n\n")
}

/** The page. */
export const page = (results: ReadonlyArray<Result>): string =>
  `${[introduction, summaryOf(results), ...results.map(sectionOf)].join("\n\n")}\n`

/** Its pictures, by where they go. */
export const pictures = (results: ReadonlyArray<Result>): ReadonlyArray<readonly [string, string]> =>
  results.flatMap(({ plots }) => plots.map((plot) => [pictureOf(plot.id), draw(plot)] as const))
