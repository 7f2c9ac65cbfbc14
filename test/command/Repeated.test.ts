/** `stint run --cron`: again and again, until a signal comes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as World from "./commandWorld.ts"

const quick = World.emulator({ boot: "short", millis: 10 })

describe("stint run --cron", () => {
  it.live("runs whenever it is due, and ends between two runs at once", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const stint = yield* world.run("--cron", "*/2 * * * * *")
      yield* stint.says("Endpoint batch is paused")
      yield* stint.says("nothing to do")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 20)
      assert.include(stint.stderr(), "nothing to do")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("refuses a schedule that is none, and wakes nothing", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2)
      const stint = yield* world.run("--cron", "every night")
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), 'The schedule "every night"')
    }).pipe(Effect.scoped, Effect.provide(quick))
  )
})
