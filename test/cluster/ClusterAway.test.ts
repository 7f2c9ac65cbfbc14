/** A database that does not answer for a moment, just as a worker begins. */
import { assert, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Deferred, Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, limit, lines, make, quiet } from "./clusterWorld.ts"

it.live("leases that cannot be written for seconds put a chunk off, and do not end its run", () =>
  Effect.gen(function* () {
    const { engine } = counting(5)
    const world = yield* make(engine)
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient
      const input = InputRef.file(yield* world.file("rows.jsonl", lines(20)))
      yield* embedding.start({ run: "late", input, endpoint, limit, parameters: {} })
      const isLocked = yield* Deferred.make<void>()
      yield* sql
        .withTransaction(
          Effect.gen(function* () {
            yield* sql`LOCK TABLE stint_endpoints IN ACCESS EXCLUSIVE MODE`
            yield* Deferred.succeed(isLocked, undefined)
            // Longer than a worker waits for an answer.
            yield* sql`SELECT pg_sleep(8)`
          })
        )
        .pipe(Effect.forkScoped)
      yield* Deferred.await(isLocked)
      yield* world.start()
      const { failed, succeeded } = yield* Effect.timeout(ClusterBatch.wait("late"), "60 seconds")
      assert.deepStrictEqual({ failed, succeeded }, { failed: 0, succeeded: 20 })
    }).pipe(Effect.provide(world.client))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
)
