/** Runs whose starter went away before all was said. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, inWorld, limit, lines } from "./clusterWorld.ts"

it.live(
  "a run is begun, and a cancelled one summed up, whoever was lost before the workflow was asked for",
  () =>
    inWorld(counting(5), (world) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(20)))
        const runs = ["told", "untold", "cancelled", "untold-and-cancelled"]
        for (const run of runs) yield* embedding.start({ run, input, endpoint, limit, parameters: {} })
        for (const run of runs.slice(2)) yield* ClusterBatch.cancel(run)
        // As if their starter had gone down in the middle, a while ago.
        yield* sql`DELETE FROM cluster_messages`
        yield* sql`UPDATE stint_runs SET created_at = created_at - interval '1 minute', finished_at = finished_at - interval '1 minute'`
        yield* sql`UPDATE stint_runs SET token = NULL WHERE run LIKE 'untold%'`
        yield* world.start()
        for (const run of runs.slice(0, 2)) {
          const report = yield* Effect.timeout(ClusterBatch.wait(run), "40 seconds")
          assert.strictEqual(report.succeeded, 20, run)
        }
        for (const run of runs.slice(2)) {
          const error = yield* Effect.flip(Effect.timeout(ClusterBatch.wait(run), "60 seconds"))
          assert.strictEqual(error._tag, "RunCancelled", run)
          yield* ClusterBatch.resume(run)
          assert.strictEqual((yield* ClusterBatch.wait(run)).succeeded, 20, run)
        }
      })
    )
)
