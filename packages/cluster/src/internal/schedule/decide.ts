/**
 * What is to become of what is due: a function of times and nothing else, so that every worker decides the same.
 */
import * as Cron from "effect/Cron"

/** Later than that a tick was missed: up to there, somebody was only slow. */
export const LATE = 60_000

/** Why a tick was left out. */
export type Why = "busy" | "missed"

/** What is known. Times are in milliseconds since 1970. */
export interface Known {
  readonly now: number
  /** The last tick that was decided upon, or when the schedule began. */
  readonly seen: number
  /** Whether the former run goes on. */
  readonly isBusy: boolean
  /** How late a tick may begin. */
  readonly within: number
}

/** What is decided: the tick that is seen now, what to start, and what was left out. */
export interface Decision {
  readonly seen: number
  readonly start: number | undefined
  readonly skipped: { readonly due: number; readonly why: Why } | undefined
}

/** The last tick after one moment and not after another. */
const latest = (cron: Cron.Cron, after: number, until: number): number | undefined => {
  // `prev` is before the moment that it is given.
  const due = Cron.prev(cron, until + 1000).getTime()
  const last = due <= until ? due : Cron.prev(cron, until).getTime()
  return last > after ? last : undefined
}

/** Of all ticks that are due only the last one is run, if any; nothing where none is due. */
export const decide = (cron: Cron.Cron, known: Known): Decision | undefined => {
  const { isBusy, now, seen, within } = known
  const due = latest(cron, seen, now)
  if (due === undefined) return undefined
  if (isBusy) return { seen: due, start: undefined, skipped: { due, why: "busy" } }
  if (now - due > within) return { seen: due, start: undefined, skipped: { due, why: "missed" } }
  const before = latest(cron, seen, due - 1)
  return {
    seen: due,
    start: due,
    skipped: before === undefined ? undefined : { due: before, why: "missed" }
  }
}
