/**
 * How long ago something was, in one number and one letter.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

const units = [
  ["y", 365 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000]
] as const

/** `3d`: the age at `now` (milliseconds) of a moment in RFC 3339; `-` where that is not known. */
export const format = (moment: string | null | undefined, now: number): string => {
  const then = DateTime.make(moment ?? "")
  if (Option.isNone(then)) return "-"
  const millis = Math.max(0, now - DateTime.toEpochMillis(then.value))
  const unit = units.find(([, length]) => millis >= length)
  return unit === undefined ? "0s" : `${Math.floor(millis / unit[1])}${unit[0]}`
}
