/**
 * One process that does chunks: its name in the cluster, its place among the others, and its way out.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as NodeOs from "node:os"
import * as Silence from "./internal/chunk/silence.ts"
import { QUESTION } from "./internal/lease/heartbeat.ts"
import { within } from "./internal/lease/within.ts"
import * as Accounts from "./internal/run/accounts.ts"
import * as Runs from "./internal/run/runs.ts"
import * as Writer from "./internal/results/writer.ts"

/** An attempt of a run that the worker is at. */
export interface Engagement {
  readonly id: string
  readonly attempt: number
  /** Completes when the attempt is over, whoever ended it. */
  readonly over: Deferred.Deferred<void>
  /** `namespace/name`. */
  readonly endpoint: string
  /** Requests in flight, and how many may be. */
  readonly inFlight: () => number
  readonly share: () => number
}

/** How a worker is set up. */
export interface Options {
  /**
   * Its name in the cluster. Default: the host's name and something random. Where another worker has the name already, something
   * random is added to this one's, because its part of a limit and its bill are kept by it.
   */
  readonly name?: string | undefined
  /** How long what is in flight may take to be answered when the worker is told to stop. Default: 20 seconds. */
  readonly grace?: Duration.Input | undefined
  /** How many chunks it has in hand at most; what it needs to keep its part of the limit busy, if that is less. Default: 16. */
  readonly maxChunks?: number | undefined
}

/**
 * A worker: what the layers of definitions serve their runs with.
 */
export class Worker extends Context.Service<
  Worker,
  {
    /** Another by the time that it comes to, where it stood still and another worker took its name. */
    readonly name: string
    /** Completes when the worker has been told to stop: nothing more is taken, what is in flight is finished. */
    readonly draining: Effect.Effect<void>
    readonly isDraining: () => boolean
    /** Watches from now on whether the worker may have been taken for dead: what it was given since may be others' by then. */
    readonly since: () => Silence.Since
    readonly grace: Duration.Duration
    readonly maxChunks: number
    readonly writer: Writer.Writer
    readonly runs: Runs.Runs
    /** The definitions that it serves, for whoever looks. */
    readonly definitions: Set<string>
    /** What it sees to be billed, for each attempt that it holds an endpoint for: written down with each pulse. */
    readonly accounts: Set<Accounts.Kept>
    /** Has an attempt watched, for as long as the scope is open. */
    readonly engage: (engagement: Engagement) => Effect.Effect<void, never, Scope.Scope>
    /** Keeps count of a chunk, from its first row to its last, and of what it did. */
    readonly counted: <A, E, R>(chunk: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    readonly did: (items: number) => void
    /** The endpoints that it holds for them, or is about to release: this process knows it without a database. */
    readonly held: () => ReadonlyArray<string>
    /** Tells the worker to stop, and returns when its chunks are finished or the time of grace is over. */
    readonly stop: Effect.Effect<void>
  }
>()("@stint/cluster/Worker") {}

/** How often a worker says that it is there, and looks whether its runs still are. */
const PULSE = Duration.seconds(1)
/** After so long without a word it counts as gone. */
const TTL = Duration.seconds(10)

/** What a worker is like now. */
interface Look {
  readonly state: "working" | "stopping"
  readonly inFlight: number
  readonly share: number
  readonly done: number
  readonly rate: number
}

/** Makes a worker, for as long as the scope is open; it is told to stop when the scope closes. */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Worker["Service"], never, SqlClient.SqlClient | Scope.Scope> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const clock = yield* Clock.Clock
  const host = yield* Effect.sync(() => NodeOs.hostname())
  const wanted =
    options.name ?? (yield* Effect.sync(() => `${host}-${SecureRandom.uuidV4Unsafe().slice(0, 8)}`))
  const grace = Duration.fromInputUnsafe(options.grace ?? "20 seconds")
  const runs = yield* Runs.make
  const writer = yield* Writer.make
  const silence = yield* Silence.make
  const engagements = new Set<Engagement>()
  const definitions = new Set<string>()
  const accounts = new Set<Accounts.Kept>()
  const told = Deferred.makeUnsafe<void>()
  let isDraining = false
  let chunks = 0
  let idle = Deferred.makeUnsafe<void>()
  let done = 0
  let before = { done: 0, at: clock.currentTimeMillisUnsafe() }
  let rate = 0

  const sum = (of: (engagement: Engagement) => number) => {
    let all = 0
    for (const one of engagements) all += of(one)
    return all
  }

  const look = (): Look => {
    const at = clock.currentTimeMillisUnsafe()
    if (at - before.at >= 1000) {
      const now = ((done - before.done) * 1000) / (at - before.at)
      // Results come in groups.
      rate += (now - rate) / 4
      before = { done, at }
    }
    return {
      state: isDraining ? "stopping" : "working",
      inFlight: sum(({ inFlight }) => inFlight()),
      share: sum(({ share }) => share()),
      done,
      rate
    }
  }

  const until = sql.literal(`clock_timestamp() + interval '${Duration.toMillis(TTL)} milliseconds'`)
  /** Has the name, if nobody else does; `started_at` says from then on whose it is. */
  const take = (name: string) =>
    within(
      sql<{ readonly since: string }>`INSERT INTO stint_workers (worker, host, state, definitions, expires_at)
        VALUES (${name}, ${host}, 'working', '', ${until})
        ON CONFLICT (worker) DO UPDATE SET host = EXCLUDED.host, expires_at = EXCLUDED.expires_at, started_at = clock_timestamp()
        WHERE stint_workers.expires_at < clock_timestamp() RETURNING started_at::text AS since`,
      QUESTION
    ).pipe(
      Effect.map(([row]) => row?.since),
      Effect.orElseSucceed(() => undefined)
    )
  let name = wanted
  let since = yield* take(wanted)
  /** Its part of a limit and its bill are kept by its name: two workers never share one. */
  const rename = Effect.gen(function* () {
    const mine = `${wanted}-${SecureRandom.uuidV4Unsafe().slice(0, 8)}`
    since = yield* take(mine)
    name = mine
    yield* Effect.logWarning(
      `Another worker may have the name "${wanted}": it is there, or cannot be asked for. This one goes by "${name}".`
    )
  })
  if (since === undefined) yield* rename

  const announce = Effect.gen(function* () {
    const words = yield* Effect.forEach(accounts, ({ word }) => word)
    const { done, inFlight, rate, share, state } = look()
    const served = [...definitions].toSorted().join(" ")
    const billed = words.length === 0 ? sql.literal("") : sql`WITH billed AS (${Accounts.spoken(sql, words)})`
    const mine = since === undefined ? sql`clock_timestamp()` : sql`${since}::text::timestamptz`
    const rows =
      yield* sql`${billed} INSERT INTO stint_workers (worker, host, state, definitions, expires_at, in_flight, limit_share, items_done, rate, started_at)
      VALUES (${name}, ${host}, ${state}, ${served}, ${until}, ${inFlight}, ${share}, ${String(done)}::text::bigint, ${String(rate)}::text::float8, ${mine})
      ON CONFLICT (worker) DO UPDATE SET state = EXCLUDED.state, definitions = EXCLUDED.definitions, seen_at = clock_timestamp(),
        expires_at = EXCLUDED.expires_at, in_flight = EXCLUDED.in_flight, limit_share = EXCLUDED.limit_share,
        items_done = EXCLUDED.items_done, rate = EXCLUDED.rate
      WHERE ${sql.literal(String(since === undefined))} OR stint_workers.started_at = EXCLUDED.started_at RETURNING 1`
    // It stood still for so long that another has its name.
    if (rows.length === 0) yield* rename
  })

  /** Tells those that are at an attempt which is over. */
  const watch = Effect.suspend(() => {
    if (engagements.size === 0) return Effect.void
    // One that begins while it is asked was not asked for.
    const asked = [...engagements]
    const ids = [...new Set(asked.map(({ id }) => id))]
    return Effect.map(runs.over(ids), (rows) => {
      const now = new Map(rows.map((row) => [row.id, row]))
      for (const { attempt, id, over } of asked) {
        const row = now.get(id)
        if (row?.live !== true || row.attempt !== attempt) Deferred.doneUnsafe(over, Effect.void)
      }
    })
  })

  const pulse = Effect.andThen(silence.heard(announce), watch).pipe(
    Effect.catchCause((cause) => Effect.logDebug("The database cannot be asked for now.", cause)),
    Effect.repeat(Schedule.spaced(PULSE))
  )

  const stop = Effect.suspend(() => {
    isDraining = true
    Deferred.doneUnsafe(told, Effect.void)
    // What cannot be written down is not waited for: others have it by then.
    const done = Effect.raceFirst(Deferred.await(idle), silence.since().lost)
    return chunks === 0 ? Effect.void : Effect.asVoid(Effect.timeoutOption(done, grace))
  })

  yield* Effect.addFinalizer(() =>
    Effect.ignore(
      sql`DELETE FROM stint_workers WHERE worker = ${name} AND started_at = ${since ?? "-infinity"}::text::timestamptz`
    )
  )
  yield* Effect.forkScoped(pulse)

  return {
    get name() {
      return name
    },
    draining: Deferred.await(told),
    isDraining: () => isDraining,
    since: silence.since,
    grace,
    maxChunks: Math.max(1, options.maxChunks ?? 16),
    writer,
    runs,
    definitions,
    accounts,
    engage: (engagement) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          engagements.add(engagement)
        }),
        () =>
          Effect.sync(() => {
            engagements.delete(engagement)
          })
      ),
    counted: (chunk) =>
      Effect.suspend(() => {
        chunks++
        return Effect.ensuring(
          chunk,
          Effect.sync(() => {
            if (--chunks > 0) return
            Deferred.doneUnsafe(idle, Effect.void)
            idle = Deferred.makeUnsafe()
          })
        )
      }),
    did: (items) => {
      done += items
    },
    held: () => [...new Set([...engagements].map(({ endpoint }) => endpoint))],
    stop
  }
})

/**
 * A worker as a layer. The layers of the definitions that it serves go on top of it.
 *
 * Told to stop, by the end of its scope, it takes nothing more, finishes what is in flight within `grace`, and gives back
 * what it has not begun: other workers have it at once. A pod's time of grace must be longer than this one, by ten seconds.
 *
 * **Example** (A worker that has ten seconds)
 *
 * ```ts
 * import { Worker } from "@stint/cluster"
 *
 * const layer = Worker.layer({ name: "worker-1", grace: "10 seconds" })
 * ```
 */
export const layer = (options?: Options): Layer.Layer<Worker, never, SqlClient.SqlClient> =>
  Layer.effect(Worker, make(options))
