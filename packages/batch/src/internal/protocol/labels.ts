/**
 * What classifiers answer to several texts: a list of classes for each, or one class for each in one list.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import { decoding } from "./decoding.ts"

/** A class and how sure the model is of it, from 0 to 1. */
export const Label = Schema.Struct({ label: Schema.String, score: Schema.Finite })

/** A class and how sure the model is of it, from 0 to 1. */
export type Label = typeof Label.Type

type Labels = ReadonlyArray<Label>

const One = Schema.Array(Label)
const decodeAny = decoding(
  Schema.Union([One, Schema.Tuple([One])]),
  "a text-classification model for one text"
)
const isNested = (value: Labels | readonly [Labels]): value is readonly [Labels] => Array.isArray(value[0])

/** The classes of one text. */
export const decodeOne = (answer: { readonly body: Schema.Json }): Effect.Effect<Labels, Fault> =>
  Effect.map(decodeAny(answer), (labels) => (isNested(labels) ? labels[0] : labels))

const decodeEach = Schema.decodeUnknownOption(
  Schema.Array(Schema.Union([Label, Schema.NonEmptyArray(Label)]))
)

const isMany = (each: Label | Labels): each is Labels => Array.isArray(each)

const useless = (detail: string) => Result.fail(new Fault({ reason: "engine", detail }))

/** The classes of each of so many texts. */
export const decode = (body: unknown, count: number): Result.Result<ReadonlyArray<Labels>, Fault> => {
  const answers = Option.getOrUndefined(decodeEach(body))
  if (answers === undefined) {
    return useless("the endpoint does not answer as a text-classification model for several texts does")
  }
  if (answers.length !== count) return useless(`${answers.length} classifications for ${count} texts`)
  return Result.succeed(answers.map((each) => (isMany(each) ? each : [each])))
}
