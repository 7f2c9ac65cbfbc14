/**
 * What the demo shows: the steps of the lease, how far the batch is, the answers, the bill.
 */
import { Effect, Schedule, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { Cost, type ManagedEndpoint, type Progress, Report } from "@stint/batch"
import type { Definition, Text } from "./Texts.ts"

const count = (n: number) => Math.round(n).toLocaleString("en-US")
const seconds = (millis: number) => `${(millis / 1000).toFixed(1)} s`
const row = (label: string, value: string) => `  ${label.padEnd(17)}${value}`
const clip = (text: string, width: number) =>
  text.length <= width ? text : `${text.slice(0, width - 1).trimEnd()}…`

const bar = (share: number, width: number) => {
  const filled = Math.floor(share * width)
  return "█".repeat(filled) + "░".repeat(width - filled)
}

const describeProgress = (now: Progress.Snapshot) => {
  const total = now.total ?? 0
  const done = now.succeeded + now.failed + now.skipped
  const left = done === total || now.rate === 0 ? "" : `  ${count((total - done) / now.rate)} s left`
  return `${bar(done / total, 20)}  ${count(done)} of ${count(total)}  ${count(now.rate)}/s${left}`
}

/** How the lines of the demo are written: over each other on a terminal, one below the other elsewhere. */
export const make = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const columns = Math.min((yield* terminal.columns) || 80, 100)
  const write = (text: string) => Effect.orDie(terminal.display(text))
  const say = (...lines: ReadonlyArray<string>) => write(lines.map((line) => `${line}\n`).join(""))
  const bold = (text: string) => (canColor ? `\u001b[1m${text}\u001b[22m` : text)
  const dim = (text: string) => (canColor ? `\u001b[2m${text}\u001b[22m` : text)

  // The states of a boot stand on one line, which is open until the endpoint is ready or given up.
  let booting: string | undefined
  const event = (step: ManagedEndpoint.Event) => {
    switch (step._tag) {
      case "Acquired":
        return say(row(step.acquisition.toLowerCase(), `${step.endpoint.name}, on ${step.endpoint.hardware}`))
      case "Waiting": {
        const { state } = step.endpoint
        const text = booting === undefined ? row("booting", state) : booting === state ? "" : ` → ${state}`
        booting = state
        return write(text)
      }
      case "Ready":
        booting = undefined
        return say(`, ready after ${seconds(step.waitedMillis)}`)
      case "Releasing":
        return booting === undefined ? Effect.void : say("")
      case "Kept":
        return say(row("kept", "left running, and billed"))
      case "Released":
        return say(row("released", `${step.state}, confirmed by a read`))
      default:
        return Effect.void
    }
  }

  /** Shows how far a run is while it goes on. */
  const follow =
    (progress: Progress.Progress) =>
    <A, E, R>(run: Effect.Effect<A, E, R>) => {
      const draw = Effect.flatMap(progress.snapshot, (now) => {
        const text = row("batch", describeProgress(now))
        return write(canAnimate ? `\r${clip(text, columns - 1)}\u001b[K` : `${text}\n`)
      })
      const interval = canAnimate ? "100 millis" : "3 seconds"
      const drawing = Effect.repeat(Effect.delay(draw, interval), Schedule.forever)
      const last = canAnimate ? Effect.andThen(draw, write("\n")) : draw
      return Effect.raceFirst(run, Effect.andThen(drawing, Effect.never)).pipe(Effect.ensuring(last))
    }

  const answer = (
    question: Text,
    answers: ReadonlyArray<{ readonly candidate: Definition; readonly score: number }>
  ) =>
    say(
      `  ${bold(question.text)}`,
      ...answers.map(({ candidate: { lemma, text }, score }) => {
        const found = `    ${score.toFixed(2)}  ${lemma.padEnd(16)}`
        return `${found}  ${dim(clip(text, columns - found.length - 3))}`
      })
    )

  const summary = (report: Report.Report, state: string) => {
    const { bill } = report
    const perThousand = Report.dollarsPerThousand(report)
    const before = report.skipped === 0 ? "" : `, ${count(report.skipped)} were done before`
    const failed = report.failed === 0 ? "" : `, ${count(report.failed)} failed`
    return say(
      row("rows", `${count(report.succeeded)} embedded${failed}${before}`),
      row("seconds", (report.durationMillis / 1000).toFixed(1)),
      row("rows per second", count(report.itemsPerSecond)),
      row("billed minutes", `${bill?.billedMinutes ?? 0}, at $${bill?.pricePerHour} an hour`),
      row("dollars", bill?.dollars === undefined ? "unknown" : Cost.formatDollars(bill.dollars)),
      row("per 1,000 rows", perThousand === undefined ? "unknown" : Cost.formatDollars(perThousand)),
      row("endpoint now", `${state}, says the API`)
    )
  }

  return { say, row, bold, dim, count, event, follow, answer, summary }
})

/** How the lines of the demo are written. */
export type View = Effect.Success<typeof make>
