/** A run that is gone on with while what was in flight when it was cancelled is still being answered. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, FleetLimit, InputRef } from "@stint/cluster"
import { Effect, Schedule } from "effect"
import { counting, embedding, endpoint, inWorld, lines } from "./clusterWorld.ts"

it.live("a chunk that the attempt before ends late is done in the attempt after it, and counted", () =>
  inWorld(counting(3000), (world, asked) =>
    Effect.gen(function* () {
      yield* world.start({ grace: "8 seconds" })
      const input = InputRef.file(yield* world.file("rows.jsonl", lines(80)))
      yield* embedding.start({
        run: "late",
        input,
        endpoint,
        limit: FleetLimit.fixed(100),
        chunk: 40,
        parameters: {}
      })
      yield* Effect.repeat(
        Effect.sync(() => asked.size),
        { schedule: Schedule.spaced("10 millis"), until: (size) => size === 80 }
      )
      yield* ClusterBatch.cancel("late")
      assert.strictEqual((yield* Effect.flip(ClusterBatch.wait("late")))._tag, "RunCancelled")
      yield* ClusterBatch.resume("late")
      yield* world.start()
      const report = yield* Effect.timeout(ClusterBatch.wait("late"), "30 seconds")
      assert.deepStrictEqual(
        { done: report.succeeded + report.skipped, failed: report.failed, remaining: report.remaining },
        { done: 80, failed: 0, remaining: 0 }
      )
      const { chunks, chunksDone } = yield* ClusterBatch.status("late")
      assert.deepStrictEqual({ chunks, chunksDone }, { chunks: 2, chunksDone: 2 })
    })
  )
)
