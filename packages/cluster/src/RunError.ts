/**
 * Why a run of the cluster did not come to its end: the errors of batch and core, as a run keeps them, and its own.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { EndpointError } from "@stint/core"
import { Batch, CostCap, FailureBudget, Journal, Leases, ManagedEndpoint, Source } from "@stint/batch"

/** There is no run of that name. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { run: Schema.String }) {
  override get message() {
    return `There is no run "${this.run}" in this cluster. It may have been purged; look at the list of runs.`
  }
}

/** There is a run of that name already, of something else. */
export class RunExists extends Schema.TaggedError<RunExists>()("RunExists", {
  run: Schema.String,
  state: Schema.String
}) {
  override get message() {
    return `There is a run "${this.run}" already (${this.state}), of another input or with other settings. Choose another name, or purge that run first.`
  }
}

/** The run cannot be started, or not go on, as it is. Nothing was changed. */
export class RunRefused extends Schema.TaggedError<RunRefused>()("RunRefused", {
  run: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The run "${this.run}" is refused: ${this.detail.replace(/\.?$/, ".")} Nothing was changed.`
  }
}

/** What the run was started with is not what its definition takes. */
export class ParametersRefused extends Schema.TaggedError<ParametersRefused>()("ParametersRefused", {
  definition: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The definition "${this.definition}" does not take these parameters: ${this.detail.replace(/\.?$/, ".")} Correct them and start again.`
  }
}

/** Somebody cancelled the run. What was done is kept. */
export class RunCancelled extends Schema.TaggedError<RunCancelled>()("RunCancelled", {
  run: Schema.String
}) {
  override get message() {
    return `The run "${this.run}" was cancelled. Finished work is kept; resume it to go on with what is left.`
  }
}

/** The results could not be written to files: the folder cannot be used, or the disk is full. They are in the database still. */
export class ExportFailed extends Schema.TaggedError<ExportFailed>()("ExportFailed", {
  run: Schema.String,
  directory: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The results of the run "${this.run}" could not be written to ${this.directory}: ${this.detail.replace(/\.?$/, ".")} They are kept: mend that, or choose another folder, and export again.`
  }
}

/** Something broke that nobody foresaw: the job's own code, or a chunk with which worker after worker goes down. */
export class RunBroken extends Schema.TaggedError<RunBroken>()("RunBroken", {
  run: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The run "${this.run}" broke: ${this.detail.replace(/\.?$/, ".")} Finished work is kept; mend the cause, and resume it.`
  }
}

/** Why a run stopped. */
export const RunError = Schema.Union([
  EndpointError.NotFound,
  EndpointError.Timeout,
  EndpointError.EndpointFailed,
  EndpointError.PausedByOther,
  EndpointError.CallForbidden,
  EndpointError.ApiError,
  EndpointError.QuotaExceeded,
  EndpointError.Conflict,
  Batch.AccountRefused,
  Batch.DeadlineReached,
  Batch.DuplicateKey,
  Batch.EndpointGone,
  Batch.FingerprintChanged,
  Batch.Unstable,
  CostCap.CostCapReached,
  CostCap.MoneyRefused,
  FailureBudget.BudgetExceeded,
  Journal.JournalError,
  CostCap.CapTooSmall,
  CostCap.PriceUnknown,
  Leases.LeaseConflict,
  Leases.LeaseRecordError,
  Leases.LeasedElsewhere,
  ManagedEndpoint.AdoptionRefused,
  ManagedEndpoint.SpecMismatch,
  Source.InputChanged,
  Source.InvalidInput,
  Source.SourceError,
  ParametersRefused,
  RunBroken
])

/** Why a run stopped. */
export type RunError = typeof RunError.Type

const Text = Schema.fromJsonString(Schema.toCodecJson(RunError))
const encode = Schema.encodeUnknownOption(Text)
const decode = Schema.decodeUnknownEffect(Text)

const wordsOf = (error: unknown) => {
  const text = Predicate.isError(error) ? error.message : String(error)
  return Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? `${error._tag}: ${text}`
    : text
}

/** An error as a run keeps it; one that is not of a known kind is kept as {@link RunBroken}, in its own words. */
export const toText = (run: string, error: unknown): string =>
  Option.getOrElse(encode(error), () =>
    Option.getOrElse(encode(new RunBroken({ run, detail: wordsOf(error) })), () => "")
  )

/** The error that a run has kept. */
export const fromText = (run: string, text: string): Effect.Effect<RunError> =>
  Effect.orElseSucceed(
    decode(text),
    () => new RunBroken({ run, detail: "why it stopped was written by another version" })
  )
