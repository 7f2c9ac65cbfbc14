/**
 * The words of a report: what its pages and the terminal say alike.
 */
import { formatDollars, formatPrice } from "@stint/batch/Cost"
import { dollarsPerThousand } from "@stint/batch/Report"
import { formatMillis } from "../ui/RunView.ts"
import type { Distribution, Phase, RunReport } from "./RunReport.ts"

/** `1,234`. */
export const count = (n: number): string => Math.round(n).toLocaleString("en-US")

/** Three digits that count: `0.123`, `12.3`, `1,230`. */
export const brief = (n: number): string => (n >= 100 ? count(n) : String(Number(n.toPrecision(3))))

/** A time for a person: `12 ms`, `1.2s`, `3m 04s`. */
export const time = (millis: number): string => (millis < 1000 ? `${brief(millis)} ms` : formatMillis(millis))

/** A part of a whole: `12 %`, `0.3 %`, `< 0.1 %`. */
export const share = (part: number, whole: number): string => {
  const percent = whole === 0 ? 0 : (part / whole) * 100
  if (percent > 0 && percent < 0.1) return "< 0.1 %"
  return `${percent === 0 || percent >= 10 ? Math.round(percent) : percent.toFixed(1)} %`
}

/** How a run ended, in one or two words. */
export const ending = ({ ended, source }: RunReport): string =>
  source === "journal" ? "not reported" : (ended?.how ?? "finished")

/** A fact with the words that go below it. */
export interface Fact {
  readonly label: string
  readonly value: string
  readonly note: string
  /** Whether it asks for attention. */
  readonly isBad?: boolean | undefined
}

const costOf = (report: RunReport): Fact => {
  const { bill, folder, source } = report
  const all =
    folder?.dollars === undefined || folder.runs < 2
      ? ""
      : `; ${formatDollars(folder.dollars)} in all ${folder.runs} runs`
  if (bill === undefined) {
    return source === "journal"
      ? { label: "Cost", value: "unknown", note: "the journal does not hold the bill" }
      : { label: "Cost", value: "$0", note: `no endpoint was woken${all}` }
  }
  const each = dollarsPerThousand(report)
  const minutes = `${count(bill.billedMinutes)} min`
  const price = bill.pricePerHour === undefined ? ", price unknown" : ` at ${formatPrice(bill)}`
  const per = each === undefined ? "" : `; ${formatDollars(each)} per 1,000 rows`
  return bill.dollars === undefined
    ? { label: "Cost", value: minutes, note: `billed${price}` }
    : { label: "Cost", value: formatDollars(bill.dollars), note: `${minutes}${price}${per}${all}` }
}

/** What the first screen says: cost, rows, failures, time. */
export const facts = (report: RunReport): ReadonlyArray<Fact> => {
  const { attempts, failed, items, invalid = 0, remaining = 0, skipped, succeeded } = report
  const tried = succeeded + failed
  const done = [
    `of ${count(items)}`,
    ...(skipped > 0 ? [`${count(skipped)} done before`] : []),
    ...(remaining > 0 ? [`${count(remaining)} left`] : [])
  ].join(", ")
  const retries = Math.max(0, attempts - tried)
  const failures = [
    ...(tried === 0 ? ["no row was tried"] : [`${share(failed, tried)} of the rows tried`]),
    ...(invalid > 0 ? [`${count(invalid)} invalid lines left out`] : []),
    ...(retries > 0 ? [`${count(retries)} retries`] : [])
  ].join(", ")
  return [
    costOf(report),
    { label: "Rows done", value: count(succeeded), note: done, isBad: remaining > 0 },
    { label: "Rows failed", value: count(failed), note: failures, isBad: failed > 0 },
    ...(report.source === "journal"
      ? []
      : [
          {
            label: "Time at work",
            value: time(report.durationMillis),
            note: `${brief(report.itemsPerSecond)} rows a second`
          }
        ])
  ]
}

const about: Record<Phase["name"], string> = {
  wait: "not billed: reading the input, waiting for those who hold it",
  cold: "from the call that starts it until it is ready",
  ramp: "until rows come at four fifths of the best speed",
  steady: "at four fifths of the best speed or more",
  tail: "the last rows",
  drain: "from the last row until it was read back asleep"
}

/** A part of the run as a line of a table. */
export interface Part {
  readonly name: Phase["name"]
  readonly about: string
  readonly millis: number
  readonly time: string
  readonly share: string
  readonly dollars: string | undefined
}

/** Less than that is told as such: it is a share of a bill, and no price. */
const LEAST = 0.00001

const partOfDollars = (dollars: number) =>
  dollars > 0 && dollars < LEAST ? "< $0.00001" : formatDollars(dollars)

/** The parts of the run. */
export const parts = ({ phases }: RunReport): ReadonlyArray<Part> => {
  // Nothing was woken: what was read first is not where minutes went.
  if (phases.every(({ name }) => name === "wait")) return []
  const whole = phases.reduce((sum, { fromMillis, toMillis }) => sum + toMillis - fromMillis, 0)
  return phases.map(({ dollars, fromMillis, name, toMillis }) => ({
    name,
    about: about[name],
    millis: toMillis - fromMillis,
    time: time(toMillis - fromMillis),
    share: share(toMillis - fromMillis, whole),
    dollars: dollars === undefined ? undefined : partOfDollars(dollars)
  }))
}

/** The least it could have cost, in a sentence; nothing where that is not known. */
export const floor = ({ bill, floor: least }: RunReport): string | undefined => {
  if (least === undefined || bill === undefined) return undefined
  const { billedMinutes, dollars, millis, rowsPerSecond, times } = least
  const money = dollars === undefined ? "" : `, ${formatDollars(dollars)}`
  const ratio =
    times === undefined
      ? ""
      : times < 1.005
        ? " It was billed no more than that."
        : ` It was billed ${brief(times)} times that.`
  return `The floor is ${time(millis)}, ${count(billedMinutes ?? 0)} billed min${money}: the same boot, then all rows at the best speed seen, ${brief(rowsPerSecond)} a second, and an end at once.${ratio}`
}

/** What stands over a report that is not whole. */
export const caveat = ({ ended, source }: RunReport): string | undefined =>
  source === "journal"
    ? "There is no report of a run here: it was killed, or goes on still. What follows is what the journal alone tells, of all runs into this folder: without the bill, the time at work, and how it ended."
    : ended?.why

/** A distribution as cells: half, 90, 95, 99 of 100, most, mean. */
export const quantiles = (
  { mean, most, p50, p90, p95, p99 }: Distribution,
  write: (value: number) => string
): ReadonlyArray<string> => [p50, p90, p95, p99, most, mean].map(write)

/** The headings of {@link quantiles}. */
export const quantileNames = ["half", "90 %", "95 %", "99 %", "most", "mean"] as const

/** Tokens are whole, and their shares are told to a twentieth. */
const tokenCount = (n: number): string => (n >= 100 ? count(n) : String(Number(n.toPrecision(2))))

/** The distributions of a report, by name. */
export const distributions = ({ latency, tokens }: RunReport) => [
  ...(latency === undefined ? [] : [{ id: "latency", label: "Time of a row", of: latency, write: time }]),
  ...(tokens.input === undefined
    ? []
    : [{ id: "tokens-in", label: "Tokens read for a row", of: tokens.input, write: tokenCount }]),
  ...(tokens.output === undefined
    ? []
    : [{ id: "tokens-out", label: "Tokens written for a row", of: tokens.output, write: tokenCount }])
]

/** What was run on what: labels and values. */
export const circumstances = (report: RunReport): ReadonlyArray<readonly [string, string]> => {
  const { endpoint, folder, hardware, input, job, versions } = report
  const folderText =
    folder === undefined
      ? undefined
      : `${count(folder.runs)} ${folder.runs === 1 ? "run" : "runs"}, ${count(folder.billedMinutes)} billed min${folder.dollars === undefined ? "" : `, ${formatDollars(folder.dollars)}`}`
  const known: ReadonlyArray<readonly [string, string | undefined]> = [
    ["endpoint", endpoint && [endpoint.namespace, endpoint.name].filter((part) => part).join("/")],
    ["left", endpoint?.state],
    ["model", endpoint?.model && [endpoint.model, endpoint.revision].filter((part) => part).join(" at ")],
    ["hardware", hardware],
    ["job", job],
    ["input", input],
    ["folder", report.directory],
    ["all runs into it", folderText],
    ["started", report.startedAt],
    ["ended", report.endedAt],
    ...Object.entries(versions).map(([name, version]) => [`version of ${name}`, version] as const)
  ]
  return known.flatMap(([label, value]) => (value === undefined || value === "" ? [] : [[label, value]]))
}
