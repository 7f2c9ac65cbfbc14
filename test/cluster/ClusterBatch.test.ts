/** A run over three workers that come and go, on a real Postgres and an emulator that counts every request. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, limit, lines, make, quiet } from "./clusterWorld.ts"

const ROWS = 2000

/** What the engine and the queue keep of it. */
const kept = Effect.flatMap(
  SqlClient,
  (sql) => sql<{ messages: number; queued: number }>`
    SELECT (SELECT count(*)::int FROM cluster_messages) AS messages, (SELECT count(*)::int FROM effect_queue) AS queued`
)

/** How many rows have their result. */
const written = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    sql<{ rows: number }>`SELECT count(*)::int AS rows FROM stint_results`,
    ([found]) => found?.rows ?? 0
  )
)

describe("a run over three workers", () => {
  it.live(
    "loses no row when one is killed and another one is stopped, and redoes no more than was in flight or unwritten",
    () =>
      Effect.gen(function* () {
        const { asked, engine, most } = counting(20)
        const world = yield* make(engine)
        const [first, second] = yield* Effect.all([world.start({ grace: 0 }), world.start(), world.start()], {
          concurrency: "unbounded"
        })
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(ROWS)))
        const total = () => [...asked.values()].reduce((sum, count) => sum + count, 0)
        const untilAsked = (count: number) =>
          Effect.repeat(Effect.sync(total), {
            schedule: Schedule.spaced("10 millis"),
            until: (now) => now >= count
          })
        yield* Effect.gen(function* () {
          yield* embedding.start({ run: "one", input, endpoint, limit, chunk: 64, parameters: {} })
          yield* untilAsked(500)
          assert.strictEqual(total(), asked.size)
          yield* first.stop
          // What was in flight then, or answered and not yet in the table: the others' too, which are not lost.
          const unwritten = asked.size - (yield* written)
          yield* untilAsked(1200)
          yield* second.stop
          const report = yield* ClusterBatch.wait("one")
          assert.deepStrictEqual(
            {
              items: report.items,
              succeeded: report.succeeded,
              failed: report.failed,
              remaining: report.remaining
            },
            { items: ROWS, succeeded: ROWS, failed: 0, remaining: 0 }
          )
          assert.strictEqual(asked.size, ROWS)
          // Of the one that was killed; the one that was stopped has finished what it had sent.
          assert.isAtMost(total() - ROWS, unwritten)
          // One request more for each chunk that is begun while all places are taken.
          assert.isAtMost(most(), 24 + 6)
          const status = yield* ClusterBatch.status("one")
          assert.strictEqual(status.state, "finished")
          assert.strictEqual(status.itemsDone, ROWS)
          // Never one for each row.
          const [{ messages, queued } = { messages: 0, queued: 0 }] = yield* kept
          assert.strictEqual(queued, Math.ceil(ROWS / 64))
          assert.isAtMost(messages, 8)
        }).pipe(Effect.provide(world.client))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})
