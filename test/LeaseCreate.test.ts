/** A create whose fate is not known: never two endpoints, and never one that is left running. */
import { assert, describe, it } from "@effect/vitest"
import { type CurrentEndpoint, withEndpoint } from "@stint/batch"
import { Effect } from "effect"
import * as World from "./batchWorld.ts"

const acquisitionOf = (held: CurrentEndpoint["Service"]) => Effect.succeed(held.acquisition)

describe("a create whose answer does not come", () => {
  const isCreate = ({ method, path }: World.Seen) => method === "POST" && path.endsWith("/emulator")

  it.effect("but which happened makes no second endpoint", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* World.inTime(withEndpoint(World.options, acquisitionOf)), "Created")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world({}, (seen) => (isCreate(seen) ? "lost" : undefined))))
  )

  it.effect("and which cannot be looked up either still ends paused", () => {
    // From the create on nothing gets through but the create itself, until the program pauses what it cannot see.
    let isDown = false
    const tamper: World.Tamper = (seen) => {
      if (isCreate(seen)) isDown = true
      if (seen.path.endsWith("/pause")) isDown = false
      return isDown ? (isCreate(seen) ? "lost" : "refused") : undefined
    }
    return Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint(World.options, acquisitionOf))
      assert.strictEqual(error._tag, "ApiError")
      assert.include(error.message, "socket hang up")
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world({}, tamper)))
  })

  it.effect("as JSON, but as a proxy's page after it was done, still ends paused", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint(World.options, acquisitionOf))
      assert.include(error.message, "DecodeError")
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world({}, (seen) => (isCreate(seen) ? "garbled" : undefined))))
  )

  it.effect("within half a minute is given up and looked up", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* World.inTime(withEndpoint(World.options, acquisitionOf)), "Created")
      yield* World.theEnd(["create", "pause"])
    }).pipe(
      Effect.provide(World.world({}, (seen) => (isCreate(seen) && seen.nth === 0 ? "silence" : undefined)))
    )
  )

  it.effect("because of a 503 is sent again once", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* World.inTime(withEndpoint(World.options, acquisitionOf)), "Created")
      yield* World.theEnd(["create", "pause"])
    }).pipe(
      Effect.provide(
        World.world({}, (seen) =>
          isCreate(seen) && seen.nth === 0 ? new Response("upstream", { status: 503 }) : undefined
        )
      )
    )
  )
})
