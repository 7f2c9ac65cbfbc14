/** A job whose own code throws before anything is sent. */
import { assert, it } from "@effect/vitest"
import { Job } from "@stint/batch"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect } from "effect"
import { counting, endpoint, inWorld, limit, lines, Row } from "./clusterWorld.ts"

const keyOf = (row: Row) => {
  if (row.id === "r3") throw new Error("no key for r3")
  return row.id
}

const broken = ClusterBatch.make({
  name: "embedding",
  row: Row,
  job: { ...Job.embed({ key: keyOf, text: (row: Row) => row.text }), pack: undefined }
})

it.live("a run whose job throws while the input is read is over, says why, and can be purged", () =>
  inWorld(
    counting(5),
    (world, asked) =>
      Effect.gen(function* () {
        yield* world.start()
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(20)))
        yield* broken.start({ run: "broken", input, endpoint, limit, parameters: {} })
        const error = yield* Effect.flip(Effect.timeout(ClusterBatch.wait("broken"), "30 seconds"))
        assert.strictEqual(error._tag, "RunBroken")
        assert.include(error.message, "no key for r3")
        assert.strictEqual(asked.size, 0)
        assert.strictEqual(yield* ClusterBatch.purge("broken"), 0)
      }),
    broken.layer
  )
)
