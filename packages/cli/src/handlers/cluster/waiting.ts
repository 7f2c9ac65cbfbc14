/** Waiting for the end of a run, with its progress on stderr; and for its endpoint's. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { ExitCode, signalCodes } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import { Signals } from "../../Signals.ts"
import * as RunView from "../../ui/RunView.ts"
import { follow } from "./follow.ts"
import * as Releases from "./releases.ts"
import * as StatusJson from "./statusJson.ts"
import * as View from "./view.ts"

/** A database that is restarted comes back within this time. */
const patience = Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "1 minute" }))

/** A release is tried for two minutes, after a worker has waited for more work. */
const RELEASED = Duration.minutes(2.5)

const byPolicy: Readonly<Record<string, string>> = {
  pause: "paused",
  restore: "as it was found",
  scaleToZero: "scaled to zero",
  delete: "deleted",
  keep: "left running, and billed"
}

/** Waits until the workers have released the endpoint of a run; `undefined`: they have not. */
const released = Effect.fnUntraced(function* (run: { readonly run: string; readonly endpoint: string }) {
  const { FleetStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const look = Effect.gen(function* () {
    const endpoint = View.endpointOf(run, yield* FleetStatus.endpoints)
    if (endpoint === undefined) return "never woken"
    if (endpoint.state === "released") return byPolicy[endpoint.policy] ?? endpoint.policy
    const live = (yield* FleetStatus.runs(1000)).filter(({ state }) => View.isLive(state))
    return Releases.isHeldByOthers(endpoint, run.run, live) ? "held by others still" : undefined
  })
  return yield* look.pipe(
    Effect.repeat({ until: (state) => state !== undefined, schedule: Schedule.spaced("500 millis") }),
    Effect.timeoutOrElse({ duration: RELEASED, orElse: () => look })
  )
})

const wait = Effect.fnUntraced(function* (run: string, json: boolean) {
  const { ClusterBatch, FleetStatus, RunStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const status = yield* ExitStatus
  const signals = yield* Signals
  // What a role may not do it may not in a minute either.
  const retried = {
    schedule: patience,
    while: (error: { readonly _tag: string }) =>
      error._tag === "SqlError" &&
      !(Predicate.hasProperty(error, "reason") && Predicate.isTagged(error.reason, "AuthorizationError"))
  }

  const ended = Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.retry(ClusterBatch.wait(run), retried))
    const status = Effect.retry(ClusterBatch.status(run), retried)
    const state = yield* Effect.retry(released(yield* status), retried)
    // Its bill goes on until the endpoint is released.
    return { exit, last: yield* status, state }
  })
  const shown = follow(
    Effect.gen(function* () {
      const now = yield* ClusterBatch.status(run)
      const endpoint = View.endpointOf(now, yield* FleetStatus.endpoints)
      const frame = View.runFrame(now, endpoint, yield* RunStatus.workers)
      return { ...frame, isOver: false }
    }).pipe(Effect.retry(retried))
  )
  const left = Effect.map(signals.first, (signal) => ({ signal }))
  const end = yield* Effect.raceAllFirst([ended, left, shown])
  if ("signal" in end) {
    yield* Console.error(
      `${end.signal}: the run "${run}" goes on without this command. To watch it: stint cluster status ${run} --watch; to end it: stint cluster cancel ${run}`
    )
    if (json) yield* StatusJson.print(yield* ClusterBatch.status(run))
    return yield* Ref.set(status, signalCodes[end.signal])
  }
  if ("lines" in end) return
  const { exit, last, state } = end
  if (state === undefined) {
    yield* Ref.set(status, ExitCode.releaseUnconfirmed)
    yield* Console.error(
      `stint: the release of endpoint ${last.endpoint} is not confirmed: IT MAY STILL BE BILLING. Run: stint cluster reap`
    )
  }
  if (json) yield* StatusJson.print(last)
  if (Exit.isFailure(exit)) {
    yield* Console.error(
      `What is done of the run "${run}" is kept. To go on with what is left, once what follows is mended: stint cluster resume ${run}`
    )
    return yield* Effect.failCause(exit.cause)
  }
  const report = last.bill === undefined ? exit.value : { ...exit.value, bill: last.bill }
  const words = RunView.summary(report, `stint cluster export ${run} --out results`, state)
  yield* json ? Console.error(words) : Console.log(words)
  if (report.failed > 0) {
    yield* Ref.update(status, (code) => (code === ExitCode.success ? ExitCode.itemsFailed : code))
  }
})

/** What follows the start of a run: its end is waited for, unless it is not. */
export const afterStart = Effect.fnUntraced(function* (
  run: string,
  { detach, json }: { readonly detach: boolean; readonly json: boolean }
) {
  if (!detach) return yield* wait(run, json)
  const { ClusterBatch, RunStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const workers = yield* RunStatus.workers
  if (workers.length === 0) yield* Console.error(`Workers: ${View.NOBODY}.`)
  if (json) return yield* StatusJson.print(yield* ClusterBatch.status(run))
  yield* Console.log(run)
})
