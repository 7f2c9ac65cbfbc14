/** How many replicas a batch runs on: pinned where the endpoint is created, told where it is found. */
import { assert, describe, it } from "@effect/vitest"
import { type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Effect } from "effect"
import * as World from "./batchWorld.ts"

const { name, spec } = World

const scaled = (minReplica: number, maxReplica: number) =>
  EndpointSpec.make({ ...spec, minReplica, maxReplica })

/** Holds the endpoint for a moment; what was told, and its scaling. */
const held = (options: Omit<ManagedEndpoint.Options, "name">) =>
  Effect.gen(function* () {
    const events: Array<ManagedEndpoint.Event> = []
    yield* World.inTime(
      withEndpoint(
        {
          name,
          ...options,
          onEvent: (event) =>
            Effect.sync(() => {
              events.push(event)
            })
        },
        () => Effect.void
      )
    )
    const endpoint = yield* Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.get(name))
    const { maxReplica, minReplica, scaleToZeroTimeout } = endpoint.compute?.scaling ?? {}
    return {
      scaling: { minReplica, maxReplica, scaleToZeroTimeout },
      told: events.flatMap((event) =>
        event._tag === "Autoscales" || event._tag === "ReplicasDiffer"
          ? [`${event._tag} ${event.least} ${event.most}`]
          : event._tag === "Unguarded"
            ? ["Unguarded"]
            : []
      )
    }
  })

describe("an endpoint that is created", () => {
  const table = [
    ["follow", scaled(0, 1), { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }, []],
    ["follow", scaled(0, 3), { minReplica: 0, maxReplica: 3, scaleToZeroTimeout: 15 }, ["Autoscales 1 3"]],
    // One replica is pinned and falls asleep by itself all the same.
    [1, scaled(0, 3), { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }, []],
    [3, scaled(0, 1), { minReplica: 3, maxReplica: 3, scaleToZeroTimeout: null }, ["Unguarded"]],
    [2, scaled(1, 4), { minReplica: 2, maxReplica: 2, scaleToZeroTimeout: null }, ["Unguarded"]]
  ] as const
  for (const [replicas, given, scaling, told] of table) {
    it.effect(`with replicas ${replicas} and ${given.minReplica} to ${given.maxReplica} in its spec`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* held({ spec: given, replicas }), { scaling, told: [...told] })
      }).pipe(Effect.provide(World.world()))
    )
  }
})

describe("an endpoint that is found", () => {
  it.effect("is left as it is, and it is told when the autoscaler may add billed cold starts", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", scaled(0, 4))
      const { scaling, told } = yield* held({})
      assert.strictEqual(scaling.maxReplica, 4)
      assert.deepStrictEqual(told, ["Autoscales 1 4"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is left as it is, and a difference to what was asked for is told", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", scaled(2, 2))
      const { scaling, told } = yield* held({ replicas: 3 })
      assert.strictEqual(scaling.maxReplica, 2)
      assert.deepStrictEqual(told, ["Unguarded", "ReplicasDiffer 2 2"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is told nothing of where it is as was asked for", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", scaled(0, 1))
      assert.deepStrictEqual((yield* held({ replicas: 1 })).told, [])
    }).pipe(Effect.provide(World.world()))
  )
})
