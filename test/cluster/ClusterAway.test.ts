/** A database that does not answer for a moment, just as a worker begins. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Deferred, Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, inWorld, limit, lines } from "./clusterWorld.ts"

it.live("leases that cannot be written for seconds put a chunk off, and do not end its run", () =>
  inWorld(counting(5), (world) =>
    Effect.gen(function* () {
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
    })
  )
)
