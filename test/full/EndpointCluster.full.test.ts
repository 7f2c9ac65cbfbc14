/** The keeper and the reaper of an endpoint on a cluster of runners, on real sockets and a real Postgres. */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { assert, describe, it } from "@effect/vitest"
import { EndpointKeeper, EndpointLeases, KeptEndpoint, ShardTimings } from "@stint/cluster"
import { Effect, Exit, Layer, Option, Scope } from "effect"
import { RunnerAddress, type ShardingConfig } from "effect/cluster"
import { changes, name, state } from "../batchWorld.ts"
import { hold, inWorld, make, options, ttlMillis, until } from "../cluster/leaseWorld.ts"
import * as Postgres from "../postgres/server.ts"

/** A runner of a cluster. */
const runnerWith = (config: Partial<ShardingConfig.ShardingConfig["Service"]>, kept?: KeptEndpoint.Options) =>
  Layer.unwrap(
    Effect.map(Postgres.freePort, (port) => {
      const runnerAddress = Option.some(RunnerAddress.make("127.0.0.1", port))
      const shardingConfig = { ...config, runnerAddress, entityTerminationTimeout: "1 second" } as const
      return KeptEndpoint.layer(kept).pipe(
        Layer.provideMerge(NodeClusterSocket.layer({ storage: "sql", shardingConfig }))
      )
    })
  )

/** One that moves its few shards soon. */
const runner = runnerWith(
  {
    shardsPerGroup: 8,
    shardLockExpiration: "3 seconds",
    shardLockRefreshInterval: "500 millis",
    refreshAssignmentsInterval: "200 millis",
    runnerHealthCheckInterval: "500 millis",
    entityMessagePollInterval: "500 millis"
  },
  options
)

describe("an endpoint kept by a cluster", () => {
  it.live("is paused for a dead holder, and stays awake for a living one while its keeper moves", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const scope = yield* Scope.make()
        yield* Scope.provide(start(runner), scope)
        const staying = yield* start(runner)
        const dead = yield* start(EndpointLeases.layer(options))

        yield* hold(dead)
        yield* dead.freeze
        yield* until("paused", 20_000)

        const { letGo } = yield* hold(staying)
        yield* Effect.sleep(ttlMillis)
        yield* Scope.close(scope, Exit.void)
        yield* Effect.sleep(ttlMillis * 3)
        assert.strictEqual(yield* state, "running")
        yield* letGo
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "pause"])
      })
    )
  )

  it.live(
    "is paused within a lease's life and as much again when the reaper's runner is lost with the holder",
    () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* make
          const runners = yield* Effect.all([start(runner), start(runner), start(runner)], { concurrency: 3 })
          const { letGo } = yield* hold(runners[2])
          yield* Effect.sleep(ttlMillis)
          // Whichever of them hosts the reaper and the keeper: one is left, and it is not told.
          yield* Effect.forEach([runners[0], runners[2]], ({ freeze }) => freeze)
          assert.isAtMost(yield* until("paused", 20_000), ttlMillis * 2.5 + 1000)
          yield* Effect.forEach([runners[0], runners[2]], ({ thaw }) => thaw)
          yield* until("running", 20_000)
          yield* letGo
          assert.strictEqual(yield* state, "paused")
        })
      )
  )

  it.live("is looked at by its keeper when that is asked", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const one = yield* start(runner)
        const { letGo } = yield* hold(one)
        const finding = yield* one.run(EndpointKeeper.reconcile(`emulator/${name}`, options))
        assert.strictEqual(finding._tag, "Held")
        yield* letGo
        const after = yield* one.run(EndpointKeeper.reconcile(`emulator/${name}`, options))
        assert.deepStrictEqual(after, { _tag: "Released", detail: "already", isAlready: true })
        assert.deepStrictEqual(yield* one.run(EndpointKeeper.reconcile("emulator/other", options)), {
          _tag: "Unknown"
        })
      })
    )
  )
})

describe.concurrent("an endpoint whose holder is lost together with most of the cluster", () => {
  for (const [what, config] of [
    ["as shipped", ShardTimings.shipped],
    ["with the engine's own times", {}]
  ] as const) {
    it.live(`is paused within 15 seconds ${what}`, () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* make
          const one = start(runnerWith(config))
          const runners = yield* Effect.all([one, one, one], { concurrency: 3 })
          yield* hold(runners[2])
          yield* Effect.sleep("3 seconds")
          yield* Effect.forEach([runners[0], runners[2]], ({ freeze }) => freeze)
          const took = yield* until("paused", 40_000)
          yield* Effect.logInfo(`paused after ${took} ms, ${what}`)
          assert.isAtMost(took, 15_000)
        })
      )
    )
  }
})
