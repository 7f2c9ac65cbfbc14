/** What the command says that a run costs, and what it may cost. */
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import * as World from "./commandWorld.ts"

const quick = World.emulator({ boot: "short", millis: 0 })

const scaling = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, ([endpoint]) => endpoint?.compute?.scaling ?? undefined)
)

describe.concurrent("the money of stint run", () => {
  it.live("says the billed minutes, the price and whose it is, the dollars, and those for 1,000 rows", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const byApi = yield* world.run()
      assert.deepStrictEqual(yield* byApi.end, { code: 0, signal: null })
      assert.match(byApi.stdout(), /billed +1 min at \$0\.033\/h\n/)
      assert.match(byApi.stdout(), /cost +\$0\.00055\n/)
      assert.match(byApi.stdout(), /per 1,000 rows +\$0\.028\n/)
      assert.include(yield* world.read("report.json"), '"priceFrom"')
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("says that the price is the one that was given", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      const stint = yield* world.run("--price", "$6")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.match(stint.stdout(), /billed +1 min at \$6\/h as given\n/)
      assert.match(stint.stdout(), /cost +\$0\.100\n/)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("refuses a cap that does not pay for a minute, with exit code 2, and wakes nothing", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      const stint = yield* world.run("--max-cost", "0.0001")
      assert.strictEqual((yield* stint.end).code, 2)
      assert.include(stint.stderr(), "a minute of one replica costs $0.00055")
      assert.isUndefined(yield* World.state)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("refuses amounts that are none, with exit code 2", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      for (const flags of [
        ["--max-cost", "0"],
        ["--max-cost", "1", "--on-release", "keep"],
        ["--replicas", "some"]
      ]) {
        const stint = yield* world.run(...flags)
        assert.strictEqual((yield* stint.end).code, 2, flags.join(" "))
      }
      assert.isUndefined(yield* World.state)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("creates as many replicas as --replicas says, and says what that gives up", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      const stint = yield* world.run("--replicas", "2")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      const { maxReplica, minReplica } = (yield* scaling) ?? {}
      assert.deepStrictEqual({ maxReplica, minReplica }, { maxReplica: 2, minReplica: 2 })
      assert.include(stint.stderr(), "It never scales to zero by itself")
      const { bill } = yield* Emulator.Emulator
      assert.include(stint.stdout(), `billed          ${(yield* bill("batch")).billedMinutes} min`)
      assert.strictEqual((yield* bill("batch")).billedMinutes, 2, "a minute of each")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live(
    "stops at its cap with exit code 4, keeps the work, and says how to go on",
    () =>
      Effect.gen(function* () {
        const world = yield* World.make(2000)
        const stint = yield* world.run("--max-billed-minutes", "1", "--concurrency", "2")
        assert.strictEqual((yield* stint.end).code, 4, stint.stderr())
        assert.include(
          stint.stderr(),
          "May be billed 1 minute, $0.00055 a minute, its boot and its end included. A cold start"
        )
        assert.include(stint.stderr(), "items are left")
        assert.include(stint.stdout(), "endpoint        paused")
        const { bill } = yield* Emulator.Emulator
        assert.strictEqual((yield* bill("batch")).billedMinutes, 1)
        assert.isAbove(yield* world.lineCount("results.jsonl"), 20)
        assert.strictEqual(yield* world.lineCount("errors.jsonl"), 0)
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1000 }))),
    120_000
  )
})
