/**
 * What a run leaves as `report.json`: all that its pages show.
 */
import * as Schema from "effect/Schema"
import * as Histogram from "@stint/batch/Histogram"
import * as Report from "@stint/batch/Report"

const Bar = Schema.Struct({ from: Schema.Finite, to: Schema.Finite, count: Schema.Int })

/** How values lie: those that half, 90, 95 and 99 of 100 are at most, off by a twentieth; `bars` for a picture. */
export const Distribution = Schema.Struct({
  count: Schema.Int,
  mean: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  p95: Schema.Finite,
  p99: Schema.Finite,
  most: Schema.Finite,
  bars: Schema.Array(Bar)
})

/** How values lie. */
export type Distribution = typeof Distribution.Type

/** A histogram in short, with so many bars at most; nothing where it is empty. */
export const distributionOf = (histogram: Histogram.Histogram, mostBars = 24): Distribution | undefined => {
  if (histogram.count === 0) return undefined
  const at = (share: number) => Histogram.quantile(histogram, share) ?? 0
  return {
    count: histogram.count,
    mean: histogram.sum / histogram.count,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    most: histogram.most,
    bars: Histogram.bars(histogram, mostBars).map((bar) => ({ ...bar }))
  }
}

/** One stretch of the timeline: rows and requests of that time; `inFlight` and `limit` are averages. */
export const Point = Schema.Struct({
  fromMillis: Schema.Finite,
  toMillis: Schema.Finite,
  succeeded: Schema.Int,
  failed: Schema.Int,
  attempts: Schema.Int,
  faults: Schema.Int,
  inFlight: Schema.Finite,
  limit: Schema.Finite,
  heldMillis: Schema.Finite,
  p50: Schema.optional(Schema.Finite),
  p95: Schema.optional(Schema.Finite)
})

/** One stretch of the timeline. */
export type Point = typeof Point.Type

/** A part of the run; `dollars` is its share of the bill, by time, where it is billed. */
export const Phase = Schema.Struct({
  name: Schema.Literals(["wait", "cold", "ramp", "steady", "tail", "drain"]),
  fromMillis: Schema.Finite,
  toMillis: Schema.Finite,
  dollars: Schema.optional(Schema.Finite)
})

/** A part of the run. */
export type Phase = typeof Phase.Type

/**
 * The least that the rows could have cost: the same boot, all rows at the best speed that was seen, and an end at once.
 * `times` is what was billed to that.
 */
export const Floor = Schema.Struct({
  rowsPerSecond: Schema.Finite,
  millis: Schema.Finite,
  billedMinutes: Schema.optional(Schema.Int),
  dollars: Schema.optional(Schema.Finite),
  times: Schema.optional(Schema.Finite)
})

/** The least that the rows could have cost. */
export type Floor = typeof Floor.Type

/** Rows that failed for one cause, with a few of them. */
export const Failure = Schema.Struct({
  reason: Schema.String,
  status: Schema.optional(Schema.Int),
  rows: Schema.Int,
  examples: Schema.Array(Schema.Struct({ key: Schema.String, message: Schema.String }))
})

/** Rows that failed for one cause. */
export type Failure = typeof Failure.Type

/** What happened to the lease, and when. */
export const Moment = Schema.Struct({ atMillis: Schema.Finite, what: Schema.String })

/** What happened to the lease, and when. */
export type Moment = typeof Moment.Type

/**
 * The report of one run into a folder. Times in milliseconds are since `startedAt`.
 *
 * | field | means |
 * | --- | --- |
 * | `version` | of this shape; a change that would break a reader counts it up |
 * | `source` | `run`: written by the run itself; `journal`: what the journal alone tells, of all runs into the folder |
 * | `ended` | `finished`, `stopped` by a signal, or `failed` |
 * | `endpoint.isBilled` | whether it was left in a state that is billed |
 * | `folder` | all runs into this folder, this one included |
 * | `timeline` | at most 240 points; those of a run that sent nothing are absent |
 * | `latency` | milliseconds of a row from its first attempt to its last answer |
 * | `tokens` | of a row; where the engine does not count them, a quarter of the letters |
 * | `tries` | rows by the number of charged attempts that they took |
 *
 * The fields of `Report` of the batch package stand beside these.
 */
export const RunReport = Schema.Struct({
  version: Schema.Literal(1),
  source: Schema.Literals(["run", "journal"]),
  startedAt: Schema.optional(Schema.String),
  endedAt: Schema.optional(Schema.String),
  ended: Schema.optional(
    Schema.Struct({
      how: Schema.Literals(["finished", "stopped", "failed"]),
      why: Schema.optional(Schema.String)
    })
  ),
  command: Schema.optional(Schema.Array(Schema.String)),
  versions: Schema.Record(Schema.String, Schema.String),
  directory: Schema.String,
  input: Schema.optional(Schema.String),
  job: Schema.optional(Schema.String),
  endpoint: Schema.optional(
    Schema.Struct({
      name: Schema.String,
      namespace: Schema.optional(Schema.String),
      model: Schema.optional(Schema.String),
      revision: Schema.optional(Schema.String),
      state: Schema.optional(Schema.String),
      isBilled: Schema.optional(Schema.Boolean)
    })
  ),
  ...Report.Report.fields,
  folder: Schema.optional(
    Schema.Struct({
      runs: Schema.Int,
      billedMinutes: Schema.Int,
      dollars: Schema.optional(Schema.Finite)
    })
  ),
  phases: Schema.Array(Phase),
  floor: Schema.optional(Floor),
  moments: Schema.Array(Moment),
  timeline: Schema.optional(Schema.Array(Point)),
  latency: Schema.optional(Distribution),
  tokens: Schema.Struct({
    input: Schema.optional(Distribution),
    output: Schema.optional(Distribution)
  }),
  tries: Schema.Array(Schema.Struct({ attempts: Schema.Int, rows: Schema.Int })),
  failures: Schema.Array(Failure),
  next: Schema.Array(Schema.String)
})

/** The report of one run into a folder. */
export type RunReport = typeof RunReport.Type

/** `report.json` as text. */
export const RunReportJson = Schema.fromJsonString(RunReport)

/** The published JSON Schema of `report.json`. */
export const jsonSchema = () => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(RunReport)
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The report.json of a run of stint",
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}
