/**
 * A text with places for the columns of a row: `Summarise: {{text}}`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ProblemText from "./internal/input/problemText.ts"

/** A template cannot be read. `at` is the character that the trouble begins at, counted from 1. */
export class InvalidTemplate extends Schema.TaggedError<InvalidTemplate>()("InvalidTemplate", {
  at: Schema.Int,
  detail: Schema.String
}) {
  override get message() {
    return `The template cannot be read: character ${this.at}: ${this.detail}. Write a column as {{name}}, and two braces that are text as \\{{; then run again.`
  }
}

/** A template that was read: texts, and between them the places to fill. */
export interface Template {
  /** The columns that it takes, each once: of `{{a.b}}` this is `a.b`. */
  readonly columns: ReadonlyArray<string>
  readonly parts: ReadonlyArray<Part>
}

/** Text, or a place to fill. */
export type Part = string | { readonly column: string }

/** Why a row cannot fill a template. */
export interface Unfilled {
  readonly field: string
  readonly detail: string
}

const OPEN = "{{"
const CLOSE = "}}"

/** Reads the places of a template; throws nothing, says where it is wrong. */
const parse = (text: string): Template | InvalidTemplate => {
  const parts: Array<Part> = []
  const columns = new Set<string>()
  let literal = ""
  let at = 0
  while (at < text.length) {
    const open = text.indexOf(OPEN, at)
    if (open < 0) break
    const before = text.slice(at, open)
    const slashes = /\\*$/.exec(before)?.[0].length ?? 0
    // Of each two backslashes before braces one stays; an odd one makes the braces text.
    literal += before.slice(0, before.length - slashes) + "\\".repeat(Math.floor(slashes / 2))
    if (slashes % 2 === 1) {
      literal += OPEN
      at = open + OPEN.length
      continue
    }
    const close = text.indexOf(CLOSE, open)
    if (close < 0) return new InvalidTemplate({ at: open + 1, detail: "{{ is never closed" })
    const column = text.slice(open + OPEN.length, close).trim()
    if (column === "") return new InvalidTemplate({ at: open + 1, detail: "{{}} names no column" })
    if (column.includes("{")) {
      return new InvalidTemplate({
        at: open + 1,
        detail: `${ProblemText.safe(column, 40)} cannot be a column`
      })
    }
    if (literal !== "") parts.push(literal)
    literal = ""
    parts.push({ column })
    columns.add(column)
    at = close + CLOSE.length
  }
  literal += text.slice(at)
  if (literal !== "") parts.push(literal)
  return { columns: [...columns], parts }
}

/**
 * Reads a template. `{{name}}` stands for a column, `{{a.b}}` for a member of an object (where no column has that very
 * name), `{{list.0}}` for one of a list; spaces around a name do not count. `\{{` is `{{` as text. Single braces and `}}`
 * need nothing.
 *
 * **Example** (A prompt for each row)
 *
 * ```ts
 * import { Template } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const prompt = Effect.runSync(Template.make("Summarise: {{text}} ({{meta.lang}})"))
 * console.log(Template.render(prompt, { text: "A long story", meta: { lang: "en" } })) // => Summarise: A long story (en)
 * ```
 */
export const make = (text: string): Effect.Effect<Template, InvalidTemplate> =>
  Effect.suspend(() => {
    const template = parse(text)
    return template instanceof InvalidTemplate ? Effect.fail(template) : Effect.succeed(template)
  })

/**
 * Text as it is written in a template to mean itself.
 *
 * **Example** (Braces that mean themselves)
 *
 * ```ts
 * import { Template } from "@stint/batch"
 *
 * console.log(Template.escape("{{x}}")) // => \{{x}}
 * ```
 */
export const escape = (text: string): string =>
  text.replace(/(\\*)\{\{/g, (_, slashes: string) => `${slashes}${slashes}\\{{`)

const isNamed = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array)

/** The value of a column or of a member of one; nothing where there is none. */
export const valueAt = (row: unknown, column: string): unknown => {
  if (!isNamed(row)) return undefined
  if (Object.hasOwn(row, column)) return row[column]
  if (!column.includes(".")) return undefined
  let value: unknown = row
  for (const step of column.split(".")) {
    if (!isNamed(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}

const textOf = (value: unknown): string | Omit<Unfilled, "field"> => {
  switch (typeof value) {
    case "string":
      return value
    case "number":
    case "boolean":
    case "bigint":
      return String(value)
    case "object":
      if (value === null) return { detail: "is null, and the template needs it" }
      if (value instanceof Uint8Array) return { detail: "is binary, and a template takes text" }
      return JSON.stringify(value)
    default:
      return { detail: "is missing, and the template needs it" }
  }
}

/**
 * The text of a template for a row. Numbers and booleans are written as they are, lists and objects as JSON; a column that
 * is missing, null or binary is an {@link Unfilled}.
 *
 * **Example** (A column that is missing)
 *
 * ```ts
 * import { Template } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const prompt = Effect.runSync(Template.make("Summarise: {{text}}"))
 * console.log(JSON.stringify(Template.render(prompt, { txt: "A long story" }))) // => {"field":"text","detail":"is missing, and the template needs it"}
 * ```
 */
export const render = (template: Template, row: unknown): string | Unfilled => {
  let text = ""
  for (const part of template.parts) {
    if (typeof part === "string") {
      text += part
      continue
    }
    const filled = textOf(valueAt(row, part.column))
    if (typeof filled !== "string") return { field: part.column, ...filled }
    text += filled
  }
  return text
}
