/**
 * What does not fit a schema, in a few short lines for a model and for a person.
 */
import * as SchemaIssue from "effect/SchemaIssue"
import { fieldOf, safe } from "../input/problemText.ts"

/** How many problems are told. */
const TOLD = 3

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue))
})

/** The first problems, each with its path. */
export const fromIssue = (issue: SchemaIssue.Issue): ReadonlyArray<string> => {
  const { issues } = format(issue)
  const told = issues.slice(0, TOLD).map(({ message, path = [] }) => {
    const field = fieldOf(path.map((step) => (typeof step === "object" ? step.key : step)))
    const detail = safe(message.replace(/\s*\n\s*/g, " "))
    return field === undefined ? detail : `${field}: ${detail}`
  })
  const rest = issues.length - told.length
  return rest > 0 ? [...told, `and ${rest} more`] : told
}

/** Why no value was found in a text. */
export const notOne = (said: string): string =>
  said.trim() === ""
    ? "it is empty"
    : /[{[]/.test(said)
      ? "it is not one JSON value: the JSON in it is broken, or there is more than one"
      : "there is no JSON in it"
