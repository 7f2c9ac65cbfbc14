/**
 * The report on a terminal: what matters, in 80 columns.
 */
import * as TextTable from "../ui/Table.ts"
import { visible } from "./Markup.ts"
import type { RunReport } from "./RunReport.ts"
import * as Words from "./Words.ts"

const COLUMNS = 80
const INDENT = 16

/** Text in lines of at most `width`, the later ones indented. */
const wrapped = (text: string, indent: number): string => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS - indent) {
      lines.push(line)
      line = ""
    }
    line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`)
}

const row = (label: string, value: string) => `  ${label.padEnd(INDENT - 2)}${wrapped(value, INDENT)}`

const oneLine = (text: string) => visible(text.replace(/\s+/g, " "))

const failuresOf = ({ failures }: RunReport) =>
  failures.slice(0, 8).map(({ examples, reason, rows, status }) => {
    const [example] = examples
    const words = example === undefined ? "" : `, as ${example.key}: ${example.message}`
    return row(
      oneLine(reason),
      oneLine(`${Words.count(rows)}${status === undefined ? "" : ` with status ${status}`}${words}`)
    )
  })

const block = (title: string, lines: ReadonlyArray<string>) =>
  lines.length === 0 ? [] : [`${title}\n${lines.join("\n")}`]

const indented = (text: string) => text.split("\n").map((line) => `  ${line}`)

/** The report in few lines. */
export const text = (report: RunReport): string => {
  const caveat = Words.caveat(report)
  const parts = Words.parts(report)
  const floor = Words.floor(report)
  const spread = Words.distributions(report)
  const name = report.endpoint?.name ?? report.directory
  return [
    `Run on ${oneLine(name)}: ${Words.ending(report)}`,
    ...(caveat === undefined ? [] : [wrapped(oneLine(caveat), 0)]),
    Words.facts(report)
      .map(({ label, note, value }) => row(label.toLowerCase(), `${value}, ${note}`))
      .join("\n"),
    ...block("Where the minutes went", [
      ...(parts.length === 0
        ? []
        : indented(
            TextTable.format(
              ["part", "time", "share", "about"],
              parts.map(({ dollars = "", name: part, share, time }) => [part, time, share, dollars])
            )
          )),
      ...(floor === undefined ? [] : [`  ${wrapped(floor, 2)}`])
    ]),
    ...block(
      "Rows have at most",
      spread.length === 0
        ? []
        : indented(
            TextTable.format(
              ["", ...Words.quantileNames],
              spread.map(({ label, of, write }) => [label, ...Words.quantiles(of, write)])
            )
          )
    ),
    ...block("Failures by cause", failuresOf(report)),
    ...block(
      "Next",
      report.next.map((step) => `  ${wrapped(oneLine(step), 2)}`)
    )
  ].join("\n\n")
}
