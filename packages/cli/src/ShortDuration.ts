/**
 * Durations as people type them: `500ms`, `2s`, `10m`, `1h`, or spelt out: `2 seconds`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

const units: Record<string, number> = {
  ms: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000
}

const parse = (text: string): Option.Option<Duration.Duration> => {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim())
  const unit = units[match?.[2] ?? ""]
  return match === null || unit === undefined
    ? Option.none()
    : Option.some(Duration.millis(Number(match[1]) * unit))
}

/** The codec of a duration on the command line. */
export const ShortDuration = Schema.String.pipe(
  Schema.decodeTo(Schema.Duration, {
    decode: SchemaGetter.transformEffect((text: string) =>
      Option.match(parse(text), {
        onNone: () =>
          Effect.fail(
            new SchemaIssue.InvalidValue({ message: "expected a duration, as in 500ms, 2s, 10m or 1h" }, text)
          ),
        onSome: Effect.succeed
      })
    ),
    encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
  })
)

/** The same, above 0: for what cannot be done in no time. */
export const PositiveDuration = ShortDuration.check(
  Schema.makeFilter(
    (duration: Duration.Duration) => Duration.toMillis(duration) > 0 || "expected a duration above 0"
  )
)
