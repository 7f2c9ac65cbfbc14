/**
 * What is wrong with an input: every line that cannot be used, found before anything is woken.
 */
import * as Schema from "effect/Schema"

/** What is wrong with a line. `line` counts from 1; `field` is a path in it, as in `body.messages[1].content`. */
export const Problem = Schema.Struct({
  line: Schema.Int,
  field: Schema.optionalKey(Schema.String),
  detail: Schema.String
})

/** What is wrong with a line. */
export type Problem = typeof Problem.Type

const SHOWN = 10

const count = (n: number) => n.toLocaleString("en-US")

/** `rows.jsonl:17: body.messages[0].content: Expected text` */
export const format = (path: string, { line, field, detail }: Problem): string =>
  `${path}:${line}: ${field === undefined ? "" : `${field}: `}${detail}`

/**
 * Lines of an input cannot be used. `count` is how many; `problems` holds the first 1,000 of them, in the order of lines.
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  path: Schema.String,
  count: Schema.Int,
  problems: Schema.Array(Problem)
}) {
  override get message() {
    const shown = this.problems.slice(0, SHOWN).map((problem) => format(this.path, problem))
    const rest = this.count - shown.length
    return [
      this.count === 1
        ? `A line of ${this.path} cannot be used:`
        : `${count(this.count)} lines of ${this.path} cannot be used:`,
      ...shown,
      ...(rest > 0 ? [`… and ${count(rest)} more`] : []),
      'Correct them, or go on without them (for the command --skip-invalid, in code onInvalid: "skip").'
    ].join("\n")
  }
}

/**
 * An input is no longer what was checked: somebody wrote to it since. Nothing was read from it after that.
 */
export class InputChanged extends Schema.TaggedError<InputChanged>()("InputChanged", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.path} was changed after it was checked: ${this.detail}. What was done by then is kept; run again once nobody writes to it.`
  }
}
