/** `stint run --cron`: again and again, until a signal comes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as World from "./commandWorld.ts"

const quick = World.emulator({ boot: "short", millis: 10 })

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1)

/** So many pauses are refused; after four of them a release is given up. */
const refusing = (to: number) =>
  World.emulator({
    boot: "short",
    millis: 40,
    rules: [{ on: { route: "pause", to }, do: { status: 403, body: { error: "no" } } }]
  })

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

  it.live("refuses standard input, which is there once, and wakes nothing", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2)
      const args = ["--endpoint", "batch", "--spec", world.spec, "--job", "embed", "--out", world.out]
      const stint = yield* world.stint("run", "-", ...args, "--cron", "*/2 * * * * *")
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "standard input is there only once")
      assert.strictEqual(yield* World.state, undefined)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("ends with 5 when a signal ends a run whose release is not confirmed, and says so last", () =>
    Effect.gen(function* () {
      const world = yield* World.make(3000)
      const stint = yield* world.run("--no-guardian", "--cron", "*/2 * * * * *", "--drain-timeout", "1s")
      yield* World.started(20)
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 5, signal: null })
      assert.match(
        lastLine(stint.stderr()) ?? "",
        /^stint: .*MAY STILL BE BILLING.*stint endpoints pause batch --namespace tester$/
      )
      assert.strictEqual(stint.stderr().split("Next run at").length - 1, 1)
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide(refusing(1000)))
  )

  it.live("ends with 5 between two runs as long as no later run has confirmed the release", () =>
    Effect.gen(function* () {
      const world = yield* World.make(3)
      const stint = yield* world.run("--no-guardian", "--cron", "*/2 * * * * *")
      yield* stint.says("its release could not be confirmed")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 5, signal: null })
      assert.match(lastLine(stint.stderr()) ?? "", /^stint: .*MAY STILL BE BILLING/)
    }).pipe(Effect.scoped, Effect.provide(refusing(1000)))
  )

  it.live("ends as the signal says once a later run has confirmed what an earlier one could not", () =>
    Effect.gen(function* () {
      const world = yield* World.make(3)
      const stint = yield* world.run("--no-guardian", "--cron", "*/2 * * * * *")
      yield* stint.says("MAY STILL BE BILLING")
      yield* stint.says("released now: it is paused")
      yield* stint.kill("SIGINT")
      assert.deepStrictEqual(yield* stint.end, { code: 130, signal: null })
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(refusing(4)))
  )
})
