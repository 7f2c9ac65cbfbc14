/** A database that is away for a moment while it is asked for the rows of an input. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, inWorld, limit } from "./clusterWorld.ts"

it.live(
  "a table that cannot be read for a moment ends no run, neither while it is cut nor while it is done",
  () =>
    inWorld(counting(5), (world) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE words AS SELECT 'r' || nth AS id, 't' || nth AS text FROM generate_series(1, 20) AS nth`
        // Questions are counted, those that fail too. The second is one of the cut, the eighth one of a chunk.
        yield* sql`CREATE SEQUENCE asked`
        yield* sql`CREATE FUNCTION away() RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN IF nextval('asked') IN (2, 8) THEN RAISE 'no room' USING ERRCODE = '53300'; END IF; RETURN true; END $$`
        yield* world.start()
        const input = InputRef.table(
          "WITH now AS MATERIALIZED (SELECT away() AS there) SELECT id, text FROM words, now WHERE there",
          "id"
        )
        yield* embedding.start({ run: "away", input, endpoint, limit, chunk: 10, parameters: {} })
        const report = yield* Effect.timeout(ClusterBatch.wait("away"), "30 seconds")
        assert.strictEqual(report.succeeded, 20)
        const [counted] = yield* sql<{ count: number }>`SELECT last_value::int AS count FROM asked`
        assert.isAtLeast(counted?.count ?? 0, 10)
      })
    )
)
