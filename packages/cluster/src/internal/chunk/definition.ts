/**
 * A job that has a name in the cluster: what every worker knows by that name, and does to the chunks of its runs.
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Job } from "@stint/batch"
import type { ParametersRefused } from "../../RunError.ts"
import type { Reader } from "../input/pieces.ts"

/** A job and how its rows are read, made of what the run was started with. */
export interface Made<In, Out, E, R> {
  readonly job: Job.Job<In, Out, E, R>
  readonly read: Reader<In>
}

/** A job that has a name in the cluster. */
export interface Definition<In, Out, E, R> {
  readonly name: string
  readonly make: (parameters: Schema.Json) => Effect.Effect<Made<In, Out, E, R>, ParametersRefused>
}
