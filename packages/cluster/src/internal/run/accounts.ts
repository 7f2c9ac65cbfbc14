/**
 * The accounts of a run's workers, as rows: what each of them has seen to be billed, from its first call on. A worker writes
 * its own with each pulse, in the same statement.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Cost, CostLedger } from "@stint/batch"
import { within } from "../lease/within.ts"
import * as Bill from "./bill.ts"

/** After so long without a word, in milliseconds, a worker is taken for dead: as long as its row among the workers lasts. */
const SILENT = 10_000

const StepsText = Schema.fromJsonString(Schema.Array(Schema.Tuple([Schema.Finite, Schema.Int])))
const FactsText = Schema.fromJsonString(
  Schema.Struct({
    pricePerHour: Schema.optional(Schema.Finite),
    priceFrom: Schema.optional(Cost.PriceFrom),
    priceAsOf: Schema.optional(Schema.String),
    ranBefore: Schema.optional(Schema.Boolean)
  })
)
const encodeSteps = Schema.encodeSync(StepsText)
const encodeFacts = Schema.encodeSync(FactsText)
const decodeSteps = Schema.decodeUnknownSync(StepsText)
const decodeFacts = Schema.decodeUnknownSync(FactsText)

/** As an account is written down: times are the database's. */
const textOf = (steps: ReadonlyArray<CostLedger.Step>, later: number) =>
  encodeSteps(steps.map(({ at, replicas }) => [Math.round(at + later), replicas] as const))

/** An attempt of a run. */
export interface Attempt {
  readonly id: string
  readonly attempt: number
}

/** What a worker has to say of an attempt. */
export interface Word extends Attempt {
  readonly account: string
  readonly steps: string
  readonly facts: string
}

/** An account that is being kept: what it says now. */
export interface Kept {
  readonly word: Effect.Effect<Word>
}

interface Row {
  readonly steps: string
  readonly facts: string
  readonly ended: boolean
  readonly seen: number
  readonly silent: boolean
  readonly state: string | null
  readonly since: number | null
  readonly updated: number | null
  readonly finished: number | null
  readonly now: number
}

const millis = (moment: string) => `(extract(epoch FROM ${moment}) * 1000)::float8`

/** All that is written down about an attempt. */
export const read = Effect.fnUntraced(function* ({
  attempt,
  id
}: Attempt): Effect.fn.Return<Bill.Books, SqlError, SqlClient.SqlClient> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const rows = yield* sql<Row>`SELECT a.steps, a.facts, a.ended, ${sql.literal(millis("a.seen_at"))} AS seen,
      NOT a.ended AND a.seen_at < clock_timestamp() - ${sql.literal(`interval '${SILENT} milliseconds'`)} AS silent,
      e.state, ${sql.literal(millis("e.since"))} AS since, ${sql.literal(millis("e.updated_at"))} AS updated,
      CASE WHEN r.attempt = a.attempt THEN ${sql.literal(millis("r.finished_at"))} END AS finished,
      ${sql.literal(millis("clock_timestamp()"))} AS now
    FROM stint_accounts a JOIN stint_runs r ON r.id = a.run_id LEFT JOIN stint_endpoints e ON e.endpoint = a.endpoint
    WHERE a.run_id = ${id}::text::bigint AND a.attempt = ${attempt} ORDER BY a.began_at, a.worker`
  const [row] = rows
  return {
    accounts: rows.map(({ ended, facts, seen, silent, steps }) => ({
      steps: decodeSteps(steps).map(([at, replicas]) => ({ at, replicas })),
      facts: decodeFacts(facts),
      seenAt: seen,
      isEnded: ended,
      isSilent: silent
    })),
    holding:
      row === undefined || row.since === null || row.updated === null
        ? undefined
        : { isReleased: row.state === "released", since: row.since, updatedAt: row.updated },
    finishedAt: row?.finished ?? undefined,
    now: row?.now ?? 0
  }
})

/** What an attempt has cost by now; nothing where nobody has held the endpoint for it. */
export const billOf = (attempt: Attempt) => Effect.map(read(attempt), Bill.of)

/**
 * What workers say with a pulse, as a part of its statement; an account that is another's by now, or of a run that was purged,
 * is left alone.
 */
export const spoken = (sql: SqlClient.SqlClient, words: ReadonlyArray<Word>) =>
  sql`UPDATE stint_accounts SET steps = said.steps, facts = said.facts, seen_at = clock_timestamp()
    FROM unnest(${words.map(({ id }) => id)}::text[]::bigint[], ${words.map(({ attempt }) => String(attempt))}::text[]::int[],
      ${words.map(({ account }) => account)}::text[], ${words.map(({ steps }) => steps)}::text[],
      ${words.map(({ facts }) => facts)}::text[]) AS said (run_id, attempt, account, steps, facts)
    WHERE stint_accounts.run_id = said.run_id AND stint_accounts.attempt = said.attempt
      AND stint_accounts.account = said.account`

/** A database that is being restarted comes back within this time. */
const patience = Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "1 minute" }))

/**
 * Keeps the account of a worker for an attempt, for as long as the scope is open: opened now, ended when what `use` holds in the
 * scope was released. What the others of the attempt have seen before counts for the leases of `use`. Without a database nobody
 * knows what was spent: then it is interrupted, as a chunk is that is given back.
 */
export const kept = Effect.fnUntraced(function* <A, E, R>(
  options: Attempt & {
    readonly worker: string
    /** The endpoint, `namespace/name`. */
    readonly endpoint: string
    readonly accounts: Set<Kept>
  },
  use: Effect.Effect<A, E, R>
): Effect.fn.Return<A, E, R | Scope.Scope | SqlClient.SqlClient> {
  const { accounts, attempt, endpoint, id, worker } = options
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const account = yield* Effect.sync(() => SecureRandom.uuidV4Unsafe())
  let mine: CostLedger.Account | undefined
  let later = 0
  let before: ReadonlyArray<CostLedger.Step> = []

  const word = Effect.gen(function* () {
    if (mine === undefined) return { id, attempt, account, steps: textOf(before, later), facts: "{}" }
    const { priceAsOf, priceFrom, pricePerHour, ranBefore } = yield* mine.bill
    const facts = encodeFacts({ pricePerHour, priceFrom, priceAsOf, ranBefore })
    return { id, attempt, account, steps: textOf(mine.steps(), later), facts }
  })
  const open = Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const books = yield* read(options)
    const to = yield* Clock.currentTimeMillis
    if (books.accounts.length > 0) later = books.now - (from + to) / 2
    else {
      const [clock] = yield* sql<{ now: number }>`SELECT ${sql.literal(millis("clock_timestamp()"))} AS now`
      later = (clock?.now ?? to) - (yield* Clock.currentTimeMillis)
    }
    before = Bill.stepsOf(books).map(({ at, replicas }) => ({ at: at - later, replicas }))
    yield* sql`INSERT INTO stint_accounts (run_id, attempt, worker, account, endpoint, steps, facts)
      SELECT id, ${attempt}, ${worker}, ${account}, ${endpoint}, ${textOf(before, later)}, '{}' FROM stint_runs
      WHERE id = ${id}::text::bigint
      ON CONFLICT (run_id, attempt, worker) DO UPDATE SET account = EXCLUDED.account, steps = EXCLUDED.steps,
        seen_at = clock_timestamp(), ended = false`
  })
  const end = Effect.gen(function* () {
    const { facts, steps } = yield* word
    yield* sql`UPDATE stint_accounts SET steps = ${steps}, facts = ${facts}, seen_at = clock_timestamp(), ended = true
      WHERE run_id = ${id}::text::bigint AND attempt = ${attempt} AND account = ${account}`
  }).pipe((said) => Effect.ignoreCause(within(said, Duration.seconds(5))))

  yield* Effect.retry(open, patience).pipe(
    Effect.catchCause((cause) =>
      Effect.andThen(Effect.logWarning("What the run has cost cannot be read.", cause), Effect.interrupt)
    )
  )
  const one: Kept = { word }
  // Before the lease's own, so that it is closed after it.
  yield* Effect.acquireRelease(
    Effect.sync(() => accounts.add(one)),
    () =>
      Effect.andThen(
        Effect.sync(() => accounts.delete(one)),
        end
      )
  )
  return yield* Effect.provideService(use, CostLedger.CostLedger, {
    before,
    begun: (account) => {
      mine = account
    }
  })
})
