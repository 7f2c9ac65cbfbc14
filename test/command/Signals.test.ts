import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem } from "effect"
import { FetchHttpClient } from "effect/http"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const all = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** Creates the endpoint behind the command's back, and pauses it. */
const paused = Effect.gen(function* () {
  const { namespace, token, urls } = yield* Emulator.Emulator
  const endpoints = yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
  yield* endpoints.create("batch", yield* EndpointSpec.fromJson(World.specJson))
  yield* endpoints.pause("batch")
}).pipe(Effect.provide(FetchHttpClient.layer))

/** A call is on its way soon after it is spoken of. */
const onItsWay = Effect.sleep("300 millis")

const slowCall = (route: "create" | "resume" | "pause") =>
  World.emulator({ boot: "short", millis: 0, rules: [{ on: { route }, do: { delay: "1500 millis" } }] })

describe.concurrent("a signal to the command", () => {
  for (const signal of all) {
    it.live(`pauses the endpoint when ${signal} comes while it is being created`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        const stint = yield* world.run()
        yield* stint.says("Creating endpoint batch")
        yield* onItsWay
        yield* stint.kill(signal)
        yield* stint.says(
          `${signal}: the endpoint is being created; as soon as that is answered it is released. Twice more leaves at once`
        )
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(Effect.scoped, Effect.provide(slowCall("create")))
    )

    it.live(`pauses the endpoint when ${signal} comes while it is being resumed`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        yield* paused
        const stint = yield* world.run()
        yield* stint.says("Endpoint batch is paused: resuming it")
        yield* onItsWay
        yield* stint.kill(signal)
        yield* stint.says(
          `${signal}: the endpoint is being resumed; as soon as that is answered it is released.`
        )
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(Effect.scoped, Effect.provide(slowCall("resume")))
    )

    it.live(`waits for the release when ${signal} comes while it is under way`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        const stint = yield* world.run()
        yield* stint.says("Pausing endpoint batch")
        yield* stint.kill(signal)
        yield* stint.says(`${signal}: the endpoint is being released already. Twice more leaves at once`)
        assert.deepStrictEqual(yield* stint.end, { code: codes[signal], signal: null })
        assert.strictEqual(yield* World.state, "paused")
        assert.strictEqual(yield* world.lineCount("results.jsonl"), 10)
      }).pipe(Effect.scoped, Effect.provide(slowCall("pause")))
    )

    it.live(`pauses the endpoint when ${signal} comes while it boots`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        const stint = yield* world.run()
        yield* stint.says("pending")
        yield* stint.kill(signal)
        yield* stint.says(`${signal}: releasing the endpoint. Twice more leaves at once`)
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

  it.live("follows no log that nobody reads any more", () =>
    Effect.gen(function* () {
      const world = yield* World.make(1)
      const kept = yield* world.run("--on-release", "keep")
      assert.deepStrictEqual(yield* kept.end, { code: 0, signal: null })
      const following = yield* world.stint("endpoints", "logs", "batch", "--follow")
      yield* following.hangUp
      assert.deepStrictEqual(yield* following.end, { code: 0, signal: null })
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 0 })))
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

  for (const second of ["SIGTERM", "SIGHUP"] as const) {
    it.live(`ends the drain when ${second} comes after Ctrl-C`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(20)
        const stint = yield* world.run("--concurrency", "20")
        yield* World.started(20)
        yield* stint.kill("SIGINT")
        yield* stint.says("SIGINT: finishing what is in flight, then releasing. Once more: release now.")
        yield* stint.kill(second)
        yield* stint.says("Releasing now. Once more leaves at once: it may then go on billing.")
        assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 4000 })))
    )
  }

  it.live("ends at once what has woken nothing yet", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const stint = yield* world.stint(
        "run",
        world.input,
        "--endpoint",
        "batch",
        "--job",
        "embed",
        "--out",
        world.out
      )
      const fs = yield* FileSystem.FileSystem
      yield* LeaseWorld.until("the output folder is open", fs.exists(world.out))
      yield* stint.kill("SIGTERM")
      yield* stint.says("SIGTERM: stopping; nothing was woken.")
      assert.deepStrictEqual(yield* stint.end, { code: 143, signal: null })
      assert.isUndefined(yield* World.state)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({
          boot: "short",
          millis: 0,
          rules: [{ on: { route: "get" }, do: { hang: "before" } }]
        })
      )
    )
  )

  it.live("leaves at the third one, with exit code 5 and the one command that ends the bill", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const stint = yield* world.run("--no-guardian")
      yield* stint.says("Pausing endpoint batch")
      yield* stint.kill("SIGINT")
      yield* stint.says("Twice more leaves at once")
      yield* stint.kill("SIGTERM")
      yield* stint.says("SIGTERM: still releasing the endpoint. Once more leaves at once")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 5, signal: null })
      const last = stint.stderr().trimEnd().split("\n").at(-1)
      assert.strictEqual(
        last,
        "stint: left without waiting. ENDPOINT batch MAY STILL BE BILLING at $0.033 an hour. Run: stint endpoints pause batch --namespace tester"
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({
          boot: "short",
          millis: 0,
          rules: [{ on: { route: "pause" }, do: { hang: "before" } }]
        })
      )
    )
  )

  it.live("that cannot release ends with exit code 5 and the one command that ends the bill", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 5, signal: null })
      const last = stint.stderr().trimEnd().split("\n").at(-1) ?? ""
      assert.include(last, 'Endpoint "tester/batch" MAY STILL BE BILLING at $0.033 an hour')
      assert.include(last, "Run: stint endpoints pause batch --namespace tester")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({ boot: "short", millis: 0, rules: [{ on: { route: "pause" }, do: { status: 401 } }] })
      )
    )
  )

  it.live(
    "an endpoint that runs already and is not known to be ours is refused with exit code 2, untouched",
    () =>
      Effect.gen(function* () {
        const world = yield* World.make(10)
        yield* paused
        const { setState } = yield* Emulator.Emulator
        yield* setState("batch", "running")
        const refused = yield* world.run()
        assert.deepStrictEqual(yield* refused.end, { code: 2, signal: null })
        assert.include(refused.stderr(), 'Endpoint "tester/batch" is running already')
        assert.include(refused.stderr(), "--on-release")
        assert.strictEqual(yield* World.state, "running")

        const taken = yield* world.run("--on-release", "pause")
        assert.deepStrictEqual(yield* taken.end, { code: 0, signal: null })
        assert.strictEqual(yield* World.state, "paused")
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 0 })))
  )
})
