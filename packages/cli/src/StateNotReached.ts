/**
 * An endpoint that is not in the state that was waited for.
 */
import * as Schema from "effect/Schema"

/** The time was up, or the endpoint failed, before it was in that state. */
export class StateNotReached extends Schema.TaggedError<StateNotReached>()("StateNotReached", {
  name: Schema.String,
  wanted: Schema.String,
  state: Schema.String,
  waited: Schema.String,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    const why = this.detail === undefined ? "" : ` The server says: ${this.detail.replace(/\.?$/, ".")}`
    return `Endpoint "${this.name}" is "${this.state}" after ${this.waited}, not "${this.wanted}".${why} Look at it with: stint endpoints get ${this.name}`
  }
}
