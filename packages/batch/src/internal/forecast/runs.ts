/**
 * What a folder's earlier runs and answers say of the next run.
 */
import * as Option from "effect/Option"
import type * as Hardware from "@stint/core/Hardware"
import type { Evidence } from "../../Forecast.ts"
import type { Job } from "../../Job.ts"
import * as Entry from "../engine/entry.ts"
import { type Folder, sentOf } from "./folder.ts"
import type { Range } from "./range.ts"

/** The newest runs say most of the next one. */
const NEWEST = 10

/** Hardware by its two names. */
type Place = Pick<Hardware.Instance, "instanceType" | "instanceSize">

/** What earlier runs say. */
export interface Past {
  readonly evidence?: Evidence | undefined
  /** Seconds until an endpoint was ready. */
  readonly boot?: Range | undefined
  /** Tokens of an answer, on average, and of how many. */
  readonly answers?: { readonly mean: number; readonly count: number } | undefined
}

/** `aws us-east-1 nvidia-l4 x1`: the last two words. */
const placeIn = (hardware: string | undefined): Place | undefined => {
  const [instanceSize, instanceType] = (hardware ?? "").split(" ").toReversed()
  return instanceType === undefined || instanceSize === undefined ? undefined : { instanceType, instanceSize }
}

const isSame = (a: Place, b: Place) => a.instanceType === b.instanceType && a.instanceSize === b.instanceSize

type Run = Folder["runs"][number]

const rowsOf = (runs: ReadonlyArray<Run>) => runs.reduce((sum, run) => sum + sentOf(run), 0)

/** The runs on one hardware: on that of the endpoint, where there are any, else where most rows were done. */
const together = (runs: ReadonlyArray<Run>, at: Place | undefined) => {
  const groups: Array<{ readonly place: Place; readonly runs: Array<Run>; isAssumed: boolean }> = []
  for (const run of runs) {
    const place = placeIn(run.hardware) ?? at
    if (place === undefined) continue
    let group = groups.find((one) => isSame(one.place, place))
    if (group === undefined) groups.push((group = { place, runs: [], isAssumed: false }))
    group.runs.push(run)
    group.isAssumed ||= run.hardware === undefined
  }
  return (
    groups.find(({ place }) => at !== undefined && isSame(place, at)) ??
    groups.toSorted((a, b) => rowsOf(b.runs) - rowsOf(a.runs))[0]
  )
}

const replicasOf = (run: Run) => Math.max(1, run.bill?.peakReplicas ?? 1)

const bootOf = (runs: ReadonlyArray<Run>): Range | undefined => {
  const seconds = runs.flatMap((run) => {
    const { bootMinutes = 0, ranBefore } = run.bill ?? {}
    return bootMinutes <= 0 || ranBefore === true ? [] : [(60 * bootMinutes) / replicasOf(run)]
  })
  if (seconds.length === 0) return undefined
  const mean = seconds.reduce((sum, one) => sum + one, 0) / seconds.length
  return { low: Math.min(...seconds) * 0.8, expected: mean, high: Math.max(...seconds) * 1.5 }
}

/**
 * What a folder says of the next run of a job: how fast, how soon ready, how long the answers.
 *
 * `at` is the hardware of the endpoint: reports that do not say theirs are taken to be of it. `inputTokens` are those of the
 * rows that are done, on average.
 *
 * **Example** (What a folder knows of a job)
 *
 * ```ts
 * import { Forecast, Row } from "@stint/batch"
 * import { Hardware } from "@stint/core"
 * import { Effect } from "effect"
 *
 * const known = Effect.gen(function* () {
 *   const folder = yield* Forecast.readFolder("results")
 *   const at = { instanceType: "nvidia-l4", instanceSize: "x1" }
 *   return Forecast.past(folder, Row.job("chat"), { hardware: yield* Hardware.list, at })
 * })
 * ```
 */
export const past = <In, Out, E, R>(
  { runs, sample }: Pick<Folder, "runs" | "sample">,
  job: Job<In, Out, E, R>,
  options: {
    readonly hardware: ReadonlyArray<Hardware.Instance>
    readonly at?: Place | undefined
    readonly inputTokens?: number | undefined
  }
): Past => {
  const codec = Entry.codec(job)
  const outputs = sample.flatMap(({ output }) => {
    const decoded = job.usage === undefined ? Option.none() : codec.decode(output)
    const tokens = Option.isNone(decoded) ? undefined : job.usage?.(decoded.value)?.outputTokens
    return tokens === undefined ? [] : [tokens]
  })
  const answers =
    outputs.length === 0
      ? undefined
      : { mean: outputs.reduce((sum, tokens) => sum + tokens, 0) / outputs.length, count: outputs.length }

  const group = together(runs, options.at)
  if (group === undefined) return { answers }
  const newest = group.runs.slice(-NEWEST)
  const longest = Math.max(0, ...sample.map(({ durationMillis }) => durationMillis)) / 1000
  const instance = options.hardware.find((one) => isSame(one, group.place))
  const { inputTokens = 0 } = options
  return {
    answers,
    boot: bootOf(newest),
    evidence: {
      ...group.place,
      accelerators: instance?.accelerators,
      acceleratorMemory: instance?.acceleratorMemory,
      isAssumed: group.isAssumed,
      runs: newest.length,
      rows: rowsOf(newest),
      seconds: newest.reduce((sum, run) => sum + (run.durationMillis / 1000) * replicasOf(run), 0),
      longest: longest > 0 ? longest : undefined,
      tokens: inputTokens > 0 ? { input: inputTokens, output: answers?.mean ?? 0 } : undefined
    }
  }
}
