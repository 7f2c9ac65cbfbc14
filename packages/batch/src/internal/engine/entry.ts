/**
 * How an outcome is written down.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import type { Job } from "../../Job.ts"
import type * as Journal from "../../Journal.ts"
import type { Failed, Outcome, Succeeded } from "../../Outcome.ts"
import * as Surely from "../protocol/surely.ts"

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

/** By what an error is known. */
export const tagOf = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "error"

const isList = (json: Schema.JsonArray | Schema.JsonObject): json is Schema.JsonArray => Array.isArray(json)

/** About how long JSON is as text, without writing it. */
export const sizeOf = (json: Schema.Json | undefined): number => {
  if (typeof json === "string") return json.length + 2
  if (typeof json !== "object" || json === null) return 8
  // Members of one array are mostly alike.
  if (isList(json)) return 2 + json.length * (1 + sizeOf(json[0]))
  let sum = 2
  // Not by entries: an array for each member of each answer is more than the counting.
  for (const key in json) if (Object.hasOwn(json, key)) sum += key.length + 4 + sizeOf(json[key])
  return sum
}

/** An error's own words. */
export const messageOf = (error: unknown): string =>
  Option.getOrElse(words(error), () => "an error that has no words for itself")

/** Not every error can be asked for its message. */
const words = Option.liftThrowable((error: unknown): string =>
  Predicate.isError(error)
    ? error.message
    : Option.match(asJson(error), { onNone: () => String(error), onSome: textOf })
)

const errorJson = (error: unknown, conceal: (text: string) => string): Schema.Json => {
  if (isFault(error)) {
    return {
      reason: error.reason,
      message: conceal(error.detail ?? error.message),
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.requestId === undefined ? {} : { requestId: conceal(error.requestId) })
    }
  }
  return { reason: tagOf(error), message: conceal(messageOf(error)) }
}

/** What both kinds of outcome know. */
export type Common<In> = Omit<Failed<In, never>, "_tag" | "error">

/** The record of an item that failed; it holds the input, so that it can be run again. */
export const failed = <In, E>(
  common: Common<In>,
  error: E | Fault,
  fingerprint: string,
  conceal: (text: string) => string
) => {
  const { attempts, durationMillis, key } = common
  const input = Option.getOrUndefined(asJson(common.input))
  const outcome: Failed<In, E> = { _tag: "Failed", ...common, error }
  const entry: Journal.Entry = {
    key,
    fingerprint,
    tag: "Failed",
    attempts,
    durationMillis,
    error: errorJson(error, conceal),
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
  const { attempts, durationMillis, input, key } = common
  const outcome: Succeeded<In, Out> = { _tag: "Succeeded", key, input, attempts, durationMillis, output }
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

/** By the schema, but for what is found good without it: `quick` gives that as the schema would, or nothing. */
const quicker =
  <A>(quick: (value: unknown) => A | undefined, bySchema: (value: unknown) => Option.Option<A>) =>
  (value: unknown): Option.Option<A> => {
    const found = quick(value)
    return found === undefined ? bySchema(value) : Option.some(found)
  }

// A copy, as the schema gives one: whoever has the output may not change what is yet to be written.
const listOf = (value: unknown) => (Surely.isFiniteList(value) ? value.slice() : undefined)

const jsonOf = (value: unknown) => (Surely.isFlatJson(value) ? value : undefined)

/** Outputs as JSON and back. */
export const codec = <In, Out, E, R>(job: Job<In, Out, E, R>): Codec<Out> => {
  const json = Schema.toCodecJson(job.output)
  const encode = Schema.encodeUnknownOption(json)
  const decode = Schema.decodeUnknownOption(json)
  // Vectors are long, and their numbers were looked at when they came.
  if (Surely.takesFiniteLists(job.output)) return { encode: quicker(listOf, encode), decode }
  return { encode: Surely.takesJson(job.output) ? quicker(jsonOf, encode) : encode, decode }
}
