/** What a bench has found: a file of its own under `bench/results`, and a part of the page. */
import { Schema } from "effect"
import { type Bound, estimate, judge } from "./statistics.ts"

/** One line of the table of ratios: a figure of each round, and what it should be. */
export const Figure = Schema.Struct({
  what: Schema.String,
  /** Of the figures: nothing for a ratio. */
  unit: Schema.String,
  values: Schema.Array(Schema.Finite),
  median: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
  goal: Schema.optionalKey(
    Schema.Union([Schema.Struct({ most: Schema.Finite }), Schema.Struct({ least: Schema.Finite })])
  ),
  verdict: Schema.optionalKey(Schema.Literals(["met", "short"]))
})

export type Figure = typeof Figure.Type

/** A table of the page. The first column is text, the others are as they are written. */
export const Table = Schema.Struct({
  title: Schema.String,
  note: Schema.optionalKey(Schema.String),
  columns: Schema.Array(Schema.String),
  rows: Schema.Array(Schema.Array(Schema.String))
})

export type Table = typeof Table.Type

const Line = Schema.Struct({
  label: Schema.String,
  points: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))
})

const Bar = Schema.Struct({
  label: Schema.String,
  value: Schema.Finite,
  text: Schema.String,
  isOurs: Schema.Boolean
})

/** A picture of the page. */
export const Plot = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("lines"),
    id: Schema.String,
    title: Schema.String,
    x: Schema.String,
    y: Schema.String,
    isLogY: Schema.Boolean,
    lines: Schema.Array(Line)
  }),
  Schema.Struct({
    kind: Schema.Literal("bars"),
    id: Schema.String,
    title: Schema.String,
    x: Schema.String,
    isLog: Schema.Boolean,
    bars: Schema.Array(Bar)
  })
])

export type Plot = typeof Plot.Type

const findings = {
  figures: Schema.Array(Figure),
  tables: Schema.Array(Table),
  plots: Schema.Array(Plot),
  /** What the page says under it. */
  notes: Schema.Array(Schema.String)
}

/** What a bench itself gives. */
export const Findings = Schema.Struct(findings)

export type Findings = typeof Findings.Type

export const FindingsText = Schema.fromJsonString(Findings)

export const Machine = Schema.Struct({
  processor: Schema.String,
  cores: Schema.Int,
  memoryGigabytes: Schema.Int,
  system: Schema.String,
  /** Of the last minute, before and after: how busy others kept it. */
  load: Schema.Tuple([Schema.Finite, Schema.Finite])
})

/** The file. */
export const Result = Schema.Struct({
  name: Schema.String,
  title: Schema.String,
  measuredAt: Schema.String,
  command: Schema.String,
  seconds: Schema.Finite,
  commit: Schema.optionalKey(Schema.String),
  machine: Machine,
  versions: Schema.Record(Schema.String, Schema.String),
  ...findings
})

export type Result = typeof Result.Type

export const Text = Schema.fromJsonString(Result)

/** A line of the table of ratios. */
export const figure = (
  what: string,
  values: ReadonlyArray<number>,
  goal?: Bound,
  unit: string = ""
): Figure => {
  const { high, low, median } = estimate(values)
  const line = { what, unit, values, median, low, high }
  return goal === undefined ? line : { ...line, goal, verdict: judge(goal, { low, high }) }
}
