/**
 * What goes on in a cluster: its runs, and the endpoints that are held in it, with what these cost.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Row } from "@stint/batch"
import * as Rows from "./internal/lease/rows.ts"
import { found } from "./internal/run/found.ts"
import type { RunNotFound } from "./RunError.ts"
import { State } from "./RunStatus.ts"

/** A run in a list of runs. */
export const RunLine = Schema.Struct({
  run: Schema.String,
  definition: Schema.String,
  endpoint: Schema.String,
  state: State,
  attempt: Schema.Int,
  items: Schema.optional(Schema.Finite),
  chunks: Schema.optional(Schema.Int),
  chunksDone: Schema.Int,
  createdAt: Schema.String,
  finishedAt: Schema.optional(Schema.String)
})

/** A run in a list of runs. */
export type RunLine = typeof RunLine.Type

const Price = Schema.fromJsonString(Schema.Struct({ pricePerHour: Schema.optional(Schema.Finite) }))
const decodePrice = Schema.decodeUnknownEffect(Price)

const Lease = Schema.Struct({
  worker: Schema.String,
  phase: Schema.String,
  since: Schema.String,
  /** Until it runs out, unless it is renewed. */
  millisLeft: Schema.Finite
})

/**
 * An endpoint that is or was held.
 *
 * | field | means |
 * | --- | --- |
 * | `endpoint` | `namespace/name` |
 * | `state` | `held`: awake, as far as is known; `released`: read back; `unconfirmed`: it may be billing |
 * | `leases` | of whoever holds it now |
 * | `heldMillis` | since it is held, where it is |
 * | `pricePerHour` | US dollars per replica-hour, where known |
 * | `mayWakeMillis` | a call that wakes it may yet be carried out although whoever sent it is gone: for so long |
 * | `dollars` | what one replica has cost since it is held, each started minute: at least so much was spent |
 */
export const EndpointStatus = Schema.Struct({
  endpoint: Schema.String,
  state: Schema.Literals(["held", "released", "unconfirmed"]),
  policy: Schema.String,
  leases: Schema.Array(Lease),
  heldMillis: Schema.optional(Schema.Finite),
  pricePerHour: Schema.optional(Schema.Finite),
  dollars: Schema.optional(Schema.Finite),
  mayWakeMillis: Schema.optional(Schema.Finite),
  detail: Schema.optional(Schema.String)
})

/** An endpoint that is or was held. */
export type EndpointStatus = typeof EndpointStatus.Type

const utc = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/**
 * The runs, the latest first; 100 of them unless it is said otherwise.
 *
 * **Example** (Those that go on)
 *
 * ```ts
 * import { FleetStatus } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const live = Effect.map(FleetStatus.runs(), (all) => all.filter(({ finishedAt }) => finishedAt === undefined))
 * ```
 */
export const runs = Effect.fnUntraced(function* (
  limit = 100
): Effect.fn.Return<ReadonlyArray<RunLine>, SqlError, SqlClient.SqlClient> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<{
    readonly run: string
    readonly definition: string
    readonly endpoint: string
    readonly state: State
    readonly attempt: number
    readonly items: number | null
    readonly chunks: number | null
    readonly chunks_done: number
    readonly created: string
    readonly finished: string | null
  }>`SELECT run, definition, endpoint, state, attempt, items::float8 AS items, chunks, chunks_done,
      ${sql.literal(utc("created_at"))} AS created, ${sql.literal(utc("finished_at"))} AS finished
    FROM stint_runs ORDER BY id DESC LIMIT ${limit}`
  return rows.map(({ chunks, chunks_done, created, finished, items, ...rest }) => ({
    ...rest,
    items: items ?? undefined,
    chunks: chunks ?? undefined,
    chunksDone: chunks_done,
    createdAt: created,
    finishedAt: finished ?? undefined
  }))
})

/**
 * The endpoints that the cluster knows, and who holds them by the database's clock.
 *
 * **Example** (Those that may be billing)
 *
 * ```ts
 * import { FleetStatus } from "@stint/cluster"
 * import { Effect } from "effect"
 *
 * const awake = Effect.map(FleetStatus.endpoints, (all) => all.filter(({ state }) => state !== "released"))
 * ```
 */
export const endpoints: Effect.Effect<
  ReadonlyArray<EndpointStatus>,
  SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<{
    readonly endpoint: string
    readonly state: EndpointStatus["state"]
    readonly policy: string
    readonly facts: string
    readonly held: number
    readonly detail: string | null
    readonly wakes: number | null
  }>`SELECT endpoint, state, policy, facts, detail, ${Rows.mayWakeFor(sql)} AS wakes,
        (extract(epoch FROM clock_timestamp() - since) * 1000)::float8 AS held
      FROM stint_endpoints ORDER BY endpoint`
  const leases = yield* sql<typeof Lease.Type & { readonly endpoint: string }>`
      SELECT endpoint, worker, phase, ${sql.literal(utc("since"))} AS since,
        (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::float8 AS "millisLeft"
      FROM stint_endpoint_leases WHERE expires_at > clock_timestamp() ORDER BY stint_endpoint_leases.since`
  return yield* Effect.forEach(
    rows,
    Effect.fnUntraced(function* ({ detail, endpoint, facts, held, policy, state, wakes }) {
      // Facts of another version are no reason to show nothing.
      const { pricePerHour } = yield* Effect.orElseSucceed(decodePrice(facts), () => ({
        pricePerHour: undefined
      }))
      const heldMillis = state === "held" ? Math.max(0, held) : undefined
      const living = leases.filter((lease) => lease.endpoint === endpoint)
      const status: EndpointStatus = {
        endpoint,
        state,
        policy,
        leases: living.map(({ millisLeft, phase, since, worker }) => ({ worker, phase, since, millisLeft })),
        heldMillis,
        pricePerHour,
        dollars:
          heldMillis === undefined || pricePerHour === undefined
            ? undefined
            : (Math.max(1, Math.ceil(heldMillis / 60_000)) * pricePerHour) / 60,
        mayWakeMillis: living.length === 0 && wakes !== null && wakes > 0 ? wakes : undefined,
        detail: detail ?? undefined
      }
      return status
    })
  )
})

const KindOf = Schema.Struct({ kind: Row.Kind })
const decodeKind = Schema.decodeUnknownEffect(KindOf)

/**
 * What is done with the rows of a run that `ClusterRows` started; of another definition's nothing is known. It says which
 * columns its results have.
 */
export const kindOf = Effect.fnUntraced(function* (
  run: string
): Effect.fn.Return<Row.Kind | undefined, RunNotFound | SqlError, SqlClient.SqlClient> {
  const { settings } = yield* found(run)
  return yield* Effect.orElseSucceed(
    Effect.map(decodeKind(settings.parameters), ({ kind }) => kind),
    () => undefined
  )
})
