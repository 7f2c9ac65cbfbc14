/**
 * What a run is started with, as it is kept: no secrets, and nothing but plain values.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { EndpointSpec } from "@stint/core"
import type { ManagedEndpoint } from "@stint/batch"
import { FleetLimit } from "./FleetLimit.ts"

/**
 * The endpoint of a run, and what it may cost: options of `withEndpoint` that can be written down. A cap is one for an attempt
 * of the run: each worker begins with what the workers before it have written down, and the first that sees the cap reached
 * ends the run for all. What nobody has written down no cap knows: see the bill of `RunStatus`.
 */
export const RunEndpoint = Schema.Struct({
  name: Schema.String,
  spec: Schema.optionalKey(EndpointSpec.FromJson),
  /**
   * What becomes of it in the end; pause, if nothing is said. Saying it is leave to use an endpoint that runs already, though
   * nothing shows that it is the fleet's; without it the run ends with `AdoptionRefused`, and the endpoint is left as it is.
   */
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

/**
 * The same for `withEndpoint`. A worker cannot ask anybody: an endpoint that runs already, and is neither leased by the fleet
 * nor tagged `stint`, is used only where `onRelease` is given.
 */
export const toManaged = (endpoint: RunEndpoint): ManagedEndpoint.Options => ({
  ...endpoint,
  mayAdopt: () => Effect.succeed(endpoint.onRelease !== undefined)
})
