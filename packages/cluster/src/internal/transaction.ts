/** Transactions that a process which stands still does not keep, and whose connection may be lost. */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"

/** So long, in milliseconds, rows are held for one who sends nothing. */
const GRIP = 10_000

/**
 * A transaction. One whose connection is lost cannot be rolled back by us either, which `effect/sql` takes for a defect; it is an
 * error of the database as any other, and whoever asks deals with it as that.
 */
export const transaction = <A, E, R>(
  sql: SqlClient.SqlClient,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, R> =>
  Effect.catchDefect(sql.withTransaction(use), (defect): Effect.Effect<never, SqlError.SqlError> =>
    SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
  )

/** A transaction; who stands still in it loses it: else a frozen process would be in everybody's way. */
export const bounded = <A, E, R>(
  sql: SqlClient.SqlClient,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError.SqlError, R> =>
  transaction(
    sql,
    Effect.andThen(sql`SELECT set_config('idle_in_transaction_session_timeout', ${String(GRIP)}, true)`, use)
  )
