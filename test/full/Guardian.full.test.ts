/** A guardian at length: the API away for long, and a rerun at any moment after the kill. */
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, Schema } from "effect"
import * as World from "../command/commandWorld.ts"
import * as LeaseWorld from "../command/leaseWorld.ts"
import * as Stint from "../command/stintProcess.ts"

const { guardians, make, records, secondsUntil } = LeaseWorld

const HistoryOf = Schema.fromJsonString(Schema.Struct({ history: Schema.Array(Schema.String) }))

const working = World.emulator({ boot: "short", millis: 40 })

describe("a guardian, at length", () => {
  it.live("is left off by --no-guardian; the next run says whose lease it takes over", () =>
    Effect.gen(function* () {
      const world = yield* make(3000)
      const first = yield* world.run("--no-guardian")
      yield* World.started(50)
      assert.deepStrictEqual(guardians(world.home), [])
      yield* first.kill("SIGKILL")
      yield* first.end
      assert.strictEqual(yield* World.state, "running")
      const second = yield* world.other("--concurrency", "256")
      assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
      assert.match(second.stderr(), /was left by process \d+ on .+: taken over/)
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("says so when it is told to leave", () =>
    Effect.gen(function* () {
      const world = yield* make(3000)
      const stint = yield* world.run()
      yield* World.started(20)
      process.kill(guardians(world.home)[0]?.pid ?? 0, "SIGTERM")
      yield* LeaseWorld.until(
        "the guardian is gone",
        Effect.sync(() => guardians(world.home).length === 0)
      )
      const { history } = yield* Schema.decodeEffect(HistoryOf)(records(world.home)[0] ?? "")
      assert.include(history.at(-1), "told to leave (SIGTERM)")
      yield* stint.kill("SIGINT")
      assert.strictEqual((yield* stint.end).code, 130)
      assert.deepStrictEqual(LeaseWorld.files(world.home), {})
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("tries again while the API is away", () =>
    Effect.gen(function* () {
      const world = yield* make(3000)
      const { urls } = yield* Emulator.Emulator
      const cable = yield* LeaseWorld.cable(urls.management)
      const stint = yield* Stint.start([...world.args, "--out", world.out], {
        ...world.env,
        STINT_API_URL: cable.url.href
      })
      yield* World.started(20)
      yield* cable.set(true)
      yield* stint.kill("SIGKILL")
      yield* Effect.sleep("20 seconds")
      assert.strictEqual(yield* World.state, "running")
      assert.include(records(world.home).join(), "not confirmed yet")
      yield* cable.set(false)
      const took = yield* secondsUntil("paused")
      process.stderr.write(`API back after 20 s: paused after ${took.toFixed(2)} s\n`)
      assert.isBelow(took, 20)
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  for (const wait of [0, 40, 80, 150, 250, 400, 700]) {
    it.live(`does not pause a run that starts ${wait} ms after the kill of another`, () =>
      Effect.gen(function* () {
        const world = yield* make(300)
        const first = yield* world.run("--concurrency", "4")
        yield* World.started(20)
        yield* first.kill("SIGKILL")
        yield* Effect.sleep(wait)
        const second = yield* world.run("--concurrency", "64")
        // 7 would say that somebody paused the endpoint under it.
        assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
        assert.strictEqual(yield* World.state, "paused")
        yield* LeaseWorld.cleared(world.home)
      }).pipe(Effect.scoped, Effect.provide(working))
    )

    it.live(`does not pause a run that waited for the one that is killed ${wait} ms later`, () =>
      Effect.gen(function* () {
        const world = yield* make(300)
        const first = yield* world.run("--concurrency", "1")
        yield* World.started(5)
        const second = yield* world.other("--on-leased", "wait", "--concurrency", "64")
        yield* second.says("is leased by process")
        yield* Effect.sleep(wait)
        yield* first.kill("SIGKILL")
        assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
        assert.strictEqual(yield* World.state, "paused")
        yield* LeaseWorld.cleared(world.home)
      }).pipe(Effect.scoped, Effect.provide(working))
    )
  }
})
