import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import * as World from "./commandWorld.ts"

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const all = ["SIGINT", "SIGTERM", "SIGHUP"] as const

describe.concurrent("a signal to the command", () => {
  for (const signal of all) {
    it.live(`pauses the endpoint when ${signal} comes while it boots`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        const stint = yield* world.run()
        yield* stint.says("pending")
        yield* stint.kill(signal)
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "long", millis: 0 })))
    )

    it.live(`finishes what is in flight and pauses the endpoint when ${signal} comes in the middle`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(2000)
        const stint = yield* world.run("--concurrency", "16")
        yield* World.started(100)
        yield* stint.kill(signal)
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
        const done = yield* world.lineCount("results.jsonl")
        const { counts } = yield* Emulator.Emulator
        assert.strictEqual(done, (yield* counts).inputs, "every answer that was paid for is kept")
        assert.isAbove(done, 0)
        assert.isBelow(done, 2000)
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
    )

    it.live(`pauses the endpoint when ${signal} comes in the tail`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(20)
        const stint = yield* world.run("--concurrency", "20")
        yield* World.started(20)
        yield* stint.kill(signal)
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
        assert.strictEqual(yield* world.lineCount("results.jsonl"), 20)
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1500 })))
    )
  }

  it.live("releases at once at the second Ctrl-C, without waiting for what is in flight", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const stint = yield* world.run()
      yield* World.started(20)
      yield* stint.kill("SIGINT")
      yield* stint.says("finishing what is in flight")
      // Two presses of a person are further apart than two signals of one press.
      yield* Effect.sleep("150 millis")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
      assert.strictEqual(yield* World.state, "paused")
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 0)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 4000 })))
  )

  it.live("pauses the endpoint when the terminal is closed", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2000)
      const stint = yield* world.run("--concurrency", "16")
      yield* World.started(100)
      yield* stint.hangUp
      yield* stint.kill("SIGHUP")
      assert.deepStrictEqual(yield* stint.end, { code: 129, signal: null })
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
  )

  it.live("goes on when nobody reads what it says", () =>
    Effect.gen(function* () {
      const world = yield* World.make(200)
      const stint = yield* world.run("--concurrency", "16")
      yield* World.started(20)
      yield* stint.hangUp
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.strictEqual(yield* World.state, "paused")
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 200)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
  )

  it.live("takes two signals of one press for one", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const stint = yield* world.run()
      yield* World.started(20)
      yield* stint.kill("SIGINT")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 20)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1500 })))
  )
})
