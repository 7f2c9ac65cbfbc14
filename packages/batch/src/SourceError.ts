/**
 * An input that cannot be read.
 */
import * as Schema from "effect/Schema"

/** What the number of a record counts: lines of text, or rows of Parquet. */
export const Unit = Schema.Literals(["line", "row"])

/** What the number of a record counts: lines of text, or rows of Parquet. */
export type Unit = typeof Unit.Type

/** `rows.jsonl:17`, and of Parquet `rows.parquet: row 17`. */
export const place = (path: string, number: number, unit: Unit = "line"): string =>
  unit === "line" ? `${path}:${number}` : `${path}: row ${number}`

/**
 * A line of an input cannot be used, or of Parquet a row, as `unit` says. `line` counts from 1; 0 stands for the whole
 * file.
 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  path: Schema.String,
  line: Schema.Int,
  detail: Schema.String,
  unit: Schema.optionalKey(Unit)
}) {
  override get message() {
    const detail = this.detail.replace(/\.?$/, ".")
    return this.line === 0
      ? `The input ${this.path} cannot be read: ${detail} Mend that and run again.`
      : `${place(this.path, this.line, this.unit)}: ${detail} Correct the ${this.unit ?? "line"} and run again.`
  }
}
