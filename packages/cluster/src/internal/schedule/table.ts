/** The table of schedules. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

/** Makes it. A time is in milliseconds since 1970, as ticks are reckoned. */
export const table = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE stint_schedules (
    schedule text PRIMARY KEY,
    seen bigint NOT NULL,
    run text,
    due bigint,
    pending boolean NOT NULL DEFAULT false,
    worker text,
    skipped_due bigint,
    skipped_why text
  )`
})
