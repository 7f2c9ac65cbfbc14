/**
 * A run whose metrics nobody could read.
 */
import * as Schema from "effect/Schema"

/** The address for the metrics cannot be listened on; nothing was woken. */
export class MetricsNotServed extends Schema.TaggedError<MetricsNotServed>()("MetricsNotServed", {
  host: Schema.String,
  port: Schema.Int,
  why: Schema.String,
  /** The flag that the port came from; default `metrics-port`. */
  flag: Schema.optional(Schema.String)
}) {
  override get message() {
    return `Cannot serve metrics on ${this.host}, port ${this.port}: ${this.why}. Choose another --${this.flag ?? "metrics-port"} (0 takes a free one), or another address to listen on; nothing was woken.`
  }
}
