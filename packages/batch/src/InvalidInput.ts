/**
 * What is wrong with an input: every line that cannot be used, found before anything is woken.
 */
import * as Schema from "effect/Schema"
import { Unit, place } from "./SourceError.ts"

/**
 * What is wrong with a line. `line` counts from 1; of CSV it is the line that the record begins on, and of Parquet the
 * row. `field` is a path in it, as in `body.messages[1].content`, or a column.
 */
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
export const format = (path: string, { line, field, detail }: Problem, unit?: Unit): string =>
  `${place(path, line, unit)}: ${field === undefined ? "" : `${field}: `}${detail}`

/**
 * Lines of an input cannot be used, or of Parquet rows, as `unit` says. `count` is how many; `problems` holds the first
 * 1,000 of them, in the order of lines. `canSkip` is false where whoever reads cannot leave them out.
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  path: Schema.String,
  count: Schema.Int,
  problems: Schema.Array(Problem),
  unit: Schema.optionalKey(Unit),
  canSkip: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    const unit = this.unit ?? "line"
    const shown = this.problems.slice(0, SHOWN).map((problem) => format(this.path, problem, unit))
    const rest = this.count - shown.length
    return [
      this.count === 1
        ? `A ${unit} of ${this.path} cannot be used:`
        : `${count(this.count)} ${unit}s of ${this.path} cannot be used:`,
      ...shown,
      ...(rest > 0 ? [`… and ${count(rest)} more`] : []),
      this.canSkip === false
        ? "Correct them, or take them out."
        : 'Correct them, or go on without them (for the command --skip-invalid, in code onInvalid: "skip").'
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
