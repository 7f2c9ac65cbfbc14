/** What a look at an endpoint came to. */
import * as Schema from "effect/Schema"

/**
 * | finding | means |
 * | --- | --- |
 * | `Held` | somebody holds it, and it is as it was |
 * | `Woken` | a holder that had been given up is back, and it was resumed for it |
 * | `Released` | nobody holds it, and it is as its policy wants, read back; `isAlready`: as it was before |
 * | `Unconfirmed` | nobody holds it, and it may be billing: to be tried again |
 * | `Unknown` | nobody ever held it |
 */
export const Finding = Schema.TaggedUnion({
  Held: { detail: Schema.String },
  Woken: {},
  Released: { detail: Schema.String, isAlready: Schema.optionalKey(Schema.Boolean) },
  Unconfirmed: { detail: Schema.String },
  Unknown: {}
})

export type Finding = typeof Finding.Type

/** An endpoint could not be looked at or woken. */
export class ReconcileFailed extends Schema.TaggedError<ReconcileFailed>()("ReconcileFailed", {
  /** `namespace/name`, or `*`. */
  endpoint: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.endpoint}" could not be brought to what its leases say: ${this.detail}. It is tried again at the next look, as long as a worker runs; without one, run: stint cluster reap.`
  }
}
