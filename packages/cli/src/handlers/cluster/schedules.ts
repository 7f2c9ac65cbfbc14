/** How the schedules of a cluster look, to a person and to a program. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Age from "../../ui/Age.ts"
import * as Cells from "../../ui/Cells.ts"
import * as Table from "../../ui/Table.ts"

/** A schedule, as the cluster knows it. */
export type Status = import("@stint/cluster/ClusterSchedule").Status

/** A schedule for a program: times are ISO 8601 in UTC. */
export const ScheduleJson = Schema.Struct({
  schedule: Schema.String,
  cron: Schema.NullOr(Schema.String),
  zone: Schema.NullOr(Schema.String),
  nextAt: Schema.NullOr(Schema.String),
  last: Schema.NullOr(
    Schema.Struct({ run: Schema.String, dueAt: Schema.String, state: Schema.NullOr(Schema.String) })
  ),
  skipped: Schema.NullOr(Schema.Struct({ dueAt: Schema.String, why: Schema.String })),
  failed: Schema.NullOr(Schema.Struct({ dueAt: Schema.String, why: Schema.String }))
})

const iso = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

const leftOut = (one: { readonly due: number; readonly why: string } | undefined) =>
  one === undefined ? null : { dueAt: iso(one.due), why: one.why }

/** A schedule for a program. */
export const toJson = ({
  failed,
  last,
  next,
  schedule,
  skipped,
  state,
  times
}: Status): typeof ScheduleJson.Type => ({
  schedule,
  cron: times?.cron ?? null,
  zone: times?.zone ?? null,
  nextAt: next === undefined ? null : iso(next),
  last: last === undefined ? null : { run: last.run, dueAt: iso(last.due), state: state ?? null },
  skipped: leftOut(skipped),
  failed: leftOut(failed)
})

/** `2026-11-22 02:00` on the clocks of the schedule's zone. */
const local = (millis: number, { times }: Status) => {
  const zone = Option.getOrElse(DateTime.zoneFromString(times?.zone ?? "UTC"), () =>
    DateTime.zoneMakeOffset(0)
  )
  const text = DateTime.formatIsoZoned(DateTime.makeZonedUnsafe(millis, { timeZone: zone }))
  return text.slice(0, 16).replace("T", " ")
}

const whyOf = { busy: "the run before it went on", missed: "no worker was there" } as const

/** What was left out or failed since its last run was begun, and nothing of what is long over. */
const troubles = (status: Status): ReadonlyArray<string> => {
  const { failed, last, schedule, skipped } = status
  const isNew = (due: number) => last === undefined || due >= last.due
  return [
    ...(skipped !== undefined && isNew(skipped.due)
      ? [`${schedule}: ${local(skipped.due, status)} was left out: ${whyOf[skipped.why]}`]
      : []),
    ...(failed !== undefined && isNew(failed.due)
      ? [`${schedule}: ${local(failed.due, status)} could not be started: ${failed.why}`]
      : [])
  ].map(Cells.oneLine)
}

/** The schedules as a table, and beneath it what went wrong since their last runs. */
export const text = (
  schedules: ReadonlyArray<Status>,
  { now, width }: { readonly now: number; readonly width: number | undefined }
): string => {
  const table = Table.fit(
    ["schedule", "due", "zone", "next", "last run", "state"],
    schedules.map((one) => [
      one.schedule,
      one.times?.cron ?? "-",
      one.times?.zone ?? "-",
      one.next === undefined ? "-" : local(one.next, one),
      one.last === undefined ? "-" : `${Age.format(iso(one.last.due), now)} ago`,
      one.state ?? "-"
    ]),
    { width, cut: { schedule: 12, due: 9, zone: 10 }, drop: [], right: ["last run"] }
  )
  return [table, ...schedules.flatMap(troubles)].join("\n")
}
