/** Transactions that a process which stands still does not keep. */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** So long, in milliseconds, rows are held for one who sends nothing. */
const GRIP = 10_000

/** A transaction; who stands still in it loses it: else a frozen process would be in everybody's way. */
export const bounded = <A, E, R>(
  sql: SqlClient.SqlClient,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  sql.withTransaction(
    Effect.andThen(sql`SELECT set_config('idle_in_transaction_session_timeout', ${String(GRIP)}, true)`, use)
  )
