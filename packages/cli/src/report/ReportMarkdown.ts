/**
 * The report as Markdown, for a pull request or an issue.
 */
import { clock } from "./Chart.ts"
import { lineOf } from "./CommandLine.ts"
import { codeInMarkdown, inMarkdown } from "./Markup.ts"
import type { RunReport } from "./RunReport.ts"
import * as Words from "./Words.ts"

const table = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const lineFor = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [lineFor(headings), lineFor(headings.map(() => "---")), ...rows.map(lineFor)].join("\n")
}

const section = (title: string, inner: ReadonlyArray<string>) =>
  inner.length === 0 ? [] : [`## ${title}`, ...inner]

const minutesOf = (report: RunReport) => {
  const parts = Words.parts(report)
  const floor = Words.floor(report)
  return parts.length === 0
    ? []
    : [
        table(
          ["part", "time", "share", "about", "what it is"],
          parts.map(({ about, dollars = "", name, share, time }) => [name, time, share, dollars, about])
        ),
        ...(floor === undefined ? [] : [floor])
      ]
}

const distributionsOf = (report: RunReport) => {
  const all = Words.distributions(report)
  return all.length === 0
    ? []
    : [
        table(
          ["rows have at most", ...Words.quantileNames],
          all.map(({ label, of, write }) => [label, ...Words.quantiles(of, write)])
        )
      ]
}

const failuresOf = ({ failures }: RunReport) =>
  failures.map(({ examples, reason, rows, status }) =>
    [
      `- **${inMarkdown(reason)}${status === undefined ? "" : `, status ${status}`}**: ${Words.count(rows)}`,
      ...examples.map(({ key, message }) => `  - ${codeInMarkdown(key)}: ${codeInMarkdown(message)}`)
    ].join("\n")
  )

const retriesOf = ({ faults, tries }: RunReport) => {
  const reasons = Object.entries(faults).toSorted(([, a], [, b]) => b - a)
  if (reasons.length === 0 && tries.every(({ attempts }) => attempts <= 1)) return []
  return [
    ...(reasons.length === 0
      ? []
      : [
          table(
            ["failed attempts", "how many"],
            reasons.map(([reason, count]) => [inMarkdown(reason), Words.count(count)])
          )
        ]),
    table(
      ["attempts of a row", "rows"],
      tries.map(({ attempts, rows }) => [Words.count(attempts), Words.count(rows)])
    )
  ]
}

/** The report as Markdown. */
export const markdown = (report: RunReport): string => {
  const caveat = Words.caveat(report)
  const name = report.endpoint?.name ?? report.directory
  const blocks = [
    `# Run on ${inMarkdown(name)}: ${Words.ending(report)}`,
    ...(caveat === undefined ? [] : [`> ${inMarkdown(caveat)}`]),
    table(
      ["", "", ""],
      Words.facts(report).map(({ label, note, value }) => [label, `**${value}**`, inMarkdown(note)])
    ),
    report.next.map((step) => `- ${inMarkdown(step)}`).join("\n"),
    ...section("Where the minutes went", minutesOf(report)),
    ...section("Time and tokens", distributionsOf(report)),
    ...section("Failures", failuresOf(report)),
    ...section("Retries", retriesOf(report)),
    ...section("Command, versions, steps", [
      ...(report.command === undefined ? [] : [codeInMarkdown(lineOf(report.command))]),
      table(
        ["", ""],
        Words.circumstances(report).map(([label, value]) => [inMarkdown(label), inMarkdown(value)])
      ),
      ...(report.moments.length === 0
        ? []
        : [
            table(
              ["after", "the endpoint"],
              report.moments.map(({ atMillis, what }) => [clock(atMillis), inMarkdown(what)])
            )
          ])
    ])
  ]
  return `${blocks.join("\n\n")}\n`
}
