/** What stops the bill when nobody is left to release, and whose endpoint may be taken at all. */
import { assert, describe, it } from "@effect/vitest"
import { ManagedEndpoint, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import * as World from "./batchWorld.ts"

/** An endpoint that never falls asleep by itself. */
const sleepless = EndpointSpec.make({ ...World.spec, minReplica: 1, maxReplica: 2 })

const scaling = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => {
    const { maxReplica, minReplica, scaleToZeroTimeout } = all[0]?.compute?.scaling ?? {}
    return { minReplica, maxReplica, scaleToZeroTimeout }
  })
)

const asFound = { minReplica: 1, maxReplica: 2, scaleToZeroTimeout: null }

const watched = () => {
  const told: Array<ManagedEndpoint.Event> = []
  const onEvent = (event: ManagedEndpoint.Event) => Effect.sync(() => void told.push(event))
  const tags = () => told.map(({ _tag }) => _tag).filter((tag) => tag !== "Waiting")
  return { told, onEvent, tags }
}

describe("an endpoint that never falls asleep by itself", () => {
  for (const found of ["paused", "running"]) {
    it.effect(`is warned of when found ${found}, with what a crash would cost`, () => {
      const { onEvent, tags, told } = watched()
      return Effect.gen(function* () {
        yield* World.existing(found, sleepless)
        yield* World.inTime(withEndpoint({ name: World.name, onEvent }, () => Effect.void))
        assert.include(tags(), "Unguarded")
        const warning = told.find(({ _tag }) => _tag === "Unguarded")
        if (warning?._tag !== "Unguarded") return
        assert.closeTo(warning.cost?.perHour ?? 0, 0.033, 1e-9)
        assert.closeTo(warning.cost?.perWeekend ?? 0, 0.033 * 62, 1e-9)
        assert.deepStrictEqual(yield* scaling, asFound)
        assert.notInclude(yield* World.changes, "update")
      }).pipe(Effect.provide(World.world()))
    })
  }

  it.effect("is warned of when it is created so, because the spec asks for it", () => {
    const { onEvent, tags } = watched()
    return Effect.gen(function* () {
      yield* World.inTime(withEndpoint({ name: World.name, spec: sleepless, onEvent }, () => Effect.void))
      assert.include(tags(), "Unguarded")
      assert.deepStrictEqual(yield* scaling, asFound)
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is not warned of where it has a backstop", () => {
    const { onEvent, tags } = watched()
    return Effect.gen(function* () {
      yield* World.existing("running")
      yield* World.inTime(withEndpoint({ name: World.name, onEvent }, () => Effect.void))
      assert.notInclude(tags(), "Unguarded")
    }).pipe(Effect.provide(World.world()))
  })

  for (const onRelease of ["pause", "restore"] as const) {
    it.effect(
      `gets one for the lease while it sleeps, and is put back by ${onRelease} as it was found`,
      () => {
        const { onEvent, tags } = watched()
        return Effect.gen(function* () {
          yield* World.existing("paused", sleepless)
          const during = yield* World.inTime(
            withEndpoint({ name: World.name, onRelease, backstop: "set", onEvent }, () => scaling)
          )
          assert.deepStrictEqual(during, { minReplica: 0, maxReplica: 2, scaleToZeroTimeout: 15 })
          assert.deepStrictEqual(yield* scaling, asFound)
          assert.deepStrictEqual(tags(), [
            "Guarded",
            "Resuming",
            "Autoscales",
            "Acquired",
            "Ready",
            "Releasing",
            "Released"
          ])
          yield* World.isPausedAndFree
          assert.strictEqual((yield* World.changes).filter((change) => change === "pause").length, 1)
        }).pipe(Effect.provide(World.world()))
      }
    )
  }

  it.effect("is put back also when the resume is refused", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", sleepless)
      yield* World.failure(withEndpoint({ name: World.name, backstop: "set" }, () => Effect.void))
      assert.deepStrictEqual(yield* scaling, asFound)
      yield* World.isPausedAndFree
    }).pipe(
      Effect.provide(
        World.world({}, ({ path }) =>
          path.endsWith("/resume")
            ? Response.json({ error: "Conflict: Quota exceeded" }, { status: 409 })
            : undefined
        )
      )
    )
  )

  it.effect("is never changed while it runs, because that would restart it", () => {
    const { onEvent, tags } = watched()
    return Effect.gen(function* () {
      yield* World.existing("running", sleepless)
      yield* World.inTime(
        withEndpoint({ name: World.name, onRelease: "restore", backstop: "set", onEvent }, () => Effect.void)
      )
      assert.include(tags(), "Unguarded")
      assert.strictEqual(yield* World.state, "running")
      assert.deepStrictEqual(yield* scaling, asFound)
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("that cannot be put back sleeps all the same, and its release is confirmed", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", sleepless)
      yield* World.inTime(withEndpoint({ name: World.name, backstop: "set" }, () => Effect.void))
      yield* World.isPausedAndFree
    }).pipe(
      Effect.provide(
        World.world({}, ({ method, nth }) =>
          method === "PUT" && nth > 0 ? Response.json({ error: "no" }, { status: 400 }) : undefined
        )
      )
    )
  )
})

describe("an endpoint that runs already", () => {
  const asked = (answer: boolean) => {
    const names: Array<string> = []
    const mayAdopt: ManagedEndpoint.Options["mayAdopt"] = ({ name, state }) =>
      Effect.sync(() => {
        names.push(`${name} ${state}`)
        return answer
      })
    return { names, mayAdopt }
  }

  it.effect("is not touched when whoever is asked says no", () => {
    const { mayAdopt, names } = asked(false)
    return Effect.gen(function* () {
      yield* World.existing("running")
      const error = yield* World.failure(withEndpoint({ ...World.options, mayAdopt }, () => Effect.void))
      assert.strictEqual(error._tag, "AdoptionRefused")
      assert.include(error.message, "emulator/e")
      assert.deepStrictEqual(names, ["e running"])
      assert.deepStrictEqual(yield* World.changes, ["create"])
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is taken when they say yes", () => {
    const { mayAdopt } = asked(true)
    return Effect.gen(function* () {
      yield* World.existing("running")
      yield* World.inTime(withEndpoint({ ...World.options, mayAdopt }, () => Effect.void))
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is taken without a question when it carries the tag", () => {
    const { mayAdopt, names } = asked(false)
    return Effect.gen(function* () {
      yield* World.existing("running", EndpointSpec.make({ ...World.spec, tags: ["stint"] }))
      yield* World.inTime(withEndpoint({ ...World.options, mayAdopt }, () => Effect.void))
      assert.deepStrictEqual(names, [])
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is taken without a question by a second scope of the same process", () => {
    const { mayAdopt, names } = asked(true)
    return Effect.gen(function* () {
      yield* World.existing("running")
      yield* World.inTime(
        withEndpoint({ ...World.options, mayAdopt }, () =>
          withEndpoint({ ...World.options, mayAdopt }, () => Effect.void)
        )
      )
      assert.strictEqual(names.length, 1)
    }).pipe(Effect.provide(World.world()))
  })
})
