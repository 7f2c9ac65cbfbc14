/** A run that is cancelled while its endpoint boots. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Emulator } from "@stint/emulator"
import { type Duration, Effect, Schedule } from "effect"
import { counting, embedding, endpoint, inWorld, limit, lines } from "./clusterWorld.ts"

it.live(
  "a run that is cancelled while its endpoint boots has it put to sleep at once, and sends nothing",
  () =>
    inWorld(
      counting(5),
      (world, asked) =>
        Effect.gen(function* () {
          for (let nth = 0; nth < 2; nth++) yield* world.start()
          const state = Emulator.Emulator.pipe(
            Effect.flatMap(({ endpoints }) => endpoints),
            Effect.map(([first]) => first?.state),
            Effect.provide(world.emulator)
          )
          const until = (wanted: string, within: Duration.Input) =>
            Effect.repeat(state, {
              schedule: Schedule.spaced("50 millis"),
              until: (now) => now === wanted
            }).pipe(Effect.timeout(within))
          const input = InputRef.file(yield* world.file("rows.jsonl", lines(100)))
          yield* embedding.start({ run: "boots", input, endpoint, limit, chunk: 10, parameters: {} })
          yield* until("pending", "1 minute")
          yield* ClusterBatch.cancel("boots")
          assert.strictEqual((yield* Effect.flip(ClusterBatch.wait("boots")))._tag, "RunCancelled")
          yield* until("paused", "12 seconds")
          assert.strictEqual(asked.size, 0)
        }),
      embedding.layer,
      "60 seconds"
    )
)
