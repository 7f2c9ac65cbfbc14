/** A bench: a program that finds something, within bounds. */
import { type Effect, Schema } from "effect"
import type { NodeServices } from "@effect/platform-node/NodeServices"
import type { Findings } from "./result.ts"

/** How much is asked of it. */
export const Settings = Schema.Struct({
  /** Fewer rounds, fewer rows: for a look. */
  isQuick: Schema.Boolean,
  /** What takes an hour as well. */
  isLong: Schema.Boolean,
  /** Of paired runs, or seeds; each bench has a number of its own. */
  rounds: Schema.optional(Schema.Int),
  seed: Schema.Int,
  /** Flags for the measured processes, such as those of the profiler. */
  flags: Schema.Array(Schema.String)
})

export type Settings = typeof Settings.Type

export const SettingsText = Schema.fromJsonString(Settings)

export interface Bench {
  readonly name: string
  readonly title: string
  readonly run: (settings: Settings) => Effect.Effect<Findings, unknown, NodeServices>
}
