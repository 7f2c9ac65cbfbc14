/** A worker that is told to stop while its database is away. */
import { assert, describe, it } from "@effect/vitest"
import { InputRef } from "@stint/cluster"
import { Clock, Effect, Schedule } from "effect"
import { state } from "../batchWorld.ts"
import * as Proxy from "../postgres/proxy.ts"
import { counting, embedding, endpoint, inWorld, limit, lines } from "./clusterWorld.ts"

describe("a worker that is told to stop while it cannot reach its database, and is the last one out", () => {
  for (const [what, way] of [
    ["hangs", "cut"],
    ["is gone", "break"]
  ] as const) {
    it.live(`puts the endpoint to sleep all the same, within twenty seconds, where it ${what}`, () =>
      inWorld(counting(100), (world, asked) =>
        Effect.gen(function* () {
          const wire = yield* Proxy.make(world.url)
          yield* Effect.addFinalizer(() => wire.mend)
          const input = InputRef.file(yield* world.file("rows.jsonl", lines(4000)))
          yield* embedding.start({ run: "away", input, endpoint, limit, parameters: {} })
          const { stop } = yield* world.start({ grace: "20 seconds" }, wire.url)
          yield* Effect.repeat(
            Effect.sync(() => asked.size),
            { schedule: Schedule.spaced("50 millis"), until: (size) => size > 100 }
          )
          yield* wire[way]
          yield* Effect.sleep("1500 millis")
          const from = yield* Clock.currentTimeMillis
          yield* Effect.forkScoped(stop)
          yield* Effect.repeat(Effect.provide(state, world.emulator), {
            schedule: Schedule.spaced("50 millis"),
            until: (now) => now === "paused"
          }).pipe(Effect.timeout("100 seconds"))
          assert.isBelow((yield* Clock.currentTimeMillis) - from, 20_000)
          // What still waits for it is not waited for here.
          yield* wire.mend
        })
      )
    )
  }
})
