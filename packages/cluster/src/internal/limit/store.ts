/**
 * Where the workers of an endpoint meet to share its limit: rows of Postgres, or of memory for tests.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { TTL } from "../../FleetLimit.ts"
import { Counts } from "./counts.ts"
import type { Holding } from "./divide.ts"

/** What a worker has seen. */
const Word = Schema.fromJsonString(Counts)

/** What a worker says of itself. */
export interface Report {
  readonly worker: string
  readonly demand: number
  readonly inFlight: number
  readonly counts: Counts
}

/** What it is told. */
export interface Answer {
  readonly granted: number
  /** How many workers there are. */
  readonly workers: number
  /** There for the one that leads: the total so far, 0 where there was none. */
  readonly leads: number | undefined
}

/** A worker, as the leader sees it. */
export interface Member extends Holding {
  readonly counts: Counts
}

/** Where the workers of one endpoint meet. */
export interface Store<E> {
  readonly report: (mine: Report) => Effect.Effect<Answer, E>
  /** Those that are alive; the others are forgotten. */
  readonly members: Effect.Effect<ReadonlyArray<Member>, E>
  readonly give: (total: number, parts: ReadonlyMap<string, number>) => Effect.Effect<void, E>
  readonly leave: (worker: string) => Effect.Effect<void, E>
}

const ttl = Duration.toMillis(TTL)

/** In memory: for workers of one process. */
export const memory = (): Store<never> => {
  const rows = new Map<string, Report & { granted: number; readonly heard: number; readonly until: number }>()
  let total = 0
  let leader: { readonly worker: string; readonly until: number } | undefined
  return {
    report: (mine) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const granted = rows.get(mine.worker)?.granted ?? 0
        rows.set(mine.worker, { ...mine, granted, heard: granted, until: now + ttl })
        const leads = leader === undefined || leader.until < now || leader.worker === mine.worker
        if (leads) leader = { worker: mine.worker, until: now + ttl }
        return { granted, workers: rows.size, leads: leads ? total : undefined }
      }),
    members: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const [worker, { until }] of rows) if (until < now) rows.delete(worker)
      return Array.from(rows.values(), ({ inFlight: held, worker: id, ...rest }) => ({ id, held, ...rest }))
    }),
    give: (next, parts) =>
      Effect.sync(() => {
        total = next
        for (const [worker, part] of parts) {
          const row = rows.get(worker)
          if (row !== undefined) row.granted = part
        }
      }),
    leave: (worker) =>
      Effect.sync(() => {
        rows.delete(worker)
        if (leader?.worker === worker) leader = undefined
      })
  }
}

const encode = Schema.encodeSync(Word)
const decode = Schema.decodeUnknownSync(Word)

/** In Postgres, by the database's clock. */
export const sql = Effect.fnUntraced(function* (
  endpoint: string
): Effect.fn.Return<Store<SqlError>, never, SqlClient.SqlClient> {
  const db = (yield* SqlClient.SqlClient).withoutTransforms()
  const until = db.literal(`clock_timestamp() + interval '${ttl} milliseconds'`)
  return {
    report: (mine) =>
      Effect.map(
        db<{ granted: number | null; total: number | null; workers: number }>`
          WITH mine AS (
            INSERT INTO stint_shares (endpoint, worker, demand, held, counts, expires_at)
            VALUES (${endpoint}, ${mine.worker}, ${mine.demand}, ${mine.inFlight}, ${encode(mine.counts)}, ${until})
            ON CONFLICT (endpoint, worker) DO UPDATE
            SET demand = EXCLUDED.demand, held = EXCLUDED.held, heard = stint_shares.granted, counts = EXCLUDED.counts, expires_at = EXCLUDED.expires_at
            RETURNING granted
          ), lead AS (
            INSERT INTO stint_limits (endpoint, total, leader, leader_until)
            VALUES (${endpoint}, 0, ${mine.worker}, ${until})
            ON CONFLICT (endpoint) DO UPDATE SET leader = EXCLUDED.leader, leader_until = EXCLUDED.leader_until
            WHERE stint_limits.leader = EXCLUDED.leader OR stint_limits.leader_until < clock_timestamp()
            RETURNING total
          )
          SELECT (SELECT granted FROM mine) AS granted, (SELECT total FROM lead) AS total,
            (SELECT count(*)::int FROM stint_shares WHERE endpoint = ${endpoint}) AS workers`,
        (rows): Answer => ({
          granted: rows[0]?.granted ?? 0,
          workers: rows[0]?.workers ?? 1,
          leads: rows[0]?.total ?? undefined
        })
      ),
    members: Effect.map(
      db<Holding & { readonly counts: string }>`
        WITH gone AS (
          DELETE FROM stint_shares WHERE endpoint = ${endpoint} AND expires_at < clock_timestamp()
        )
        SELECT worker AS id, demand, held, heard, granted, counts FROM stint_shares
        WHERE endpoint = ${endpoint} AND expires_at >= clock_timestamp() ORDER BY worker`,
      (rows) => rows.map(({ counts, ...rest }): Member => ({ ...rest, counts: decode(counts) }))
    ),
    give: (total, parts) => {
      const workers = [...parts.keys()]
      return db`
        WITH given AS (
          UPDATE stint_shares SET granted = part.granted
          FROM unnest(${workers}::text[], ${workers.map((worker) => parts.get(worker) ?? 0)}::int[])
            AS part (worker, granted)
          WHERE stint_shares.endpoint = ${endpoint} AND stint_shares.worker = part.worker
            AND stint_shares.granted <> part.granted
        )
        UPDATE stint_limits SET total = ${total} WHERE endpoint = ${endpoint} AND total <> ${total}`
    },
    leave: (worker) => db`
      WITH gone AS (DELETE FROM stint_shares WHERE endpoint = ${endpoint} AND worker = ${worker})
      UPDATE stint_limits SET leader_until = '-infinity' WHERE endpoint = ${endpoint} AND leader = ${worker}`
  }
})
