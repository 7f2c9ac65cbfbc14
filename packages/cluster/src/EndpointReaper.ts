/**
 * The clock of the keepers: sees at each third of a lease's life which endpoints nobody holds any more.
 *
 * One process of the cluster is the reaper, whichever; when it is lost, the cluster makes another one, which takes as long as
 * its shards take to move. So that no endpoint waits for that, each process also keeps an eye on what the reaper should have
 * seen long ago, and then acts itself. With nobody alive nothing acts: then {@link once} is for cron.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import type * as Sharding from "effect/cluster/Sharding"
import * as Singleton from "effect/cluster/Singleton"
import type * as SqlClient from "effect/sql/SqlClient"
import type { Endpoints } from "@stint/core/Endpoints"
import * as EndpointKeeper from "./EndpointKeeper.ts"
import * as Reap from "./internal/keeper/reap.ts"
import * as Reconcile from "./internal/keeper/reconcile.ts"

/** How endpoints are kept. */
export type Options = EndpointKeeper.Options

/**
 * Releases every endpoint that nobody holds any more, once, without a cluster: for cron, and for after an outage. Answers with
 * what became of each that there was something to do about. One that is not confirmed is among them, and to be tried again.
 *
 * Fails with `ReconcileFailed` where the database does not answer.
 *
 * **Example** (From cron)
 *
 * ```ts
 * import { EndpointReaper } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const unconfirmed = Effect.map(EndpointReaper.once(), (all) =>
 *   all.filter(({ finding }) => finding._tag === "Unconfirmed")
 * )
 * ```
 */
export const once = (
  options?: Options
): Effect.Effect<
  ReadonlyArray<{ readonly endpoint: string; readonly finding: EndpointKeeper.Finding }>,
  EndpointKeeper.ReconcileFailed,
  SqlClient.SqlClient | Endpoints
> =>
  Effect.gen(function* () {
    const keeper = yield* Reconcile.make(options)
    return yield* Effect.forEach(
      yield* keeper.due(0),
      ({ endpoint }) =>
        keeper.reconcile(endpoint).pipe(
          Effect.catch((error) =>
            Effect.succeed<EndpointKeeper.Finding>({ _tag: "Unconfirmed", detail: error.detail })
          ),
          Effect.map((finding) => ({ endpoint, finding }))
        ),
      { concurrency: 8 }
    )
  }).pipe(Effect.scoped)

/** Looks for what is due, for ever. */
const loop = Effect.fnUntraced(function* <E>(options: {
  readonly keeper: Reconcile.Reconciler
  readonly overdueMillis: number
  readonly reconcile: (endpoint: string) => Effect.Effect<unknown, E>
}): Effect.fn.Return<never> {
  const { keeper, overdueMillis } = options
  const every = Duration.millis(keeper.ttlMillis / 3)
  const watch = yield* Reap.makeWatch(keeper.ttlMillis)
  return yield* Effect.gen(function* () {
    // One look at an endpoint at a time: a release may take minutes while the API is away, and others must not wait for it.
    const looks = yield* FiberMap.make<string, unknown, unknown>()
    return yield* Effect.forever(
      keeper.due(overdueMillis).pipe(
        Effect.matchEffect({
          onFailure: watch.failed,
          onSuccess: (due) =>
            Effect.forEach(
              watch.credible(due),
              ({ endpoint }) =>
                FiberMap.run(
                  looks,
                  endpoint,
                  Effect.catchCause(options.reconcile(endpoint), (cause) =>
                    Cause.hasInterruptsOnly(cause)
                      ? Effect.void
                      : Effect.logWarning(`Looking at endpoint "${endpoint}" failed; trying again.`, cause)
                  ),
                  { onlyIfMissing: true }
                ),
              { discard: true }
            )
        }),
        Effect.andThen(Effect.sleep(every))
      )
    )
  }).pipe(Effect.scoped)
})

/**
 * The reaper: one in the cluster, which asks the keepers to look; and the eye that each process has on it.
 */
export const layer = (
  options?: Options
): Layer.Layer<never, never, Sharding.Sharding | SqlClient.SqlClient | Endpoints> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const keeper = yield* Reconcile.make(options)
      const keeperOf = yield* EndpointKeeper.EndpointKeeper.client
      const reaper = loop({
        keeper,
        overdueMillis: 0,
        reconcile: (endpoint) => keeperOf(endpoint).reconcile()
      })
      const overdueMillis = keeper.ttlMillis * Reap.OVERDUE
      return Layer.merge(
        Singleton.make("EndpointReaper", reaper),
        Layer.effectDiscard(Effect.forkScoped(loop({ keeper, overdueMillis, reconcile: keeper.reconcile })))
      )
    })
  )

/**
 * The same without a cluster: every process that has this looks for itself. The rows see to it that one acts at a time.
 */
export const layerAlone = (options?: Options): Layer.Layer<never, never, SqlClient.SqlClient | Endpoints> =>
  Layer.effectDiscard(
    Effect.flatMap(Reconcile.make(options), (keeper) =>
      Effect.forkScoped(loop({ keeper, overdueMillis: 0, reconcile: keeper.reconcile }))
    )
  )
