/**
 * Writes down how a run goes, for its report: its counters once a second, its records as they become durable, and the steps of
 * its lease.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Usage } from "@stint/batch/Job"
import type * as Journal from "@stint/batch/Journal"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Progress } from "@stint/batch/Progress"
import type * as Report from "@stint/batch/Report"
import * as Timeline from "@stint/batch/Timeline"
import type { Endpoint } from "@stint/core/Endpoint"
import { concealed } from "./CommandLine.ts"
import * as NextStep from "./NextStep.ts"
import * as Phases from "./Phases.ts"
import type { Moment, RunReport } from "./RunReport.ts"
import * as Tally from "./Tally.ts"
import { versions } from "./Versions.ts"

/** What is known of a run from its start. */
export interface Options {
  readonly progress: Progress
  readonly name: string
  readonly job: string
  readonly input: string
  readonly directory: string
  /** The arguments of the command, as they were given. */
  readonly args: ReadonlyArray<string>
  readonly usage?: ((output: Schema.Json) => Usage | undefined) | undefined
  readonly conceal: (text: string) => string
}

/** How a run ended. */
export type Ended = NonNullable<RunReport["ended"]>

/** Records one run. */
export interface Recorder {
  /** The journal, whose new records are counted. */
  readonly watch: (journal: Journal.Journal) => Journal.Journal
  readonly event: (event: ManagedEndpoint.Event) => Effect.Effect<void>
  /** Follows the counters until it is interrupted. */
  readonly follow: Effect.Effect<never>
  /** What came of it; `folder` is of all runs. */
  readonly report: (
    report: Report.Report,
    ended: Ended,
    folder: RunReport["folder"]
  ) => Effect.Effect<RunReport>
}

const billedStates = new Set(["running", "initializing", "updating"])

/** A step of the lease in a few words; nothing for those that only say how things are. */
const wordsFor = (event: ManagedEndpoint.Event): string | undefined => {
  switch (event._tag) {
    case "Leased":
      return `leased by ${event.holders}: waiting`
    case "TookOver":
      return `taken over from ${event.leftBy}`
    case "Creating":
      return "being created"
    case "Resuming":
      return "being resumed"
    case "Acquired":
      return { Created: "created", Resumed: "resumed", Adopted: "adopted: it ran already" }[event.acquisition]
    case "Waiting":
      return `is ${event.endpoint.state}`
    case "Ready":
      return "ready"
    case "Kept":
      return "kept running, and billed"
    case "Left":
      return "left to others who hold it"
    case "Releasing":
      return `being released (${event.policy})`
    case "Released":
      return `is ${event.state}, read back`
    default:
      return undefined
  }
}

/** A lease may see many states; the first of them tell how it came up. */
const MOMENTS = 200

const isoOf = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

/** Makes the recorder of a run that begins now. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Recorder> {
  const { conceal, directory, job, name, progress } = options
  const startedAt = yield* Clock.currentTimeMillis
  const timeline = yield* Timeline.make(progress.cells)
  const tally = Tally.make({ usage: options.usage, conceal })
  const moments: Array<Moment> = []
  let billed: number | undefined
  let ready: number | undefined
  let endpoint: Endpoint | undefined
  let namespace: string | undefined
  let state: string | undefined
  let isBilled = false

  const note = (event: ManagedEndpoint.Event, atMillis: number) => {
    const what = wordsFor(event)
    if (what !== undefined && moments.length < MOMENTS) moments.push({ atMillis, what: conceal(what) })
    if ("endpoint" in event && event.endpoint !== undefined) endpoint = event.endpoint
    if ("namespace" in event) namespace = event.namespace
    switch (event._tag) {
      case "Creating":
      case "Resuming":
      case "Acquired":
        billed ??= atMillis
        isBilled = true
        return
      case "Ready":
        ready ??= atMillis
        return
      case "Kept":
        state = "left running"
        return
      case "Left":
        state = "held by others"
        isBilled = false
        return
      case "Released":
        state = event.state
        isBilled = billedStates.has(event.state)
    }
  }

  return {
    watch: (journal) => ({
      ...journal,
      append: (entries) =>
        Effect.map(journal.append(entries), () => {
          for (const entry of entries) {
            tally.add(entry)
            if (entry.attempts > 0) timeline.took(entry.durationMillis)
          }
        })
    }),
    event: (event) => Effect.map(Clock.currentTimeMillis, (now) => note(event, now - startedAt)),
    follow: timeline.follow,
    report: Effect.fnUntraced(function* (report, ended, folder) {
      const points = yield* timeline.points
      const end = (yield* Clock.currentTimeMillis) - startedAt
      const { failures, latency, tokens, tries } = tally.sum()
      const { bill } = report
      const marks = { billed, ready, end }
      const floor = Phases.floorOf(points, marks, bill)
      const model = endpoint?.model
      const whole: Omit<RunReport, "next"> = {
        version: 1,
        source: "run",
        startedAt: isoOf(startedAt),
        endedAt: isoOf(startedAt + end),
        ended: {
          how: ended.how,
          ...(ended.why === undefined ? {} : { why: concealed(ended.why, conceal) })
        },
        command: ["stint", ...options.args].map((word) => concealed(word, conceal)),
        versions: versions(),
        directory,
        input: concealed(options.input, conceal),
        job,
        endpoint: {
          name,
          ...(namespace === undefined ? {} : { namespace }),
          ...(model?.repository ? { model: model.repository } : {}),
          ...(model?.revision ? { revision: model.revision } : {}),
          ...(state === undefined ? {} : { state }),
          isBilled
        },
        ...report,
        ...(folder === undefined ? {} : { folder }),
        phases: Phases.phasesOf(points, marks, bill),
        ...(floor === undefined ? {} : { floor }),
        moments,
        ...(report.attempts === 0 && report.succeeded + report.failed === 0 ? {} : { timeline: points }),
        ...(latency === undefined ? {} : { latency }),
        tokens,
        tries,
        failures
      }
      return { ...whole, next: NextStep.of(whole) }
    })
  }
})
