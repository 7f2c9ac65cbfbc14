/**
 * A port to listen on, as a flag takes it.
 */
import * as Schema from "effect/Schema"

/** 0 is any that is free. */
export const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))
