/** A lease record that cannot be written any more once it is claimed: on a disk that has filled up. */
import { assert, describe, it } from "@effect/vitest"
import { Leases, type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Effect } from "effect"
import * as World from "../batchWorld.ts"

const full = (facts: Leases.Facts) =>
  Effect.fail(
    new Leases.LeaseRecordError({
      namespace: "emulator",
      name: World.name,
      path: "leases/one.json",
      detail: `the disk is full: ${Object.keys(facts).join()}`
    })
  )

/** A place whose record takes only some of what it is told. */
const placeOf = (takes: (facts: Leases.Facts) => boolean): Leases.Service => ({
  claim: () =>
    Effect.succeed({
      orphan: undefined,
      isShared: false,
      note: (facts) => (takes(facts) ? Effect.void : full(facts)),
      facts: Effect.succeed({}),
      leave: Effect.succeed("last"),
      ended: () => Effect.void
    })
})

const run = (takes: (facts: Leases.Facts) => boolean, options: Partial<ManagedEndpoint.Options> = {}) =>
  World.inTime(
    withEndpoint({ ...World.options, ...options }, () => Effect.succeed("done")).pipe(
      Effect.provideService(Leases.Leases, placeOf(takes))
    )
  )

describe("a lease record that cannot be written", () => {
  it.effect("keeps an endpoint from being created that nobody would know of", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(() => false))
      assert.strictEqual(error._tag, "LeaseRecordError")
      assert.include(error.message, "nothing was woken")
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("keeps one that sleeps from being resumed or changed", () =>
    Effect.gen(function* () {
      yield* World.existing("paused")
      const before = yield* World.changes
      const error = yield* Effect.flip(run(() => false, { backstop: "set" }))
      assert.strictEqual(error._tag, "LeaseRecordError")
      assert.deepStrictEqual(yield* World.changes, before)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("does not stop a run whose endpoint is on its way", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* run((facts) => facts.acquisition !== undefined), "done")
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("does not keep one awake that runs already", () =>
    Effect.gen(function* () {
      yield* World.existing("running")
      assert.strictEqual(yield* run(() => false), "done")
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world()))
  )
})
