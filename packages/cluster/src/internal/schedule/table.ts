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

/** Adds when it is due, as its workers say, and the last tick whose run could not be started. */
export const times = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE stint_schedules ADD COLUMN cron text, ADD COLUMN zone text,
    ADD COLUMN failed_due bigint, ADD COLUMN failed_why text`
})
