/**
 * What the management commands refuse before they send anything that changes something.
 */
import * as Schema from "effect/Schema"

/** The command cannot be done as it was given; nothing was changed. */
export class EndpointsRefused extends Schema.TaggedError<EndpointsRefused>()("EndpointsRefused", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `"stint endpoints ${this.command}" changed nothing: ${this.detail.replace(/([^.?])$/, "$1.")}`
  }
}
