/**
 * The rows of leases, and what is asked of them. Who lives is told by the database's clock alone.
 *
 * Whatever decides takes the endpoint's row first, so that one decides at a time; a heartbeat touches its own row only.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import * as Leases from "@stint/batch/Leases"
import type { ReleasePolicy } from "@stint/batch/ManagedEndpoint"
import { transaction } from "../transaction.ts"
import { type Decision, decide } from "./decision.ts"

/** How long a decision may take, in milliseconds. */
const GRIP = 3000

/** So long after it was sent a call that wakes an endpoint is expected to be carried out, in milliseconds. */
const UNDER_WAY = 60_000

/** How far a holder is. One acquires at a time, and nobody comes in while one releases. */
export type Phase = "acquiring" | "held" | "releasing"

/** `held`: awake, as far as is known. `released`: asleep or left as wanted, read back. `unconfirmed`: it may be billing. */
export type State = "held" | "released" | "unconfirmed"

/** A holder whose lease has not run out. */
export interface Living {
  readonly holder: string
  readonly worker: string
  readonly phase: Phase
  /** ISO 8601. */
  readonly since: string
}

/** An endpoint as its row has it. */
export interface EndpointRow {
  readonly apiUrl: string
  readonly state: State
  readonly policy: ReleasePolicy
  readonly facts: Leases.Facts
  /** Since when it is held, ISO 8601. */
  readonly since: string
  readonly detail: string | undefined
}

/** What is known of an endpoint. */
export interface Seen {
  readonly row: EndpointRow
  readonly living: ReadonlyArray<Living>
  /** Whether a call that wakes it may yet be carried out although whoever sent it is gone. */
  readonly mayWake: boolean
}

/** Who asks. */
export interface Holder {
  readonly endpoint: string
  readonly holder: string
  readonly worker: string
  readonly ttlMillis: number
}

const Facts = Schema.Struct({
  found: Schema.optional(
    Schema.Struct({
      state: Schema.String,
      minReplica: Schema.optional(Schema.Finite),
      maxReplica: Schema.optional(Schema.Finite),
      scaleToZeroTimeout: Schema.optional(Schema.NullOr(Schema.Finite))
    })
  ),
  updatedAt: Schema.optional(Schema.String),
  acquisition: Schema.optional(Schema.Literals(["Created", "Resumed", "Adopted"])),
  isScalingChanged: Schema.optional(Schema.Boolean),
  pricePerHour: Schema.optional(Schema.Finite)
})
const FactsText = Schema.fromJsonString(Facts)
const encodeFacts = Schema.encodeSync(FactsText)

const decodeRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      apiUrl: Schema.String,
      state: Schema.Literals(["held", "released", "unconfirmed"]),
      policy: Schema.Literals(["pause", "restore", "scaleToZero", "delete", "keep"]),
      facts: FactsText,
      since: Schema.String,
      detail: Schema.NullOr(Schema.String),
      mayWake: Schema.Boolean
    })
  )
)
const decodeLiving = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      holder: Schema.String,
      worker: Schema.String,
      phase: Schema.Literals(["acquiring", "held", "releasing"]),
      since: Schema.String
    })
  )
)
const decodeBeat = Schema.decodeUnknownEffect(
  Schema.Tuple([Schema.Struct({ mine: Schema.Boolean, others: Schema.Int })])
)
const decodeDue = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ endpoint: Schema.String, isHeld: Schema.Boolean }))
)

/** Whether they announce a call that wakes the endpoint. */
export const wakes = ({ acquisition }: Leases.Facts): boolean =>
  acquisition === "Created" || acquisition === "Resumed"

/** For how many milliseconds a row of `stint_endpoints` may be woken yet by a call whose sender is gone; null: no call is known. */
export const mayWakeFor = (sql: SqlClient.SqlClient) =>
  sql`(extract(epoch FROM greatest(waking_until, (SELECT max(called_at) FROM stint_endpoint_leases u
    WHERE u.endpoint = stint_endpoints.endpoint) + make_interval(secs => ${UNDER_WAY / 1000})) - clock_timestamp()) * 1000)::float8`

export const make = (sql: SqlClient.SqlClient) => {
  const span = (millis: number) => sql`make_interval(secs => ${millis / 1000})`
  const until = (ttlMillis: number) => sql`clock_timestamp() + ${span(ttlMillis)}`

  const living = (endpoint: string) =>
    Effect.flatMap(
      sql`SELECT holder::text AS holder, worker, phase, to_json(since) #>> '{}' AS since
        FROM stint_endpoint_leases WHERE endpoint = ${endpoint} AND expires_at > clock_timestamp()
        ORDER BY stint_endpoint_leases.since`,
      decodeLiving
    )

  // Who stands still with the row in hand loses it: else a frozen process would be in everybody's way.
  const bounded = sql`, set_config('idle_in_transaction_session_timeout', ${String(GRIP)}, true)`

  const isUnderWay = sql`called_at > clock_timestamp() - ${span(UNDER_WAY)}`
  const nobodyLives = sql`NOT EXISTS (SELECT FROM stint_endpoint_leases l
    WHERE l.endpoint = stint_endpoints.endpoint AND expires_at > clock_timestamp())`

  const read = Effect.fnUntraced(function* (endpoint: string, isLocked: boolean) {
    const [row] = yield* Effect.flatMap(
      sql`SELECT api_url AS "apiUrl", state, policy, facts, to_json(since) #>> '{}' AS since, detail,
        coalesce(${mayWakeFor(sql)} > 0, false) AS "mayWake"
        ${isLocked ? bounded : sql.literal("")} FROM stint_endpoints WHERE endpoint = ${endpoint}
        ${sql.literal(isLocked ? "FOR UPDATE" : "")}`,
      decodeRows
    )
    if (row === undefined) return undefined
    const { mayWake: isExpected, ...known } = row
    const seen: Seen = {
      row: { ...known, detail: row.detail ?? undefined },
      living: yield* living(endpoint),
      mayWake: isExpected
    }
    return seen
  })

  /** Decides on an endpoint, one at a time. */
  const locked = <A, E, R>(endpoint: string, use: (seen: Seen | undefined) => Effect.Effect<A, E, R>) =>
    transaction(sql, Effect.flatMap(read(endpoint, true), use))

  const put = ({ endpoint, holder, ttlMillis, worker }: Holder, phase: Phase) =>
    sql`INSERT INTO stint_endpoint_leases (endpoint, holder, worker, phase, expires_at)
      VALUES (${endpoint}, ${holder}::uuid, ${worker}, ${phase}, ${until(ttlMillis)})
      ON CONFLICT (endpoint, holder) DO UPDATE SET expires_at = EXCLUDED.expires_at, phase = EXCLUDED.phase`

  const called = ({ endpoint, holder }: Pick<Holder, "endpoint" | "holder">) =>
    sql`UPDATE stint_endpoint_leases SET called_at = clock_timestamp() WHERE endpoint = ${endpoint} AND holder = ${holder}::uuid`

  const remove = ({ endpoint, holder }: Pick<Holder, "endpoint" | "holder">) =>
    sql`DELETE FROM stint_endpoint_leases WHERE endpoint = ${endpoint} AND holder = ${holder}::uuid`

  return {
    /** What is known; nothing where nobody ever held it. */
    look: (endpoint: string) => read(endpoint, false),

    /** Decides on a claim and writes down what follows. */
    claim: (me: Holder, claim: Leases.Claim): Effect.Effect<Decision, unknown> => {
      const { endpoint } = me
      const { apiUrl, policy, pricePerHour } = claim
      const fresh = encodeFacts({ pricePerHour })
      return Effect.andThen(
        sql`INSERT INTO stint_endpoints (endpoint, api_url, state, policy, facts)
          VALUES (${endpoint}, ${apiUrl}, 'released', ${policy}, ${fresh}) ON CONFLICT DO NOTHING`,
        locked(
          endpoint,
          Effect.fnUntraced(function* (seen) {
            if (seen === undefined) return yield* Effect.die(new Error("the endpoint's row is gone"))
            const decision = decide(claim, seen)
            if (decision._tag === "New") {
              yield* sql`UPDATE stint_endpoints SET api_url = ${apiUrl}, state = 'held', policy = ${policy},
                facts = ${fresh}, since = clock_timestamp(), updated_at = clock_timestamp(), detail = NULL
                WHERE endpoint = ${endpoint}`
            }
            if (decision._tag === "New" || decision._tag === "TakenOver") {
              yield* sql`DELETE FROM stint_endpoint_leases
                WHERE endpoint = ${endpoint} AND expires_at <= clock_timestamp() AND (${isUnderWay}) IS NOT TRUE`
            }
            if (decision._tag === "New" || decision._tag === "TakenOver" || decision._tag === "Joined") {
              yield* put(me, "acquiring")
            }
            return decision
          })
        )
      )
    },

    /**
     * Goes on holding; `mine` is false where the lease has run out. A beat that comes late does not undo a step. A call that wakes
     * the endpoint is tried again for minutes: it may have been sent anew at any time until the last beat.
     */
    renew: ({ endpoint, holder, ttlMillis }: Holder, phase: Phase, isCalling: boolean) =>
      sql`WITH mine AS (
          UPDATE stint_endpoint_leases SET expires_at = ${until(ttlMillis)},
            called_at = ${isCalling ? sql`clock_timestamp()` : sql`called_at`},
            phase = CASE WHEN phase = 'releasing' OR ${phase} = 'acquiring' THEN phase ELSE ${phase} END
          WHERE endpoint = ${endpoint} AND holder = ${holder}::uuid AND expires_at > clock_timestamp() RETURNING 1
        ) SELECT (SELECT count(*) > 0 FROM mine) AS mine, (SELECT count(*)::int FROM stint_endpoint_leases
          WHERE endpoint = ${endpoint} AND holder <> ${holder}::uuid AND expires_at > clock_timestamp()) AS others`.pipe(
        Effect.flatMap(decodeBeat),
        Effect.map(([beat]) => beat)
      ),

    /** Takes a lease again that had run out. Nothing while the endpoint is being released, else its state. */
    retake: (me: Holder, phase: Phase) =>
      locked(
        me.endpoint,
        Effect.fnUntraced(function* (seen) {
          if (
            seen === undefined ||
            seen.living.some(({ holder, phase }) => phase === "releasing" && holder !== me.holder)
          ) {
            return undefined
          }
          yield* put(me, phase)
          // It goes on to wake it: whoever comes after it must know that it may be awake.
          if (phase === "acquiring" && seen.living.every(({ holder }) => holder === me.holder)) {
            yield* sql`UPDATE stint_endpoints SET state = 'held', updated_at = clock_timestamp(), detail = NULL
              WHERE endpoint = ${me.endpoint}`
          }
          return seen.row.state
        })
      ),

    /** Adds to what is known of the endpoint; `false` where the lease has run out. */
    note: ({ endpoint, holder }: Holder, facts: Leases.Facts) =>
      locked(
        endpoint,
        Effect.fnUntraced(function* (seen) {
          if (!seen?.living.some((one) => one.holder === holder)) return false
          yield* sql`UPDATE stint_endpoints SET facts = ${encodeFacts(Leases.merge(seen.row.facts, facts))},
            updated_at = clock_timestamp() WHERE endpoint = ${endpoint}`
          if (wakes(facts)) yield* called({ endpoint, holder })
          return true
        })
      ),

    called,

    /** The endpoint is had: others may come in, and the policy is that of the claim. `mayLand`: not all calls were answered. */
    acquired: (me: Holder, policy: ReleasePolicy, mayLand: boolean) =>
      locked(me.endpoint, () =>
        Effect.andThen(
          sql`UPDATE stint_endpoints SET state = 'held', policy = ${policy}, updated_at = clock_timestamp(), detail = NULL
            WHERE endpoint = ${me.endpoint}`,
          sql`UPDATE stint_endpoint_leases SET phase = 'held', called_at = ${mayLand ? sql`called_at` : null}
            WHERE endpoint = ${me.endpoint} AND holder = ${me.holder}::uuid`
        )
      ),

    /**
     * Counts out: the last one keeps its place until the endpoint is released. One that had it awake, whose lease has run out and
     * which was released since, has nothing to release: whoever woke it again is somebody else. One that was waking it has.
     */
    leave: (me: Holder, wasAwake: boolean) =>
      locked(
        me.endpoint,
        Effect.fnUntraced(function* (seen) {
          const isShared = seen?.living.some(({ holder }) => holder !== me.holder) === true
          const isOver = wasAwake && seen?.living.length === 0 && seen.row.state === "released"
          const isLast = !isShared && !isOver
          yield* isLast ? put(me, "releasing") : remove(me)
          return isLast ? ("last" as const) : ("others" as const)
        })
      ),

    /**
     * Renews the place of one who releases. One that ran out is had again while nobody else is there and nobody has released it:
     * `false` where it is another's by now.
     */
    fence: (me: Holder) =>
      locked(
        me.endpoint,
        Effect.fnUntraced(function* (seen) {
          const isMine = seen?.living.some(({ holder }) => holder === me.holder) === true
          const isFree = seen?.living.length === 0 && seen.row.state !== "released"
          if (isMine || isFree) yield* put(me, "releasing")
          return isMine || isFree
        })
      ),

    /**
     * Gives the place back, with what became of the endpoint. Nothing is said of one that others have by now, nor by one whose
     * lease has run out: others may have had it since, and what it did last is not known to be what counts.
     */
    ended: (me: Holder, unconfirmed: string | undefined) =>
      locked(
        me.endpoint,
        Effect.fnUntraced(function* (seen) {
          const isMine = seen?.living.every(({ holder }) => holder === me.holder) && seen.living.length > 0
          yield* remove(me)
          if (!isMine) return
          const state: State = unconfirmed === undefined ? "released" : "unconfirmed"
          yield* sql`UPDATE stint_endpoints SET state = ${state}, detail = ${unconfirmed ?? null},
            updated_at = clock_timestamp() WHERE endpoint = ${me.endpoint}`
        })
      ),

    remove,

    /**
     * One at a time wakes an endpoint, for those who hold it now: `false` where another is at it, or nobody is left who does. From
     * then on it may be billing, also where whoever wakes it and all who hold it are lost before that is written down.
     */
    waking: (endpoint: string, forMillis: number) =>
      Effect.map(
        sql`UPDATE stint_endpoints SET waking_until = clock_timestamp() + ${span(forMillis)}, state = 'unconfirmed',
            detail = 'being woken for a holder that is back', updated_at = clock_timestamp()
          WHERE endpoint = ${endpoint} AND state <> 'held'
          AND (waking_until IS NULL OR waking_until <= clock_timestamp())
          AND EXISTS (SELECT FROM stint_endpoint_leases l WHERE l.endpoint = stint_endpoints.endpoint
            AND phase = 'held' AND expires_at > clock_timestamp()) RETURNING 1`,
        (rows) => rows.length > 0
      ),

    /** A call that nobody waited for has woken it: `false` where it is somebody's by now. */
    wokenLate: (endpoint: string) =>
      Effect.map(
        sql`UPDATE stint_endpoints SET state = 'unconfirmed', detail = 'woken by a call whose sender is gone',
            updated_at = clock_timestamp() WHERE endpoint = ${endpoint} AND state = 'released' AND ${nobodyLives} RETURNING 1`,
        (rows) => rows.length > 0
      ),

    /** It was put to sleep, and is awake again for those who hold it; or could not be woken. */
    woken: (endpoint: string, isAwake: boolean) =>
      isAwake
        ? sql`UPDATE stint_endpoints SET state = 'held', updated_at = clock_timestamp(), detail = NULL, waking_until = NULL
            WHERE endpoint = ${endpoint}`
        : sql`UPDATE stint_endpoints SET waking_until = NULL WHERE endpoint = ${endpoint}`,

    /**
     * The endpoints about which something is to be done: held by nobody for so long and not released, or released and held; and
     * those that sleep and may be woken yet by a call whose sender is gone.
     * A database that has just come back knows of no heartbeat yet: for the length of a lease it calls nobody dead.
     */
    due: (ttlMillis: number, overdueMillis: number) =>
      sql`SELECT e.endpoint, leases.living > 0 AS "isHeld" FROM stint_endpoints e CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE expires_at > clock_timestamp()) AS living,
            count(*) FILTER (WHERE ${isUnderWay}) AS calls,
            count(*) FILTER (WHERE expires_at > clock_timestamp() AND phase = 'held') AS held,
            max(expires_at) AS latest
          FROM stint_endpoint_leases l WHERE l.endpoint = e.endpoint
        ) leases
        WHERE (e.state <> 'held' AND leases.held > 0)
          OR (e.state = 'released' AND leases.living = 0 AND (leases.calls > 0 OR e.waking_until > clock_timestamp())) OR (
          e.state <> 'released' AND leases.living = 0
          AND coalesce(leases.latest, e.updated_at) <= clock_timestamp() - ${span(overdueMillis)}
          AND pg_postmaster_start_time() <= clock_timestamp() - ${span(ttlMillis)})
        ORDER BY e.endpoint`.pipe(Effect.flatMap(decodeDue))
  }
}

export type Rows = ReturnType<typeof make>
