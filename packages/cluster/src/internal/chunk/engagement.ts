/**
 * What a worker holds for an attempt of a run while it does chunks of it: the endpoint, awake, and its part of the limit.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type CurrentEndpoint, ManagedEndpoint } from "@stint/batch"
import { Endpoints } from "@stint/core"
import * as Member from "../limit/member.ts"
import * as Store from "../limit/store.ts"
import * as Accounts from "../run/accounts.ts"
import type { Run } from "../run/runs.ts"
import { toLimit } from "../../FleetLimit.ts"
import { type RunSettings, toManaged } from "../../RunSettings.ts"
import { Worker } from "../../Worker.ts"
import type { Definition, Made } from "./definition.ts"
import type { ParametersRefused } from "../../RunError.ts"
import type * as SqlClient from "effect/sql/SqlClient"

/** Rows in hand of the chunks that are being done. */
export interface Stock {
  rows: number
  /** Whether somebody waits for a chunk and there is none: then there is no more to send than what is in hand. */
  waiting: number
}

/** What is held for an attempt. */
export interface Engaged<In, Out, E, R> {
  readonly run: Run
  readonly settings: RunSettings
  readonly made: Made<In, Out, E, R>
  readonly held: CurrentEndpoint["Service"]
  readonly pool: Member.Member["pool"]
  readonly share: () => number
  readonly over: Deferred.Deferred<void>
  readonly stock: Stock
}

/**
 * Wakes the endpoint and joins those that share its limit, for as long as the scope is open. Nothing where the attempt is over
 * before the endpoint is had: what was woken by then is released with the scope.
 */
export const make = Effect.fnUntraced(function* <In, Out, E, R>(
  run: Run,
  definition: Definition<In, Out, E, R>
): Effect.fn.Return<
  Engaged<In, Out, E, R> | undefined,
  ManagedEndpoint.AcquireError | ParametersRefused,
  Worker | Scope.Scope | SqlClient.SqlClient | Endpoints.Endpoints
> {
  const worker = yield* Worker
  const { settings } = run
  const made = yield* definition.make(settings.parameters)
  const namespace = yield* Effect.flatMap(Endpoints.Endpoints, ({ namespace }) => namespace)
  const over = Deferred.makeUnsafe<void>()
  let inFlight = () => 0
  let share = () => 0
  // Watched before the first call that may start a bill: a boot takes minutes.
  const endpoint = `${namespace}/${settings.endpoint.name}`
  yield* worker.engage({
    endpoint,
    id: run.id,
    attempt: run.attempt,
    over,
    inFlight: () => inFlight(),
    share: () => share()
  })
  const acquired = Accounts.kept(
    {
      id: run.id,
      attempt: run.attempt,
      worker: worker.name,
      endpoint,
      accounts: worker.accounts
    },
    ManagedEndpoint.make(toManaged(settings.endpoint))
  )
  const held = yield* Effect.raceFirst(acquired, Effect.as(Deferred.await(over), undefined))
  if (held === undefined) return undefined
  const stock: Stock = { rows: 0, waiting: 0 }
  const { max } = toLimit(settings.limit)
  const member = yield* Member.make({
    get worker() {
      return worker.name
    },
    max,
    begin: (known) =>
      Effect.provideService(
        toLimit(settings.limit, known).make(() => undefined),
        ManagedEndpoint.CurrentEndpoint,
        held
      ),
    // Two runs on one endpoint have a limit each, like two programs.
    store: yield* Store.sql(`${settings.endpoint.name}#${run.id}`),
    demand: () => (stock.waiting > 0 || worker.isDraining() ? Math.min(max, stock.rows) : max)
  })
  inFlight = member.pool.inFlight
  share = member.share
  return { run, settings, made, held, pool: member.pool, share: member.share, over, stock }
})
