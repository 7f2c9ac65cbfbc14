/**
 * When a schedule is due, in writing: as a person reads it, and as it is read again.
 */
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** When something is due: a cron expression, and the zone that it is meant in. */
export interface Times {
  readonly cron: string
  readonly zone: string
}

const field = (values: ReadonlySet<number>, all: number) =>
  values.size === 0 || values.size === all ? "*" : [...values].toSorted((one, other) => one - other).join(",")

/** The expression of a `Cron`; nothing where there is none that says the same. */
const expressionOf = (cron: Cron.Cron): string | undefined => {
  const { days, hours, minutes, months, seconds, weekdays } = cron
  // Whether it is due on the one and the other, or on either, it does not tell.
  if (days.size > 0 && weekdays.size > 0) return undefined
  const isWhole = seconds.size === 1 && seconds.has(0)
  return [
    ...(isWhole ? [] : [field(seconds, 60)]),
    field(minutes, 60),
    field(hours, 24),
    field(days, 31),
    field(months, 12),
    field(weekdays, 7)
  ].join(" ")
}

/** What a schedule was given, in writing. */
export const timesOf = (given: Cron.Cron | string, cron: Cron.Cron): Times | undefined => {
  const text = Cron.isCron(given) ? expressionOf(given) : given.trim().replaceAll(/\s+/g, " ")
  if (text === undefined) return undefined
  return { cron: text, zone: Option.match(cron.tz, { onNone: () => "UTC", onSome: DateTime.zoneToString }) }
}

/** The first time after a moment, in milliseconds since 1970; nothing where it cannot be read, or never comes. */
export const nextOf = ({ cron, zone }: Times, after: number): Effect.Effect<number | undefined> =>
  Effect.sync(() => {
    const parsed = Cron.parse(cron, zone)
    return Result.isSuccess(parsed) ? Cron.next(parsed.success, after).getTime() : undefined
  }).pipe(Effect.catchDefect(() => Effect.succeed(undefined)))
