/**
 * What the command's exit code means. A release that is not confirmed wins over every other code.
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** The codes, by what they mean. */
export const ExitCode = {
  success: 0,
  defect: 1,
  refused: 2,
  itemsFailed: 3,
  stopped: 4,
  releaseUnconfirmed: 5,
  notReady: 6,
  pausedByOther: 7,
  locked: 8,
  unwell: 9
} as const

/** The signals that end the command, and the codes that say so. */
export const signalCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** A signal that ends the command. */
export type Signal = keyof typeof signalCodes

const byTag: Record<string, number> = {
  // Refused before anything was woken.
  ShowHelp: ExitCode.refused,
  ScheduleRefused: ExitCode.refused,
  PlanRefused: ExitCode.refused,
  JobFlagRefused: ExitCode.refused,
  SchemaRefused: ExitCode.refused,
  MediaRefused: ExitCode.refused,
  SourceError: ExitCode.refused,
  DatasetError: ExitCode.refused,
  InvalidInput: ExitCode.refused,
  DuplicateKey: ExitCode.refused,
  FingerprintChanged: ExitCode.refused,
  SpecFileError: ExitCode.refused,
  InputFlagRefused: ExitCode.refused,
  InvalidTemplate: ExitCode.refused,
  TokenMissing: ExitCode.refused,
  CredentialsRefused: ExitCode.refused,
  ConfigError: ExitCode.refused,
  ConfigFileError: ExitCode.refused,
  FilesInTheWay: ExitCode.refused,
  FolderRefused: ExitCode.refused,
  NotServed: ExitCode.refused,
  MetricsNotServed: ExitCode.refused,
  AdoptionRefused: ExitCode.refused,
  LeaseRecordError: ExitCode.refused,
  RecordsUnreadable: ExitCode.refused,
  SweepRefused: ExitCode.refused,
  DatabaseUrlRefused: ExitCode.refused,
  DatabaseNotReached: ExitCode.refused,
  NotMigrated: ExitCode.refused,
  MigrationFailed: ExitCode.refused,
  RunNotFound: ExitCode.refused,
  RunExists: ExitCode.refused,
  RunRefused: ExitCode.refused,
  ParametersRefused: ExitCode.refused,
  ExportFailed: ExitCode.refused,
  MoneyRefused: ExitCode.refused,
  PriceUnknown: ExitCode.refused,
  CapTooSmall: ExitCode.refused,
  ReportUnreadable: ExitCode.refused,
  EndpointsRefused: ExitCode.refused,
  HardwareUnavailable: ExitCode.refused,
  // Stopped with the work kept.
  AccountRefused: ExitCode.stopped,
  Unstable: ExitCode.stopped,
  BudgetExceeded: ExitCode.stopped,
  DeadlineReached: ExitCode.stopped,
  CostCapReached: ExitCode.stopped,
  InputChanged: ExitCode.stopped,
  ItemsChanged: ExitCode.stopped,
  EndpointGone: ExitCode.stopped,
  RunCancelled: ExitCode.stopped,
  RunBroken: ExitCode.stopped,
  DatabaseFailed: ExitCode.stopped,
  JournalError: ExitCode.stopped,
  ResultsUnwritten: ExitCode.stopped,
  ResultsMiscounted: ExitCode.stopped,
  ReleaseUnconfirmed: ExitCode.releaseUnconfirmed,
  // The command that reaps: what it could not look at may be billing.
  ReconcileFailed: ExitCode.releaseUnconfirmed,
  NotFound: ExitCode.notReady,
  EndpointMissing: ExitCode.notReady,
  StateNotReached: ExitCode.notReady,
  Conflict: ExitCode.notReady,
  QuotaExceeded: ExitCode.notReady,
  SpecMismatch: ExitCode.notReady,
  Timeout: ExitCode.notReady,
  EndpointFailed: ExitCode.notReady,
  CallForbidden: ExitCode.notReady,
  ApiError: ExitCode.notReady,
  PausedByOther: ExitCode.pausedByOther,
  FolderLocked: ExitCode.locked,
  LeasedElsewhere: ExitCode.locked,
  LeaseConflict: ExitCode.locked
}

const tagOf = (error: unknown) =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : ""

const failures = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> =>
  cause.reasons.flatMap((reason) => (Cause.isFailReason(reason) ? [reason.error] : []))

/** The error of a cause that decides: an unconfirmed release first, then whatever failed first. */
export const decidingError = (cause: Cause.Cause<unknown>): Option.Option<unknown> => {
  const errors = failures(cause)
  const worst = errors.find((error) => tagOf(error) === "ReleaseUnconfirmed")
  return Option.fromNullishOr(worst ?? errors[0])
}

/** The server refused what was asked, as it would refuse it again: nothing was woken. */
const isRefusal = (error: unknown) =>
  tagOf(error) === "ApiError" &&
  Predicate.hasProperty(error, "reason") &&
  tagOf(error.reason) === "InvalidRequest"

/** The code for a cause; a cause with nothing but a defect is a fault of ours. */
export const fromCause = (cause: Cause.Cause<unknown>): number =>
  Option.match(decidingError(cause), {
    onNone: () => ExitCode.defect,
    onSome: (error) => (isRefusal(error) ? ExitCode.refused : (byTag[tagOf(error)] ?? ExitCode.defect))
  })
