/**
 * The matrix as the page has it, and what it claims: between two marks of `docs/reliability.md` stands what a run has found.
 */
import type { Result } from "./Cell.ts"
import { type End, ends } from "./Ends.ts"
import { type Phase, phases } from "./Phases.ts"

const BEGIN = "<!-- the matrix: written by npm run reliability -->"
const END = "<!-- the end of the matrix -->"

/** Longer than that is said why. */
const LONG_SECONDS = 10

/** Four in flight, and as many again whose answer is on its way to the disk, with some to spare on a busy machine. */
const MOST_TWICE = 16

const isRemarkable = ({ seconds }: Result) => seconds === undefined || seconds > LONG_SECONDS

const cellOf = (result: Result): string => {
  const { lost, seconds, state, twice } = result
  const time = seconds === undefined ? "–" : `${seconds.toFixed(1)} s`
  const text = `${state} · ${time} · ${lost} · ${twice}`
  return isRemarkable(result) ? `**${text}**` : text
}

const find = (results: ReadonlyArray<Result>, end: string, phase: Phase) =>
  results.find((result) => result.end === end && result.phase === phase)

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

/** Half of the phases each, so that a table fits a page. */
const tables = [phases.slice(0, 4), phases.slice(4)]

const table = (results: ReadonlyArray<Result>, columns: ReadonlyArray<Phase>, shown: ReadonlyArray<End>) =>
  [
    row(["", ...columns]),
    row(["---", ...columns.map(() => "---")]),
    ...shown.map(({ name }) =>
      row([
        name,
        ...columns.map((phase) => {
          const result = find(results, name, phase)
          return result === undefined ? "skipped" : cellOf(result)
        })
      ])
    )
  ].join("\n")

const codesOf = (results: ReadonlyArray<Result>, { name }: End) => {
  const codes = new Set(results.filter(({ end }) => end === name).map(({ status }) => String(status)))
  return [...codes].toSorted().join(", ")
}

const codes = (results: ReadonlyArray<Result>, shown: ReadonlyArray<End>) =>
  [
    row(["end", "exit code or signal of the program"]),
    row(["---", "---"]),
    ...shown.map((end) => row([end.name, codesOf(results, end)]))
  ].join("\n")

const reasons = (results: ReadonlyArray<Result>, shown: ReadonlyArray<End>) =>
  shown
    .filter(({ name }) => results.some((result) => result.end === name && isRemarkable(result)))
    .map(({ name, why = "this should not be" }) => `- ${name}: **${why}.**`)
    .join("\n")

/** What stands between the marks. */
const matrix = (results: ReadonlyArray<Result>): string =>
  [
    ...tables.map((columns) => table(results, columns, ends)),
    "Why an endpoint ran on for longer than ten seconds, or still does:",
    reasons(results, ends),
    codes(results, ends)
  ].join("\n\n")

/** The page with another matrix. Throws when it has no place for one. */
export const write = (page: string, results: ReadonlyArray<Result>): string => {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error("docs/reliability.md has lost its marks")
  return `${before}${BEGIN}\n\n${matrix(results)}\n\n${END}${after}`
}

/** What a page says of a cell. */
export interface Claim {
  readonly state: string
  readonly isBold: boolean
  readonly lost: number
}

const claimOf = (text: string): Claim | undefined => {
  const isBold = text.startsWith("**")
  const [state, , lost] = text.replaceAll("**", "").split(" · ")
  return state === undefined || lost === undefined ? undefined : { state, isBold, lost: Number(lost) }
}

const nameOf = (end: string, phase: Phase) => `${phase} × ${end}`

/** Every cell of a page, by name. */
export const read = (page: string): ReadonlyMap<string, Claim> => {
  const lines = (page.split(BEGIN)[1]?.split(END)[0] ?? "").split("\n")
  const cells = lines.flatMap((line) =>
    line.startsWith("|")
      ? [
          line
            .split("|")
            .slice(1, -1)
            .map((cell) => cell.trim())
        ]
      : []
  )
  const claims = new Map<string, Claim>()
  let columns: ReadonlyArray<Phase> = []
  for (const [end = "", ...rest] of cells) {
    if (end === "") columns = phases.filter((phase) => rest.includes(phase))
    for (const [i, phase] of columns.entries()) {
      const claim = claimOf(rest[i] ?? "")
      if (claim !== undefined) claims.set(nameOf(end, phase), claim)
    }
  }
  return claims
}

/** What is asleep, or never was. */
const stopped: ReadonlySet<string> = new Set(["paused", "never created"])

/** How soon a guardian has to have acted. */
const withinTen: ReadonlySet<string> = new Set(["SIGKILL", "heap exhausted"])

/** What a result breaks of what the page says and of what must hold anywhere. */
export const violations = (result: Result, page: ReadonlyMap<string, Claim>): ReadonlyArray<string> => {
  const { end, lost, phase, problems, seconds, state, twice } = result
  const claim = page.get(nameOf(end, phase))
  const found = [
    ...problems,
    ...(claim === undefined ? ["the page has no such cell"] : []),
    ...(claim !== undefined && claim.state !== state ? [`${state}, and the page says ${claim.state}`] : []),
    ...(claim !== undefined && !stopped.has(claim.state) && !claim.isBold ? ["not in bold"] : []),
    ...(lost > 0 ? [`${lost} rows lost`] : []),
    ...(twice > MOST_TWICE && end !== "disk full" ? [`${twice} rows answered twice`] : []),
    ...(withinTen.has(end) && (seconds === undefined || seconds >= LONG_SECONDS)
      ? [`stopped billing after ${seconds} s`]
      : [])
  ]
  return found.map((text) => `${nameOf(end, phase)}: ${text}`)
}
