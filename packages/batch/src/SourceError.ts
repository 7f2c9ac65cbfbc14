/**
 * An input that cannot be read.
 */
import * as Schema from "effect/Schema"

/** A line of an input cannot be used. `line` counts from 1; 0 stands for the whole file. */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  path: Schema.String,
  line: Schema.Int,
  detail: Schema.String
}) {
  override get message() {
    const detail = this.detail.replace(/\.?$/, ".")
    return this.line === 0
      ? `The input ${this.path} cannot be read: ${detail} Mend that and run again.`
      : `${this.path}:${this.line}: ${detail} Correct the line and run again.`
  }
}
