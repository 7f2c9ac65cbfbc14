/**
 * What an earlier run left awake, when this one has nothing to wake the endpoint for.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { LeaseRecords, Sweep } from "@stint/batch/node"
import * as Credentials from "@stint/core/Credentials"
import * as Endpoints from "@stint/core/Endpoints"
import * as DamagedRecords from "./DamagedRecords.ts"
import { ExitCode, signalCodes } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"
import { Signals } from "./Signals.ts"
import * as Supervised from "./Supervised.ts"
import * as RunView from "./ui/RunView.ts"

const outcome = (result: Exclude<Sweep.Result, { readonly _tag: "Unconfirmed" }>): string => {
  switch (result._tag) {
    case "Released":
      return `released now: it is ${result.state}, read back from the API.`
    case "Cleared":
      return `nothing to release: ${result.detail}.`
    case "Skipped":
      return `left alone: ${result.reason}.`
  }
}

/** Whether a sweep leaves an endpoint awake that a run here left behind: known to bill, and perhaps for nobody. */
export const isLeftAwake = ({ foundBy, skipped, state }: Sweep.Candidate): boolean =>
  foundBy === "record" && skipped !== undefined && state !== undefined

const isLeft = ({ standing }: LeaseRecords.Lease) => standing === "orphan" || standing === "unconfirmed"

/**
 * Says so when a run that never came to hold the endpoint ends, and what an earlier run left there is still on record: then
 * the command ends with {@link ExitCode.releaseUnconfirmed}. Answers whether it is so.
 */
export const warn = Effect.fnUntraced(
  function* (namespace: string, name: string) {
    const { leases } = yield* LeaseRecords.list()
    if (!leases.some((lease) => lease.name === name && lease.namespace === namespace && isLeft(lease)))
      return false
    yield* Ref.set(yield* ExitStatus, ExitCode.releaseUnconfirmed)
    yield* Console.error(
      `stint: an earlier run left this endpoint, and its release is not confirmed. ${RunView.atRisk(namespace, name, undefined)}, or: stint sweep`
    )
    return true
  },
  Effect.catchTag("RecordsUnreadable", () => Effect.succeed(false))
)

/**
 * Releases the endpoint as its record says, when the run that held it is gone: killed with its guardian, or in its release.
 * Claimed like any lease, so that neither another run nor a guardian is in its way. Whatever stays awake makes the command end
 * with {@link ExitCode.releaseUnconfirmed}.
 */
export const release = Effect.fnUntraced(
  function* (
    name: string,
    { isGuarded, say }: { readonly isGuarded: boolean; readonly say: (line: string) => Effect.Effect<void> }
  ) {
    const { damaged, leases } = yield* LeaseRecords.list()
    yield* DamagedRecords.report(damaged.filter(({ file }) => file.includes(`.${name}.`)))
    // Asked for its owner only where there is something to ask about.
    if (!leases.some((lease) => lease.name === name && isLeft(lease))) return
    const endpoints = yield* Endpoints.Endpoints
    const namespace = yield* endpoints.namespace
    const { candidates } = yield* Sweep.plan({ only: { namespace, name } })
    const signals = yield* Signals
    const status = yield* ExitStatus
    const guardian = isGuarded ? { token: yield* Credentials.token } : undefined
    const atRisk = RunView.atRisk(namespace, name, undefined)
    const unconfirmed = (detail: string) =>
      Effect.andThen(Ref.set(status, ExitCode.releaseUnconfirmed), Console.error(`stint: ${detail}`))
    for (const candidate of candidates) {
      const where = `Endpoint ${namespace}/${name}, held since ${candidate.since ?? "an unknown time"}`
      if (isLeftAwake(candidate)) {
        signals.setAtRisk(atRisk)
        yield* say(
          `${where} by a run that is gone, is ${candidate.state}. It is left alone: ${candidate.skipped}.`
        )
        yield* unconfirmed(`${atRisk}, or: stint sweep --force`)
        continue
      }
      if (candidate.skipped !== undefined) {
        yield* say(`${where}, is left alone: ${candidate.skipped}.`)
        continue
      }
      yield* say(`${where} by a run that is gone: releasing it (${candidate.policy}).`)
      signals.setAtRisk(atRisk)
      const releasing = Effect.gen(function* () {
        const result = yield* Sweep.sweep(candidate, { guardian })
        if (result._tag === "Unconfirmed") {
          yield* say(`${where}: its release could not be confirmed.`)
          return yield* unconfirmed(result.detail)
        }
        yield* say(`${where}: ${outcome(result)}`)
        signals.setAtRisk(undefined)
        const signal = signals.received()
        if (signal === undefined) return
        yield* Ref.update(status, (code) =>
          code === ExitCode.releaseUnconfirmed ? code : signalCodes[signal]
        )
      })
      yield* Supervised.toItsEnd(releasing, say)
    }
  },
  // All rows are done; what cannot be looked at is said.
  Effect.catchTag("RecordsUnreadable", (error) => Effect.logWarning(error.message))
)
