/**
 * What `stint plan` says, as data.
 */
import * as Schema from "effect/Schema"
import * as Forecast from "@stint/batch/Forecast"

/**
 * A plan. `rows` = `done` + `shared` + `forecast.requests`; tokens are those of one request, on average, `counted` is of how
 * many rows. `problems` are what a person should know of the hardware.
 */
export const Plan = Schema.Struct({
  input: Schema.String,
  job: Schema.String,
  rows: Schema.Int,
  done: Schema.Int,
  shared: Schema.Int,
  invalid: Schema.Int,
  tokens: Schema.Struct({
    input: Forecast.Range,
    output: Forecast.Range,
    outputBecause: Schema.String,
    counted: Schema.Int
  }),
  model: Schema.Struct({
    repository: Schema.optional(Schema.String),
    parameters: Schema.optional(Schema.Finite)
  }),
  endpoint: Schema.optional(
    Schema.Struct({ name: Schema.String, state: Schema.String, hardware: Schema.String })
  ),
  deadlineMinutes: Schema.optional(Schema.Finite),
  problems: Schema.Array(Schema.String),
  forecast: Forecast.Forecast
})

/** A plan. */
export type Plan = typeof Plan.Type
