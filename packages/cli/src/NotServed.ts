/**
 * An emulator that was not begun.
 */
import * as Schema from "effect/Schema"

/** The address cannot be listened on. */
export class NotServed extends Schema.TaggedError<NotServed>()("NotServed", {
  host: Schema.String,
  port: Schema.Int,
  why: Schema.String
}) {
  override get message() {
    return `Cannot listen on ${this.host}, port ${this.port}: ${this.why}. Choose another --port (0 takes a free one), or another --host.`
  }
}
