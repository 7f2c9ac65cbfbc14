/** How rows fared that met trouble on their way: a line of JSON. */
import { Schema } from "effect"

export const Fared = Schema.fromJsonString(
  Schema.Struct({
    succeeded: Schema.Int,
    /** Given up. */
    failed: Schema.Int,
    /** Neither: a second run would go on with them. */
    left: Schema.Int,
    firstError: Schema.String,
    seconds: Schema.Finite
  })
)
