/**
 * The report in its folder: `report.json`, `report.md` and `report.html`, each there whole or not at all.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe } from "@stint/batch/FileProblem"
import * as Forecast from "@stint/batch/Forecast"
import * as Report from "@stint/batch/Report"
import * as Sink from "@stint/batch/Sink"
import * as NextStep from "./NextStep.ts"
import { html } from "./ReportHtml.ts"
import { markdown } from "./ReportMarkdown.ts"
import { type RunReport, RunReportJson } from "./RunReport.ts"
import * as Tally from "./Tally.ts"
import { versions } from "./Versions.ts"

/** A folder has no report that can be shown. Nothing was changed. */
export class ReportUnreadable extends Schema.TaggedError<ReportUnreadable>()("ReportUnreadable", {
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `There is no report to show in ${this.directory}: ${this.detail.replace(/\.?$/, ".")}`
  }
}

const decode = Schema.decodeEffect(RunReportJson)
const encode = Schema.encodeEffect(RunReportJson)

/** Writes the pages of a report; `report.json` too, unless it is there already. */
export const write = Effect.fnUntraced(function* (
  directory: string,
  report: RunReport,
  which: "all" | "pages" = "all"
) {
  const path = yield* Path.Path
  const json = which === "all" ? [["report.json", yield* Effect.orDie(encode(report))] as const] : []
  const files = [...json, ["report.md", markdown(report).trimEnd()], ["report.html", html(report)]] as const
  for (const [name, text] of files) yield* Sink.lines(path.join(directory, name), Stream.make(text))
})

const decodeRun = Schema.decodeUnknownOption(Schema.fromJsonString(Report.Report))

/** What all runs into a folder have cost, as far as their reports say it; nothing where there is none. */
export const totalOf = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* Effect.orElseSucceed(fs.readFileString(path.join(directory, "runs.jsonl")), () => "")
  const runs = text.split("\n").flatMap((line) => Option.toArray(decodeRun(line)))
  if (runs.length === 0) return undefined
  const bills = runs.flatMap(({ bill }) => bill ?? [])
  return {
    runs: runs.length,
    billedMinutes: bills.reduce((sum, { billedMinutes }) => sum + billedMinutes, 0),
    ...(bills.some(({ dollars }) => dollars === undefined)
      ? {}
      : { dollars: bills.reduce((sum, { dollars = 0 }) => sum + dollars, 0) })
  }
})

/** Whether the journal has grown since the report was written: by a run that was killed since, or goes on still. */
export const isOutdated = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const changedAt = (name: string) =>
    fs.stat(path.join(directory, name)).pipe(
      Effect.map(({ mtime }) => Option.map(mtime, (date) => date.getTime())),
      Effect.orElseSucceed(() => Option.none<number>())
    )
  const [journal, report] = [yield* changedAt("journal.jsonl"), yield* changedAt("report.json")]
  return Option.isSome(journal) && Option.isSome(report) && journal.value > report.value
})

/** What the journal alone tells. */
const fromJournal = Effect.fnUntraced(function* (directory: string) {
  const { journal } = yield* Forecast.readFolder(directory)
  const tally = Tally.make()
  yield* Stream.runForEach(journal.entries, (entry) => Effect.sync(() => tally.add(entry)))
  const { attempts, failed, failures, latency, succeeded, tokens, tries } = tally.sum()
  const folder = yield* totalOf(directory)
  const whole: Omit<RunReport, "next"> = {
    version: 1,
    source: "journal",
    versions: versions(),
    directory,
    ...Report.nothingToDo(0),
    remaining: undefined,
    items: succeeded + failed,
    succeeded,
    failed,
    attempts,
    ...(folder === undefined ? {} : { folder }),
    phases: [],
    moments: [],
    ...(latency === undefined ? {} : { latency }),
    tokens,
    tries,
    failures
  }
  return { ...whole, next: NextStep.of(whole) }
}, Effect.scoped)

/** The report of a folder: that of its last run, or what its journal alone tells. Fails with {@link ReportUnreadable}. */
export const read = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unreadable = (detail: string) => new ReportUnreadable({ directory, detail })
  const has = (name: string) => Effect.orElseSucceed(fs.exists(path.join(directory, name)), () => false)
  if (yield* has("report.json")) {
    const text = yield* Effect.mapError(fs.readFileString(path.join(directory, "report.json")), (error) =>
      unreadable(`report.json cannot be read: ${describe(error)}`)
    )
    return yield* Effect.mapError(decode(text), () =>
      unreadable(
        "report.json is damaged, or of another version of this command. Move it away, and the journal alone is read; the next run writes it anew"
      )
    )
  }
  if (!(yield* has("journal.jsonl"))) {
    return yield* unreadable(
      "it has neither a report.json nor a journal.jsonl. Name the folder that --out of a run named"
    )
  }
  return yield* Effect.mapError(fromJournal(directory), ({ message }) => unreadable(message))
})
