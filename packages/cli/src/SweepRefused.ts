/**
 * A sweep that was not done.
 */
import * as Schema from "effect/Schema"

/** There is something to release, and nobody to ask. */
export class SweepRefused extends Schema.TaggedError<SweepRefused>()("SweepRefused", { count: Schema.Int }) {
  override get message() {
    return `${this.count === 1 ? "An endpoint is" : `${this.count} endpoints are`} to be released, and there is no terminal to ask on: nothing was done. Run it again with --yes.`
  }
}
