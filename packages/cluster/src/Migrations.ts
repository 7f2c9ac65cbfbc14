/**
 * The tables of a cluster: made and changed by one command, apart from run time.
 *
 * | table | holds |
 * | --- | --- |
 * | `stint_runs` | a row for each run |
 * | `stint_chunks` | a row for each chunk of a run, and whether it is done |
 * | `stint_results` | a row for each item that has its fate |
 * | `stint_endpoints` | a row for each endpoint: how it was found, and what is to become of it |
 * | `stint_endpoint_leases` | a row for each process that holds an endpoint, until when by the database's clock |
 * | `stint_workers` | a row for each worker |
 * | `stint_limits`, `stint_shares` | a row for each endpoint that is in use, and for each worker's part of its limit |
 * | `stint_schedules` | a row for each schedule: when it is due, and its last ticks |
 * | `stint_accounts` | a row for each worker of an attempt: what it has seen to be billed |
 * | `cluster_…`, `effect_queue…` | the engine's own |
 *
 * Worker processes need no right to change tables: they are given a role of their own with {@link grants}.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { accounts, tables } from "./internal/run/tables.ts"
import { table as schedules, times } from "./internal/schedule/table.ts"

/** The tables could not be made or changed. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  detail: Schema.String
}) {
  override get message() {
    return `The tables of the cluster could not be made or changed: ${this.detail}. Mend the cause, such as a role that may not create tables, and migrate again; nothing of the change that failed is left.`
  }
}

/** The database has not the tables that this version needs. */
export class NotMigrated extends Schema.TaggedError<NotMigrated>()("NotMigrated", {
  /** The latest change that the database has; 0: none. */
  found: Schema.Int,
  wanted: Schema.Int
}) {
  override get message() {
    return this.found > this.wanted
      ? `The database was migrated by a later version (change ${this.found}; this one knows ${this.wanted}). Run that version.`
      : `The database lacks the tables of the cluster (change ${this.wanted} is wanted, ${this.found === 0 ? "none" : this.found} is there). Run the migration first: stint cluster migrate.`
  }
}

const table = "stint_migrations"

const endpoints = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Facts and results are kept as JSON text, to the letter: jsonb has no NUL and loses how a number was written.
  yield* sql`CREATE TABLE stint_endpoints (
    endpoint text PRIMARY KEY,
    api_url text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'released', 'unconfirmed')),
    policy text NOT NULL,
    facts text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    waking_until timestamptz,
    detail text
  )`
  yield* sql`CREATE TABLE stint_endpoint_leases (
    endpoint text NOT NULL REFERENCES stint_endpoints ON DELETE CASCADE,
    holder uuid NOT NULL,
    worker text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('acquiring', 'held', 'releasing')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (endpoint, holder)
  )`
})

/** Adds when a holder sent a call that wakes the endpoint, which nobody has seen answered. */
const calls = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE stint_endpoint_leases ADD COLUMN called_at timestamptz`
})

const own = {
  "0001_endpoints": endpoints,
  "0002_runs": tables,
  "0003_schedules": schedules,
  "0004_accounts": accounts,
  "0005_schedule_times": times,
  "0006_calls": calls
}
const latest = Object.keys(own).length

const detailOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  const text = error instanceof Error ? error.message : String(error)
  return cause === undefined || cause === error ? text : `${text}: ${detailOf(cause)}`
}

/**
 * Makes the tables, or brings them up to this version, and answers with the names of the changes that were made. May be run
 * at any time and by several processes at once; a change is made wholly or not at all.
 *
 * Fails with {@link MigrationFailed}. Needs a role that may create tables.
 *
 * **Example** (Before the workers start)
 *
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Migrations } from "@stint/cluster"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Migrations.migrate.pipe(
 *   Effect.provide(PgClient.layer({ url: Redacted.make("postgres://owner@db.internal/stint") }))
 * )
 * ```
 */
export const migrate: Effect.Effect<ReadonlyArray<string>, MigrationFailed, SqlClient.SqlClient> = Effect.gen(
  function* () {
    const run = Migrator.make({})
    const made = yield* run({ loader: Migrator.fromRecord(own), table })
    const messages = yield* run({ loader: SqlMessageStorage.migrations(), table: "cluster_migrations" })
    // Their numbers overlap, so that the engine keeps two histories.
    const runners = yield* run({
      loader: SqlRunnerStorage.migrations({}),
      table: "cluster_runner_migrations"
    })
    // The queue makes its tables by being made.
    yield* Effect.scoped(PersistedQueue.makeStoreSql())
    return [...made, ...messages, ...runners].map(([, name]) => name)
  }
).pipe(
  Effect.catch((error) => Effect.fail(new MigrationFailed({ detail: detailOf(error) }))),
  Effect.catchDefect((defect) => Effect.fail(new MigrationFailed({ detail: detailOf(defect) })))
)

/** {@link migrate} as a layer: for a program that owns its database, and for tests. */
export const layer: Layer.Layer<never, MigrationFailed, SqlClient.SqlClient> = Layer.effectDiscard(migrate)

/**
 * Fails with {@link NotMigrated} where the database has not the tables of this version: what a worker asks first. Changes
 * nothing.
 */
export const check: Effect.Effect<void, NotMigrated, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const there = yield* sql`SELECT to_regclass(${table}) IS NOT NULL AS there`
  const rows =
    there[0]?.["there"] === true ? yield* sql`SELECT max(migration_id) AS id FROM ${sql(table)}` : []
  const found = Number(rows[0]?.["id"] ?? 0)
  if (found !== latest) return yield* new NotMigrated({ found, wanted: latest })
}).pipe(Effect.catchTag("SqlError", Effect.die))

/** The tables of the cluster, as `c`. */
const ours =
  "c.relnamespace = current_schema()::regnamespace AND (c.relname LIKE 'stint\\_%' OR c.relname LIKE 'cluster\\_%' OR c.relname LIKE 'effect\\_queue%')"

/** The tables that this role may not read and write as a worker does. */
export const withheld: Effect.Effect<
  ReadonlyArray<string>,
  SqlError,
  SqlClient.SqlClient
> = SqlClient.SqlClient.use((client) => {
  const sql = client.withoutTransforms()
  const mayNot = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    .map((right) => `NOT has_table_privilege(c.oid, '${right}')`)
    .join(" OR ")
  return Effect.map(
    sql<{
      name: string
    }>`SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r' AND ${sql.literal(ours)} AND (${sql.literal(mayNot)}) ORDER BY 1`,
    (rows) => rows.map(({ name }) => name)
  )
})

/**
 * The statements that give a role what a worker needs and nothing more: to read and write rows, but not to make, change or
 * drop a table. To be run by the owner after {@link migrate}, and again after each later one.
 *
 * **Example** (A role for the workers)
 *
 * ```ts
 * import { Migrations } from "@stint/cluster"
 *
 * const statements = Migrations.grants("stint_worker")
 * ```
 */
export const grants = (role: string): ReadonlyArray<string> => {
  const quoted = `"${role.replaceAll('"', '""')}"`
  // Within a string that is a format.
  const to = quoted.replaceAll("'", "''").replaceAll("%", "%%")
  const each = (kinds: string, rights: string, what: string) =>
    `DO $grant$ DECLARE one record; BEGIN
  FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relkind IN (${kinds}) AND ${ours}
  LOOP EXECUTE format('GRANT ${rights} ON ${what} %s TO ${to}', one.name); END LOOP;
END $grant$`
  return [
    `DO $grant$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${to}', current_schema()); END $grant$`,
    each("'r'", "SELECT, INSERT, UPDATE, DELETE", "TABLE"),
    each("'S'", "USAGE", "SEQUENCE")
  ]
}
