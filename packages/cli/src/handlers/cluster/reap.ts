/** What `stint cluster reap` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { Given } from "../../commands/cluster/reap.ts"
import { ExitCode } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import { Signals } from "../../Signals.ts"
import * as Supervised from "../../Supervised.ts"
import * as RunView from "../../ui/RunView.ts"
import * as Database from "./database.ts"

const Line = Schema.fromJsonString(
  Schema.Struct({
    endpoint: Schema.String,
    outcome: Schema.Literals(["released", "woken", "held", "leftAwake", "unconfirmed"]),
    detail: Schema.String
  })
)
const encode = Schema.encodeEffect(Line)

/** How often one is looked at that may yet be woken. */
const LOOK_EVERY = 5000
/** Before the time is over, so that the last look counts. */
const LAST_LOOK = 500

/** Looks at one endpoint, to the end. Nothing is to be said of one that sleeps as it did when it was looked at before. */
const look = Effect.fnUntraced(function* (endpoint: string, isAgain: boolean) {
  const { EndpointKeeper, FleetStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const finding = yield* EndpointKeeper.reconcile(endpoint).pipe(
    Effect.catchTag("ReconcileFailed", ({ detail }) =>
      Effect.succeed({ _tag: "Unconfirmed" as const, detail })
    )
  )
  switch (finding._tag) {
    case "Unknown":
      return undefined
    case "Released":
      return isAgain && finding.isAlready === true
        ? undefined
        : { outcome: "released" as const, detail: finding.detail }
    case "Woken":
      return { outcome: "woken" as const, detail: "a holder that had been given up is back" }
    case "Unconfirmed":
      return { outcome: "unconfirmed" as const, detail: finding.detail }
    case "Held": {
      const now = (yield* FleetStatus.endpoints).find((one) => one.endpoint === endpoint)
      const workers = (now?.leases ?? []).map(({ worker }) => worker)
      return workers.length > 0
        ? { outcome: "held" as const, detail: workers.join(", ") }
        : { outcome: "leftAwake" as const, detail: finding.detail }
    }
  }
})

const words = {
  released: "released:",
  woken: "woken:",
  held: "left alone: held by",
  leftAwake: "LEFT AWAKE, IT MAY BE BILLING FOR NOBODY:",
  unconfirmed: "NOT CONFIRMED, IT MAY STILL BE BILLING:"
}

const split = (endpoint: string) => {
  const at = endpoint.indexOf("/")
  return [endpoint.slice(0, at), endpoint.slice(at + 1)] as const
}

/** What the command does. */
export const handle = Effect.fn("cluster reap")(function* (options: Given) {
  const { FleetStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const status = yield* ExitStatus
  const signals = yield* Signals
  const unconfirmed = Ref.set(status, ExitCode.releaseUnconfirmed)

  const one = Effect.fnUntraced(function* (endpoint: string, isAgain = false) {
    const [namespace, name] = split(endpoint)
    signals.setAtRisk(RunView.atRisk(namespace, name, undefined))
    const found = yield* look(endpoint, isAgain)
    signals.setAtRisk(undefined)
    if (found === undefined) return
    const { detail, outcome } = found
    if (outcome === "leftAwake" || outcome === "unconfirmed") yield* unconfirmed
    yield* Console.log(
      options.json
        ? yield* Effect.orDie(encode({ endpoint, outcome, detail }))
        : `${endpoint}  ${words[outcome]} ${detail}`
    )
  })

  /** Those that sleep and may be woken yet by a call whose sender is gone are looked at until that is no more. */
  const late = Effect.fnUntraced(function* (before: number) {
    let told = 0
    for (;;) {
      const waiting = (yield* FleetStatus.endpoints).flatMap(({ endpoint, mayWakeMillis = 0, policy }) =>
        policy === "keep" || mayWakeMillis < LAST_LOOK ? [] : [{ endpoint, millis: mayWakeMillis }]
      )
      if (waiting.length === 0) break
      const most = Math.max(...waiting.map(({ millis }) => millis))
      if (told === 0) {
        yield* Console.error(
          `A call that wakes ${waiting.map(({ endpoint }) => endpoint).join(", ")} may come yet, though whoever sent it is gone: looking on for ${Math.ceil(most / 1000)}s.`
        )
      }
      told++
      if (signals.received() !== undefined) {
        yield* unconfirmed
        yield* Console.error("It was not looked at to the end: the command was stopped.")
        return
      }
      yield* Effect.sleep(Math.min(LOOK_EVERY, Math.max(0, most - LAST_LOOK)))
      for (const { endpoint } of waiting) yield* Supervised.toItsEnd(one(endpoint, true), Console.error)
    }
    if (before + told === 0 && !options.json) yield* Console.log("Nothing to release.")
  })

  const work = Effect.gen(function* () {
    const all = (yield* FleetStatus.endpoints).filter(({ state }) => state !== "released")
    if (all.length === 0) return yield* late(0)
    // A lease that is not renewed until it would have run out is that of a holder that is gone.
    const millis = Math.max(0, ...all.flatMap(({ leases }) => leases.map(({ millisLeft }) => millisLeft)))
    if (millis > 0) {
      yield* Console.error(`Waiting ${Math.ceil(millis / 1000)}s, to see which holders are alive.`)
      yield* Effect.sleep(millis + 100)
    }
    for (const { endpoint } of all) {
      yield* signals.received() === undefined
        ? Supervised.toItsEnd(one(endpoint), Console.error)
        : Effect.andThen(
            unconfirmed,
            Console.error(`${endpoint} was not looked at: the command was stopped.`)
          )
    }
    yield* late(all.length)
  })
  yield* Database.using(options, work).pipe(
    // What nobody could look at may be billing.
    Effect.tapError((error) =>
      error._tag === "DatabaseNotReached" ||
      error._tag === "DatabaseFailed" ||
      (error._tag === "NotMigrated" && error.found > 0)
        ? unconfirmed
        : Effect.void
    )
  )
})
