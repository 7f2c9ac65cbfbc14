/** The tables of a cluster, on a real Postgres. */
import { assert, describe, it } from "@effect/vitest"
import { Migrations } from "@stint/cluster"
import { Effect, Layer, Schema } from "effect"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import { SqlClient } from "effect/sql/SqlClient"
import * as Postgres from "../postgres/server.ts"

const tables = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows =
    yield* sql`SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`
  return rows.map(({ name }) => name)
})

/** Those without which nothing goes, of each part. */
const wanted = [
  "cluster_locks",
  "cluster_messages",
  "effect_queue",
  "stint_endpoint_leases",
  "stint_endpoints",
  "stint_results",
  "stint_runs"
]

describe("the tables of a cluster", () => {
  it.live("are made once, by however many processes at once, and asked for before", () =>
    Effect.gen(function* () {
      const url = yield* Postgres.database
      const lacking = yield* Effect.flip(Effect.provide(Migrations.check, Postgres.client(url, 1)))
      assert.strictEqual(lacking._tag, "NotMigrated")
      assert.include(lacking.message, "stint cluster migrate")
      // Clients of their own, as processes have.
      const made = yield* Effect.all(
        Array.from({ length: 4 }, () => Effect.provide(Migrations.migrate, Postgres.client(url, 2))),
        { concurrency: "unbounded" }
      )
      const own = made.flat().filter((name) => name === "endpoints" || name === "runs")
      assert.deepStrictEqual(own.toSorted(), ["endpoints", "runs"])
      yield* Effect.gen(function* () {
        assert.includeMembers(yield* tables, wanted)
        yield* Migrations.check
        assert.deepStrictEqual(yield* Migrations.migrate, [])
      }).pipe(Effect.provide(Postgres.client(url, 2)))
    }).pipe(Effect.scoped)
  )

  it.live("give a worker's role rows to read and write, and no table to change", () =>
    Effect.gen(function* () {
      const server = yield* Postgres.shared
      const url = yield* Postgres.databaseOn(server)
      const role = `worker "%' ${process.pid}`
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* Migrations.migrate
        yield* Effect.acquireRelease(sql`CREATE ROLE ${sql(role)} LOGIN`, () =>
          Effect.ignore(Effect.andThen(sql`DROP OWNED BY ${sql(role)}`, sql`DROP ROLE ${sql(role)}`))
        )
        for (const statement of Migrations.grants(role)) yield* sql.unsafe(statement)
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* Migrations.check
          const all = yield* tables
          assert.includeMembers(all, wanted)
          const rights = yield* sql`SELECT c.relname AS name, r AS "right" FROM pg_class c,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
            AND NOT has_table_privilege(c.oid, r)`
          assert.deepStrictEqual(rights, [])
          yield* sql`INSERT INTO stint_endpoints (endpoint, api_url, state, policy, facts) VALUES ('n/e', '', 'released', 'pause', '{}')`
          yield* sql`DELETE FROM stint_endpoints`
          // The queue looks at its tables when it starts, and changes none that is up to date.
          const queue = yield* PersistedQueue.make({ name: "q", schema: Schema.String })
          yield* queue.offer("x", { id: "1" })
          for (const statement of [
            "CREATE TABLE mine ()",
            "DROP TABLE stint_runs",
            "TRUNCATE stint_results"
          ]) {
            const refused = yield* Effect.flip(sql.unsafe(statement))
            assert.strictEqual(refused.reason._tag, "AuthorizationError", statement)
          }
        }).pipe(
          Effect.provide(
            PersistedQueue.layer.pipe(
              Layer.provide(PersistedQueue.layerStoreSql()),
              Layer.provideMerge(Postgres.client(Postgres.as(url, role), 4))
            )
          )
        )
      }).pipe(Effect.scoped, Effect.provide(Postgres.client(url, 2)))
    }).pipe(Effect.scoped)
  )

  it.live("say what is wrong where they cannot be made", () =>
    Effect.gen(function* () {
      const url = yield* Postgres.database
      const error = yield* Effect.gen(function* () {
        yield* SqlClient.use((sql) => sql`CREATE VIEW stint_runs AS SELECT 1`)
        return yield* Effect.flip(Migrations.migrate)
      }).pipe(Effect.provide(Postgres.client(url, 2)))
      assert.strictEqual(error._tag, "MigrationFailed")
      assert.include(error.message, "stint_runs")
    }).pipe(Effect.scoped)
  )
})
