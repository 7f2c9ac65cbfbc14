/**
 * What a run is started with, as it is kept: no secrets, and nothing but plain values.
 */
import * as Schema from "effect/Schema"
import { EndpointSpec } from "@stint/core"
import type { ManagedEndpoint } from "@stint/batch"
import { FleetLimit } from "./FleetLimit.ts"

/**
 * The endpoint of a run, and what it may cost: options of `withEndpoint` that can be written down. The caps are kept by each
 * worker's own meter, which begins when that worker comes: the one that came first sees the most, and ends the run for all.
 */
export const RunEndpoint = Schema.Struct({
  name: Schema.String,
  spec: Schema.optionalKey(EndpointSpec.FromJson),
  onRelease: Schema.optionalKey(Schema.Literals(["pause", "restore", "scaleToZero", "delete", "keep"])),
  readyTimeout: Schema.optionalKey(Schema.DurationFromMillis),
  releaseTimeout: Schema.optionalKey(Schema.DurationFromMillis),
  pricePerHour: Schema.optionalKey(Schema.Finite),
  maxCost: Schema.optionalKey(Schema.Finite),
  maxBilledMinutes: Schema.optionalKey(Schema.Finite),
  replicas: Schema.optionalKey(Schema.Union([Schema.Literal("follow"), Schema.Int])),
  onForeignPause: Schema.optionalKey(Schema.Literals(["stop", "resume"])),
  backstop: Schema.optionalKey(Schema.Literals(["warn", "set"]))
})

/** The endpoint of a run, and what it may cost. */
export type RunEndpoint = typeof RunEndpoint.Type

/** How the rows of a run are done: options of `Batch.run` that can be written down. */
export const RunOptions = Schema.Struct({
  identity: Schema.optionalKey(
    Schema.Struct({
      repository: Schema.optionalKey(Schema.String),
      revision: Schema.optionalKey(Schema.String)
    })
  ),
  changed: Schema.optionalKey(Schema.Literals(["refuse", "redo", "keep"])),
  attemptTimeout: Schema.optionalKey(Schema.DurationFromMillis),
  itemTimeout: Schema.optionalKey(Schema.DurationFromMillis),
  /** Looked at in each chunk by itself: so many chunks as are being done may use it up before the run stops. */
  failureBudget: Schema.optionalKey(
    Schema.Struct({
      misfits: Schema.optionalKey(Schema.Number),
      inARow: Schema.optionalKey(Schema.Number),
      rate: Schema.optionalKey(Schema.Finite),
      window: Schema.optionalKey(Schema.Int)
    })
  ),
  dedupe: Schema.optionalKey(Schema.Boolean),
  pack: Schema.optionalKey(
    Schema.Union([
      Schema.Literal(false),
      Schema.Struct({
        maxItems: Schema.optionalKey(Schema.Int),
        maxWeight: Schema.optionalKey(Schema.Finite)
      })
    ])
  )
})

/** How the rows of a run are done. */
export type RunOptions = typeof RunOptions.Type

/** What a run is started with. */
export const RunSettings = Schema.Struct({
  endpoint: RunEndpoint,
  limit: FleetLimit,
  options: RunOptions,
  /** Rows of a chunk, where it is said. */
  chunk: Schema.optionalKey(Schema.Int),
  /** What the job is made from. */
  parameters: Schema.Json
})

/** What a run is started with. */
export type RunSettings = typeof RunSettings.Type

/** The same for `withEndpoint`. */
export const toManaged = (endpoint: RunEndpoint): ManagedEndpoint.Options => endpoint
