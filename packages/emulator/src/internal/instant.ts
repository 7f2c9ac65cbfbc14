/** RFC 3339 to the nanosecond, as the server writes and reads it. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BadRequest } from "@stint/core/ControlPlane"

/** RFC 3339 with 0, 3, 6 or 9 fraction digits, as the server's own library writes it. */
export const format = (nanos: bigint): string => {
  const seconds = DateTime.formatIso(DateTime.makeUnsafe(Number(nanos / 1_000_000n))).slice(0, 19)
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/(?:000){1,3}$/, "")
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`
}

/** A moment in milliseconds, written the same way. */
export const formatMillis = (millis: number): string => format(BigInt(Math.round(millis)) * 1_000_000n)

const pattern = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/

/** Nanoseconds since 1970. A value that is no RFC 3339 is refused by the name of its field. */
export const parse = (field: string, text: string): Effect.Effect<bigint, BadRequest> => {
  const [, seconds, fraction = "", zone = "Z"] = pattern.exec(text) ?? []
  const whole =
    seconds === undefined ? Option.none() : DateTime.make(`${seconds.replace(" ", "T")}${zone.toUpperCase()}`)
  return Option.match(whole, {
    onNone: () =>
      Effect.fail(
        new BadRequest({
          error: `${field}: expected a date and time as in RFC 3339`,
          code: "VALIDATION_FAILED"
        })
      ),
    onSome: (at) =>
      Effect.succeed(BigInt(DateTime.toEpochMillis(at)) * 1_000_000n + BigInt(fraction.padEnd(9, "0")))
  })
}
