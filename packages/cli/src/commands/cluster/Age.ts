/** Ages as people type them: `30d`, `12h`. */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { ShortDuration } from "../../ShortDuration.ts"

/** The codec of an age on the command line: a duration, or days. */
export const Age = Schema.String.pipe(
  Schema.decodeTo(ShortDuration, {
    decode: SchemaGetter.transform((text: string) =>
      text.trim().replace(/^(\d+(?:\.\d+)?)\s*(?:d|days?)$/, (_, days: string) => `${Number(days) * 24}h`)
    ),
    encode: SchemaGetter.transform((text: string) => text)
  })
)
