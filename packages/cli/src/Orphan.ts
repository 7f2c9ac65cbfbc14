/**
 * What an earlier run left awake, when this one has nothing to wake the endpoint for.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { LeaseRecords, Sweep } from "@stint/batch/node"
import * as Endpoints from "@stint/core/Endpoints"
import { ExitCode } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"
import { Signals } from "./Signals.ts"
import * as RunView from "./ui/RunView.ts"

const outcome = (result: Sweep.Result): string => {
  switch (result._tag) {
    case "Released":
      return `released now: it is ${result.state}, read back from the API.`
    case "Cleared":
      return `nothing to release: ${result.detail}.`
    case "Skipped":
      return `left alone: ${result.reason}.`
    case "Unconfirmed":
      return "its release could not be confirmed."
  }
}

/**
 * Releases the endpoint as its record says, when the run that held it is gone: killed with its guardian, or in its release.
 * Claimed like any lease, so that neither another run nor a guardian is in its way.
 */
export const release = Effect.fnUntraced(
  function* (name: string, say: (line: string) => Effect.Effect<void>) {
    const { leases } = yield* LeaseRecords.list()
    const isLeft = ({ standing }: LeaseRecords.Lease) => standing === "orphan" || standing === "unconfirmed"
    // Asked for its owner only where there is something to ask about.
    if (!leases.some((lease) => lease.name === name && isLeft(lease))) return
    const endpoints = yield* Endpoints.Endpoints
    const namespace = yield* endpoints.namespace
    const { candidates } = yield* Sweep.plan({ only: { namespace, name } })
    const signals = yield* Signals
    for (const candidate of candidates) {
      const where = `Endpoint ${namespace}/${name}, held since ${candidate.since ?? "an unknown time"}`
      yield* say(`${where} by a run that is gone: releasing it (${candidate.policy}).`)
      signals.setAtRisk(RunView.atRisk(namespace, name, undefined))
      const result = yield* Sweep.sweep(candidate)
      yield* say(`${where}: ${outcome(result)}`)
      if (result._tag !== "Unconfirmed") signals.setAtRisk(undefined)
      else {
        yield* Ref.set(yield* ExitStatus, ExitCode.releaseUnconfirmed)
        yield* Console.error(`stint: ${result.detail}`)
      }
    }
  },
  // All rows are done; what cannot be looked at is said.
  Effect.catchTag("RecordsUnreadable", (error) => Effect.logWarning(error.message))
)
