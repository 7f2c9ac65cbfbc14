import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as World from "../command/commandWorld.ts"

describe("a run that stood still while it drained", () => {
  it.live("keeps the answers that came in meanwhile, although its time is over", () =>
    Effect.gen(function* () {
      const world = yield* World.make(40)
      const stint = yield* world.run("--concurrency", "8", "--drain-timeout", "2s")
      yield* World.started(8)
      yield* stint.kill("SIGINT")
      yield* stint.says("finishing what is in flight")
      yield* stint.kill("SIGSTOP")
      yield* Effect.sleep("4 seconds")
      yield* stint.kill("SIGCONT")
      assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
      assert.strictEqual(yield* World.state, "paused")
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 8)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1500 })))
  )
})
