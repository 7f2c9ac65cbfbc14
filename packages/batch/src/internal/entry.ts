/**
 * How an outcome is written down.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Fault } from "../Fault.ts"
import type { Job } from "../Job.ts"
import type * as Journal from "../Journal.ts"
import type { Failed, Outcome, Succeeded } from "../Outcome.ts"

/** An outcome, and its record; what was skipped has one already. */
export interface Written<In, Out, E> {
  readonly outcome: Outcome<In, Out, E>
  readonly entry: Journal.Entry | undefined
  /** What it held of the run's memory. */
  readonly bytes: number
}

/** Whether an item's error is a classified one. */
export const isFault = (error: unknown): error is Fault => error instanceof Fault

const asJson = Schema.decodeUnknownOption(Schema.Json)

const textOf = (json: Schema.Json) => (typeof json === "string" ? json : JSON.stringify(json))

/** An error's own words. */
export const messageOf = (error: unknown): string => {
  if (Predicate.isError(error)) return error.message
  return Option.match(asJson(error), { onNone: () => String(error), onSome: textOf })
}

const errorJson = (error: unknown): Schema.Json => {
  if (isFault(error)) {
    return {
      reason: error.reason,
      message: error.detail ?? error.message,
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.requestId === undefined ? {} : { requestId: error.requestId })
    }
  }
  const tag = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "error"
  return { reason: tag, message: messageOf(error) }
}

/** What both kinds of outcome know. */
export type Common<In> = Omit<Failed<In, never>, "_tag" | "error">

/** The record of an item that failed; it holds the input, so that it can be run again. */
export const failed = <In, E>(common: Common<In>, error: E | Fault, fingerprint: string) => {
  const { attempts, durationMillis, key } = common
  const input = Option.getOrUndefined(asJson(common.input))
  const outcome: Failed<In, E> = { _tag: "Failed", ...common, error }
  const entry: Journal.Entry = {
    key,
    fingerprint,
    tag: "Failed",
    attempts,
    durationMillis,
    error: errorJson(error),
    ...(input === undefined ? {} : { input })
  }
  return { outcome, entry }
}

/** The record of an item that succeeded, with its output as JSON. */
export const succeeded = <In, Out>(
  common: Common<In>,
  output: Out,
  encoded: Schema.Json,
  fingerprint: string
) => {
  const { attempts, durationMillis, key } = common
  const outcome: Succeeded<In, Out> = { _tag: "Succeeded", ...common, output }
  const entry: Journal.Entry = {
    key,
    fingerprint,
    tag: "Succeeded",
    attempts,
    durationMillis,
    output: encoded
  }
  return { outcome, entry }
}

/** An output that cannot be written down is a failure of its row: it would be lost. */
export const unwritable = new Fault({
  reason: "row",
  detail: "the output does not fit the job's output schema, so it cannot be written down"
})

/** Outputs as JSON and back. */
export interface Codec<Out> {
  readonly encode: (output: unknown) => Option.Option<Schema.Json>
  readonly decode: (json: unknown) => Option.Option<Out>
}

/** Outputs as JSON and back. */
export const codec = <In, Out, E, R>(job: Job<In, Out, E, R>): Codec<Out> => {
  const json = Schema.toCodecJson(job.output)
  return { encode: Schema.encodeUnknownOption(json), decode: Schema.decodeUnknownOption(json) }
}
