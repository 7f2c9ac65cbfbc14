import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

/** A run of three rows that was killed when all of them were done and its endpoint was not yet paused. */
const killedInItsRelease = Effect.gen(function* () {
  const world = yield* LeaseWorld.make(3)
  const first = yield* world.run("--no-guardian")
  yield* first.says("Pausing")
  yield* first.kill("SIGKILL")
  yield* first.end
  assert.strictEqual(yield* World.state, "running")
  assert.strictEqual(LeaseWorld.records(world.home).length, 1)
  return world
})

/** The first pause is never answered, and never arrives. */
const deaf = LeaseWorld.faulty([{ on: { route: "pause", to: 1 }, do: { hang: "before" } }])

describe.concurrent("a run with nothing left to do", () => {
  it.live("releases what a run left that was killed in its release, and wakes nothing", () =>
    Effect.gen(function* () {
      const world = yield* killedInItsRelease
      const before = yield* Effect.flatMap(Emulator.Emulator, ({ counts }) => counts)
      const again = yield* world.run("--no-guardian")
      assert.deepStrictEqual(yield* again.end, { code: 0, signal: null })
      assert.include(again.stderr(), "nothing to do")
      assert.include(again.stderr(), "by a run that is gone: releasing it (pause).")
      assert.include(again.stderr(), "released now: it is paused, read back from the API.")
      assert.strictEqual(yield* World.state, "paused")
      assert.deepStrictEqual(LeaseWorld.records(world.home), [])
      const after = yield* Effect.flatMap(Emulator.Emulator, ({ log }) => log)
      assert.isAbove(before.requests, 0)
      assert.strictEqual(after.filter(({ path }) => path.endsWith("/resume")).length, 0)

      const third = yield* world.run("--no-guardian")
      assert.deepStrictEqual(yield* third.end, { code: 0, signal: null })
      assert.notInclude(third.stderr(), "a run that is gone")
    }).pipe(Effect.scoped, Effect.provide(deaf))
  )

  it.live("leaves it alone when it was changed since, and ends with 5", () =>
    Effect.gen(function* () {
      const world = yield* killedInItsRelease
      const { setState } = yield* Emulator.Emulator
      yield* setState("batch", "paused")
      yield* setState("batch", "running")
      const again = yield* world.run("--no-guardian")
      assert.deepStrictEqual(yield* again.end, { code: 5, signal: null })
      assert.include(again.stderr(), "It is left alone: changed ")
      assert.notInclude(again.stderr(), "releasing it")
      assert.match(again.stderr(), /MAY STILL BE BILLING.*stint sweep --force/)
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide(deaf))
  )

  it.live("ends with 5 when the release cannot be confirmed", () =>
    Effect.gen(function* () {
      const world = yield* killedInItsRelease
      const again = yield* world.run("--no-guardian")
      assert.deepStrictEqual(yield* again.end, { code: 5, signal: null })
      assert.match(again.stderr(), /MAY STILL BE BILLING.*stint endpoints pause batch --namespace tester/)
      assert.strictEqual(LeaseWorld.records(world.home).length, 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        LeaseWorld.faulty([
          { on: { route: "pause", to: 1 }, do: { hang: "before" } },
          { on: { route: "pause" }, do: { status: 403, body: { error: "no" } } }
        ])
      )
    )
  )
})

describe("a run that is refused on what an earlier run left awake", () => {
  it.live("ends with 5, and says what to do about it", () =>
    Effect.gen(function* () {
      const world = yield* LeaseWorld.make(3000)
      const first = yield* world.run("--no-guardian")
      yield* World.started(20)
      yield* first.kill("SIGKILL")
      yield* first.end
      const second = yield* world.run("--no-guardian", "--max-cost", "0.0000001")
      assert.deepStrictEqual(yield* second.end, { code: 5, signal: null })
      assert.match(
        second.stderr(),
        /an earlier run left this endpoint.*MAY STILL BE BILLING.*or: stint sweep/
      )
      assert.strictEqual(yield* World.state, "running")
      const sweep = yield* world.stint("sweep", "--yes")
      assert.deepStrictEqual(yield* sweep.end, { code: 0, signal: null })
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
  )
})
