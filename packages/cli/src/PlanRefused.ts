/**
 * A plan that was not made.
 */
import * as Schema from "effect/Schema"

/** A plan needs to know more; nothing was woken. */
export class PlanRefused extends Schema.TaggedError<PlanRefused>()("PlanRefused", { detail: Schema.String }) {
  override get message() {
    return `There is nothing to plan with: ${this.detail.replace(/\.?$/, ".")}`
  }
}
