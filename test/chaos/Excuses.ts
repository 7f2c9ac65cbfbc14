/** What a process may end with, by what happened to it: any other end is a violation. */
import { Cause } from "effect"
import type * as Schedule from "./Schedule.ts"

/** The tag of what a process ended with. */
export const tagOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "interrupted"
  const error = Cause.squash(cause)
  return typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Defect"
}

/** Whether a process that went through this may end so. */
export const isExcused = (
  tag: string,
  seen: {
    readonly deeds: ReadonlySet<Schedule.Deed>
    readonly managementFaults: number
    readonly gone: number
    readonly accounts: number
    readonly failures: number
    readonly isFull: boolean
    readonly isInterrupted: boolean
    /** Whether a neighbour held the endpoint or was about to. */
    readonly hadNeighbour: boolean
    readonly mayFailToGuard: boolean
    readonly hasDeadline: boolean
  }
): boolean => {
  switch (tag) {
    case "PausedByOther":
      return seen.deeds.has("pause")
    case "EndpointGone":
    case "NotFound":
      return seen.deeds.has("delete")
    case "EndpointFailed":
      return seen.deeds.has("fail")
    case "ApiError":
    case "ReleaseUnconfirmed":
      return seen.managementFaults > 0
    case "Unstable":
      return seen.gone >= 10
    case "AccountRefused":
      return seen.accounts > 0
    case "BudgetExceeded":
      return seen.failures >= 10
    case "JournalError":
    case "PlatformError":
      return seen.isFull
    case "LeasedElsewhere":
      return seen.hadNeighbour
    case "LeaseRecordError":
      return seen.isFull || seen.mayFailToGuard
    case "DeadlineReached":
      return seen.hasDeadline
    case "interrupted":
      return seen.isInterrupted
    default:
      return false
  }
}
