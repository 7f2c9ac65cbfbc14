/** A transaction whose connection is lost in the middle of it, so that not even its rollback arrives. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { bounded } from "../../packages/cluster/src/internal/transaction.ts"
import * as Postgres from "../postgres/server.ts"

const inDatabase = <A, E>(program: Effect.Effect<A, E, SqlClient>) =>
  Effect.gen(function* () {
    const url = yield* Postgres.database
    return yield* Effect.provide(program, Postgres.client(url, 2))
  }).pipe(Effect.scoped)

describe("a transaction whose connection is lost", () => {
  it.live("fails as a statement does, which can be retried, and does not die", () =>
    inDatabase(
      Effect.gen(function* () {
        const sql = yield* SqlClient
        let times = 0
        const lost = bounded(
          sql,
          Effect.suspend(() => {
            times++
            return times > 1 ? sql`SELECT 1` : sql`SELECT pg_terminate_backend(pg_backend_pid())`
          })
        )
        yield* Effect.retry(lost, { times: 1 })
        assert.strictEqual(times, 2)
      })
    )
  )

  it.live("dies of what its own code throws, as ever", () =>
    inDatabase(
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const thrown = new Error("a defect of its own")
        const defect = yield* bounded(sql, Effect.die(thrown)).pipe(
          Effect.as(undefined),
          Effect.catchDefect(Effect.succeed)
        )
        assert.strictEqual(defect, thrown)
      })
    )
  )
})
