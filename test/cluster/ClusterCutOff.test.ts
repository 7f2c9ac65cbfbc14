/** A worker that lost its database while it asked for work, and has an old answer when it is back. */
import { assert, describe, it } from "@effect/vitest"
import { ClusterBatch, FleetLimit, InputRef } from "@stint/cluster"
import { Effect, Schedule } from "effect"
import * as Proxy from "../postgres/proxy.ts"
import { counting, embedding, endpoint, inWorld, lines } from "./clusterWorld.ts"

const ROWS = 800

describe("a worker that was cut off from Postgres as it asked what of its chunk was done", () => {
  it.live("does none of it when others have it by then", () =>
    inWorld(counting(100), (world, asked) =>
      Effect.gen(function* () {
        const wire = yield* Proxy.make(world.url)
        yield* Effect.addFinalizer(() => wire.mend)
        yield* world.start({ name: "near" })
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(ROWS)))
        yield* embedding.start({
          run: "far",
          input,
          endpoint,
          limit: FleetLimit.fixed(4),
          chunk: 40,
          parameters: {}
        })
        yield* Effect.repeat(
          Effect.sync(() => asked.size),
          { schedule: Schedule.spaced("50 millis"), until: (size) => size > 0 }
        )
        yield* wire.cutAfter("SELECT row_key, position::text")
        yield* Effect.forkScoped(world.start({ name: "far" }, wire.url))
        yield* Effect.repeat(wire.isCut, { schedule: Schedule.spaced("20 millis"), until: (isCut) => isCut })
        // Its chunks are others' after ten seconds, and done by them two seconds later.
        yield* Effect.sleep("13 seconds")
        assert.isBelow(asked.size, ROWS)
        yield* wire.mend
        assert.strictEqual((yield* ClusterBatch.wait("far")).succeeded, ROWS)
        assert.deepStrictEqual(
          [...asked].filter(([, times]) => times > 1),
          []
        )
      })
    )
  )
})
