/**
 * The tables of runs, their chunks, their results, the workers, and the limit that they share.
 *
 * What is JSON is kept as text, to the letter: `jsonb` has no NUL and loses how a number was written.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

/** Makes them. */
export const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE stint_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL UNIQUE,
    definition text NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    endpoint text NOT NULL,
    settings text NOT NULL,
    input text NOT NULL,
    stamp text,
    state text NOT NULL,
    token text,
    error text,
    items bigint,
    chunks integer,
    chunks_done integer NOT NULL DEFAULT 0,
    report text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz
  )`
  yield* sql`CREATE TABLE stint_chunks (
    run_id bigint NOT NULL REFERENCES stint_runs ON DELETE CASCADE,
    number integer NOT NULL,
    first bigint NOT NULL,
    items integer NOT NULL,
    place text NOT NULL,
    done boolean NOT NULL DEFAULT false,
    worker text,
    failed integer NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    faults text,
    taken_at timestamptz,
    done_at timestamptz,
    PRIMARY KEY (run_id, number)
  )`
  // No reference to the run: checking it would cost each row, and lock the run's.
  yield* sql`CREATE TABLE stint_results (
    run_id bigint NOT NULL,
    position bigint NOT NULL,
    row_key text NOT NULL,
    fingerprint text NOT NULL,
    succeeded boolean NOT NULL,
    run_attempt integer NOT NULL,
    attempts integer NOT NULL,
    duration_ms double precision NOT NULL,
    output text,
    error text,
    input text,
    PRIMARY KEY (run_id, position)
  )`
  yield* sql`CREATE TABLE stint_workers (
    worker text PRIMARY KEY,
    host text NOT NULL,
    state text NOT NULL,
    definitions text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    in_flight integer NOT NULL DEFAULT 0,
    limit_share integer NOT NULL DEFAULT 0,
    items_done bigint NOT NULL DEFAULT 0,
    rate double precision NOT NULL DEFAULT 0
  )`
  yield* sql`CREATE TABLE stint_limits (
    endpoint text PRIMARY KEY,
    total integer NOT NULL,
    leader text NOT NULL,
    leader_until timestamptz NOT NULL
  )`
  yield* sql`CREATE TABLE stint_shares (
    endpoint text NOT NULL,
    worker text NOT NULL,
    demand integer NOT NULL,
    held integer NOT NULL,
    heard integer NOT NULL DEFAULT 0,
    granted integer NOT NULL DEFAULT 0,
    counts text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (endpoint, worker)
  )`
})

/** Makes the table of accounts: what each worker of an attempt has seen to be billed, as JSON. */
export const accounts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE stint_accounts (
    run_id bigint NOT NULL REFERENCES stint_runs ON DELETE CASCADE,
    attempt integer NOT NULL,
    worker text NOT NULL,
    account text NOT NULL,
    endpoint text NOT NULL,
    steps text NOT NULL,
    facts text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, attempt, worker)
  )`
})
