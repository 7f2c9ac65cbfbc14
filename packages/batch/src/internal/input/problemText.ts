/**
 * What is wrong with a value, in one short line that is safe on a terminal: first the field, then what was expected.
 */
import * as SchemaIssue from "effect/SchemaIssue"

/** The longest text of a problem, in characters. */
export const LONGEST = 200

const LONGEST_FIELD = 64

// Every control character, what turns the direction of text around, and the ends of lines that are no line feed.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

const escaped = (text: string) =>
  text
    .toWellFormed()
    .replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** Text without control characters, cut to a length. */
export const safe = (text: string, longest: number = LONGEST): string => {
  // Cut first: the text may be as long as a line.
  const clean = escaped(text.slice(0, longest + 1))
  return clean.length > longest
    ? `${clean
        .slice(0, longest - 1)
        .toWellFormed()
        .replace(/\ufffd$/, "")}…`
    : clean
}

const isName = /^[A-Za-z_$][\w$]*$/

/** `body.messages[1].content` */
export const fieldOf = (path: ReadonlyArray<PropertyKey>): string | undefined => {
  if (path.length === 0) return undefined
  let field = ""
  for (const step of path) {
    if (typeof step === "number") field += `[${step}]`
    else if (typeof step === "string" && !isName.test(step)) field += `[${JSON.stringify(step)}]`
    else field += field === "" ? String(step) : `.${String(step)}`
    if (field.length > LONGEST_FIELD) break
  }
  return safe(field, LONGEST_FIELD)
}

/** A field and what is wrong with it. */
export interface Text {
  readonly field?: string
  readonly detail: string
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue))
})

/** The first thing that is wrong. */
export const fromIssue = (issue: SchemaIssue.Issue): Text => {
  const first = format(issue).issues[0]
  const steps = (first?.path ?? []).map((step) => (typeof step === "object" ? step.key : step))
  const field = fieldOf(steps)
  const detail = safe((first?.message ?? "cannot be used").replace(/\s*\n\s*/g, " "))
  return field === undefined ? { detail } : { field, detail }
}
