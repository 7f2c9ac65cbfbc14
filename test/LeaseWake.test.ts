/** Calls that start an endpoint, in use and at the end: none may leave it running behind a release that was confirmed. */
import { assert, describe, it } from "@effect/vitest"
import { Leases, ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import * as World from "./batchWorld.ts"

const isResume = ({ path }: World.Seen) => path.endsWith("/resume")
const isCreate = ({ method, path }: World.Seen) => method === "POST" && path.endsWith("/emulator")

/** A network on which something else happens a while after the first such call was sent. */
const landing = (
  is: (seen: World.Seen) => boolean,
  seconds: number,
  what: Effect.Effect<unknown, unknown, World.World>,
  answer: Effect.Effect<void>
) => {
  let land: Effect.Effect<unknown, unknown> = Effect.void
  let isSent = false
  const layer = World.world({}, (seen) => {
    if (!is(seen) || isSent) return undefined
    isSent = true
    return Effect.andThen(Effect.forkDetach(Effect.delay(land, `${seconds} seconds`)), answer)
  })
  const ready = Effect.map(Effect.context<World.World>(), (context) => {
    land = Effect.provideContext(what, context)
  })
  return { layer, ready }
}

const runs = Effect.flatMap(Emulator.Emulator, (emulator) => emulator.setState(World.name, "running"))

const pausedBySomebody = (held: { readonly awaitAwake: Effect.Effect<unknown, unknown> }) =>
  Effect.flatMap(Emulator.Emulator, (emulator) =>
    Effect.andThen(Effect.orDie(emulator.setState(World.name, "paused")), held.awaitAwake)
  )

/** A lease whose record is kept in memory. */
const kept = (hold: Partial<Leases.Hold> = {}) => {
  let known: Leases.Facts = {}
  let acquired = 0
  const service: Leases.Service = {
    claim: () =>
      Effect.succeed({
        orphan: undefined,
        isShared: false,
        note: (facts) =>
          Effect.sync(() => {
            known = Leases.merge(known, facts)
          }),
        acquired: Effect.sync(() => {
          acquired++
        }),
        facts: Effect.sync(() => known),
        leave: Effect.succeed("last" as const),
        ended: () => Effect.void,
        ...hold
      })
  }
  return { service, known: () => known, acquired: () => acquired }
}

describe("a start that was not answered", () => {
  it.effect("and lands after the release finds somebody who pauses again", () => {
    const { layer, ready } = landing(isResume, 50, runs, Effect.never)
    return Effect.gen(function* () {
      yield* World.existing("paused")
      yield* ready
      yield* World.inTime(withEndpoint(World.options, () => Effect.void))
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(layer))
  })

  it.effect("and lands after the endpoint was deleted does not bring it back", () => {
    const again = Effect.flatMap(Endpoints.Endpoints, (all) => all.create(World.name, World.spec))
    const { layer, ready } = landing(isCreate, 55, again, Effect.never)
    return Effect.gen(function* () {
      yield* ready
      yield* World.inTime(withEndpoint({ ...World.options, onRelease: "delete" }, () => Effect.void))
      yield* World.secondsPass(60)
      assert.strictEqual(yield* World.state, "gone")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is told to whoever stands by, when it is given up", () => {
    let told = 0
    const { known, service } = kept({
      unanswered: Effect.sync(() => {
        told++
        assert.strictEqual(known().acquisition, "Resumed")
      })
    })
    const { layer, ready } = landing(isResume, 50, runs, Effect.never)
    return Effect.gen(function* () {
      yield* World.existing("paused")
      yield* ready
      const held = withEndpoint(World.options, () => Effect.void)
      yield* World.inTime(Effect.provideService(held, Leases.Leases, service))
      const before = told
      assert.isAtLeast(before, 1)
      // This time it is answered.
      yield* World.inTime(Effect.provideService(held, Leases.Leases, service))
      assert.strictEqual(told, before)
    }).pipe(Effect.provide(layer))
  })

  it.effect("costs no time where every start was answered", () =>
    Effect.gen(function* () {
      yield* World.inTime(withEndpoint(World.options, () => Effect.void))
      const { to } = yield* World.secondsPass(0)
      assert.isBelow(to, 30_000)
    }).pipe(Effect.provide(World.world()))
  )
})

describe("an endpoint that somebody pauses in use", () => {
  it.effect("and that is being resumed when the run is interrupted ends paused", () => {
    const { layer, ready } = landing(isResume, 5, runs, Effect.sleep("6 seconds"))
    return Effect.gen(function* () {
      yield* ready
      const options = { ...World.options, onForeignPause: "resume" as const }
      const fiber = yield* World.during(withEndpoint(options, pausedBySomebody), 30)
      yield* World.interrupted(fiber)
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(layer))
  })

  for (const [during, seconds] of [
    ["as its resume leaves", 13],
    ["while its resume is under way", 16]
  ] as const) {
    it.effect(`ends paused when the run is interrupted ${during}`, () => {
      const { layer, ready } = landing(isResume, 5, runs, Effect.sleep("6 seconds"))
      return Effect.gen(function* () {
        yield* ready
        const options = { ...World.options, onForeignPause: "resume" as const }
        const fiber = yield* World.during(withEndpoint(options, pausedBySomebody), seconds)
        yield* World.interrupted(fiber)
        yield* World.isPausedAndFree
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("is told to be paused, though it was to be kept", () => {
    const told: Array<ManagedEndpoint.Event> = []
    return Effect.gen(function* () {
      const onEvent = (event: ManagedEndpoint.Event) => Effect.sync(() => void told.push(event))
      yield* World.failure(withEndpoint({ ...World.options, onRelease: "keep", onEvent }, pausedBySomebody))
      const last = told.at(-1)
      assert.strictEqual(last?._tag === "Released" ? last.state : last?._tag, "paused")
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is left paused and not deleted: that is for whoever paused it to decide", () =>
    Effect.gen(function* () {
      yield* World.failure(withEndpoint({ ...World.options, onRelease: "delete" }, pausedBySomebody))
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  )
})

describe("what a sweep goes by", () => {
  for (const [change, onForeignPause, state] of [
    ["it was woken again after it scaled to zero", "stop", "scaledToZero"],
    ["it was resumed after somebody paused it", "resume", "paused"]
  ] as const) {
    it.effect(`is noted anew when ${change}`, () => {
      const { known, service } = kept()
      return Effect.gen(function* () {
        const emulator = yield* Emulator.Emulator
        const endpoints = yield* Endpoints.Endpoints
        const program = withEndpoint({ ...World.options, onForeignPause }, (held) =>
          Effect.gen(function* () {
            const before = known().updatedAt
            yield* Effect.orDie(emulator.setState(World.name, state))
            yield* held.awaitAwake
            const now = (yield* endpoints.get(World.name)).status.updatedAt ?? undefined
            assert.notStrictEqual(now, before)
            assert.strictEqual(known().updatedAt, now)
          })
        )
        yield* World.inTime(Effect.provideService(program, Leases.Leases, service))
      }).pipe(Effect.provide(World.world()))
    })
  }
})

describe("the policy of a claim", () => {
  const orphan = { since: "2026-01-01T00:00:00Z", facts: { acquisition: "Created" } } as const

  it.effect("counts for an orphan once it is had", () => {
    const { acquired, service } = kept({ orphan })
    return Effect.gen(function* () {
      yield* World.existing("running")
      const program = withEndpoint(World.options, () => Effect.sync(() => assert.strictEqual(acquired(), 1)))
      yield* World.inTime(Effect.provideService(program, Leases.Leases, service))
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("does not count where the endpoint could not be had", () => {
    const { acquired, service } = kept({ orphan })
    return Effect.gen(function* () {
      yield* World.existing("running")
      const spec = { ...World.spec, repository: "acme/other" }
      const program = withEndpoint({ ...World.options, spec }, () => Effect.void)
      yield* World.failure(Effect.provideService(program, Leases.Leases, service))
      assert.strictEqual(acquired(), 0)
    }).pipe(Effect.provide(World.world()))
  })
})
