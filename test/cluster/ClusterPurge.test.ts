/** A purge that was interrupted in the middle. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Runs from "../../packages/cluster/src/internal/run/runs.ts"
import { counting, embedding, endpoint, inWorld, limit, lines } from "./clusterWorld.ts"

it.live(
  "of a run whose purge was interrupted nothing is resumed, started or exported, and it is purged again",
  () =>
    inWorld(counting(5), (world, asked) =>
      Effect.gen(function* () {
        yield* world.start()
        const sql = yield* SqlClient
        const runs = yield* Runs.make
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(20)))
        const options = { run: "half", input, endpoint, limit, chunk: 10, parameters: {} }
        yield* embedding.start(options)
        yield* ClusterBatch.wait("half")
        const run = yield* runs.find("half")
        // The first steps of a purge, and no more of them.
        assert.isTrue(yield* runs.forget(run?.id ?? "", 1))
        yield* sql`DELETE FROM stint_results WHERE position < 10`
        // What its workflow says late changes nothing.
        yield* runs.report(run?.id ?? "", 1, "{}")
        const status = yield* ClusterBatch.status("half")
        assert.deepStrictEqual([status.state, status.chunks, status.chunksDone], ["cancelled", undefined, 0])
        const errors = yield* Effect.all([
          Effect.flip(ClusterBatch.resume("half")),
          Effect.flip(embedding.start(options)),
          Effect.flip(ClusterBatch.wait("half")),
          Effect.flip(ClusterBatch.exportTo("half", world.folder)),
          Effect.flip(Stream.runCollect(ClusterBatch.results("half")))
        ])
        assert.deepStrictEqual(
          errors.map(({ _tag }) => _tag),
          ["RunRefused", "RunRefused", "RunNotFound", "RunNotFound", "RunNotFound"]
        )
        assert.deepStrictEqual(yield* ClusterBatch.finishedBefore("0 seconds"), ["half"])
        assert.strictEqual(yield* ClusterBatch.purge("half"), 10)
        assert.strictEqual((yield* Effect.flip(ClusterBatch.purge("half")))._tag, "RunNotFound")
        yield* embedding.start(options)
        assert.strictEqual((yield* ClusterBatch.wait("half")).succeeded, 20)
        assert.strictEqual(asked.get("t0"), 2)
      })
    )
)

it.live("a purge begins by saying so, before it removes any result", () =>
  inWorld(counting(5), (world) =>
    Effect.gen(function* () {
      yield* world.start()
      const sql = yield* SqlClient
      const input = InputRef.file(yield* world.file("rows.jsonl", lines(20)))
      yield* embedding.start({ run: "kept", input, endpoint, limit, parameters: {} })
      yield* ClusterBatch.wait("kept")
      yield* sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'lost'; END $$`
      yield* sql`CREATE TRIGGER refuse BEFORE DELETE ON stint_results EXECUTE FUNCTION refuse()`
      assert.strictEqual((yield* Effect.flip(ClusterBatch.purge("kept")))._tag, "SqlError")
      assert.strictEqual((yield* Effect.flip(ClusterBatch.resume("kept")))._tag, "RunRefused")
      yield* sql`DROP TRIGGER refuse ON stint_results`
      assert.strictEqual(yield* ClusterBatch.purge("kept"), 20)
    })
  )
)
