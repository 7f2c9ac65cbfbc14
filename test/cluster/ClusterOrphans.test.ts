/** Results that come in when their run is gone. */
import { assert, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { InputRef } from "@stint/cluster"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Writer from "../../packages/cluster/src/internal/results/writer.ts"
import * as Runs from "../../packages/cluster/src/internal/run/runs.ts"
import { counting, embedding, endpoint, limit, make } from "./clusterWorld.ts"

const rowOf = (runId: string, position: number): Writer.Row => ({
  runId,
  position,
  key: `r${position}`,
  fingerprint: "f",
  succeeded: true,
  runAttempt: 1,
  attempts: 1,
  durationMillis: 1,
  output: "[]",
  error: null,
  input: null
})

it.live("of a run that is purged, or is being purged, no result is written; of its neighbour all are", () =>
  Effect.gen(function* () {
    const world = yield* make(counting(5).engine)
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient
      const runs = yield* Runs.make
      const writer = yield* Writer.make
      const input = InputRef.file(yield* world.file("rows.jsonl", ""))
      for (const run of ["one", "two"]) {
        yield* embedding.start({ run, input, endpoint, limit, parameters: {} })
      }
      const one = (yield* runs.find("one"))?.id ?? ""
      const two = (yield* runs.find("two"))?.id ?? ""
      const there = sql`SELECT run_id::text AS run, position::int AS position FROM stint_results ORDER BY run_id, position`
      yield* writer.write([rowOf(one, 0), rowOf(two, 0)])
      assert.deepStrictEqual(yield* there, [
        { run: one, position: 0 },
        { run: two, position: 0 }
      ])
      yield* runs.stop(one, 1, "cancelled", null)
      yield* runs.report(one, 1, "{}")
      // What was in flight when it was cancelled is kept.
      yield* writer.write([rowOf(one, 1)])
      assert.isTrue(yield* runs.forget(one, 1))
      yield* writer.write([rowOf(one, 2), rowOf(two, 1)])
      yield* sql`DELETE FROM stint_results WHERE run_id = ${one}::text::bigint AND position = 0`
      yield* sql`DELETE FROM stint_runs WHERE run = 'one'`
      yield* writer.write([rowOf(one, 3), rowOf(two, 2)])
      assert.deepStrictEqual(yield* there, [
        { run: one, position: 1 },
        { run: two, position: 0 },
        { run: two, position: 1 },
        { run: two, position: 2 }
      ])
    }).pipe(Effect.provide(world.client))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)
