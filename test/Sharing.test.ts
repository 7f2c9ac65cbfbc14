/** Two scopes on one endpoint share a lease: the last one out releases it, and nobody is left standing on a paused one. */
import { assert, describe, it } from "@effect/vitest"
import { type CurrentEndpoint, Leases, ManagedEndpoint, Sharing, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Deferred, Duration, Effect, Exit, Fiber, Redacted } from "effect"
import * as Dice from "./chaos/Dice.ts"
import * as World from "./batchWorld.ts"

const acquisitionOf = (held: CurrentEndpoint["Service"]) => Effect.succeed(held.acquisition)

/** Holds the endpoint until it is told to let go. */
const holder = (letGo: Deferred.Deferred<void>, options: Partial<ManagedEndpoint.Options> = {}) =>
  withEndpoint({ ...World.options, ...options }, (held) => Effect.as(Deferred.await(letGo), held.acquisition))

describe("two scopes on one endpoint", () => {
  it.effect("nested, the inner one does not pause under the outer", () =>
    Effect.gen(function* () {
      const inner = withEndpoint(World.options, acquisitionOf)
      const [acquisition, state] = yield* World.inTime(
        withEndpoint(World.options, () => Effect.all([inner, World.state]))
      )
      assert.strictEqual(acquisition, "Created")
      assert.strictEqual(state, "running")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("at once make one create, and one pause after the last", () =>
    Effect.gen(function* () {
      const letGo = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const fibers = yield* Effect.forEach(letGo, (one) => World.during(holder(one), 1))
      yield* World.secondsPass(30)
      yield* Deferred.succeed(letGo[0], undefined)
      assert.strictEqual(yield* World.inTime(Fiber.join(fibers[0]!)), "Created")
      yield* World.secondsPass(5)
      assert.strictEqual(yield* World.state, "running")
      yield* Deferred.succeed(letGo[1], undefined)
      assert.strictEqual(yield* World.inTime(Fiber.join(fibers[1]!)), "Created")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("of make and layer count alike", () =>
    Effect.gen(function* () {
      yield* World.inTime(
        Effect.scoped(
          Effect.gen(function* () {
            yield* ManagedEndpoint.make(World.options)
            yield* Effect.provide(Effect.void, ManagedEndpoint.layer(World.options))
            assert.strictEqual(yield* World.state, "running")
          })
        )
      )
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("are told that others hold it still, or that it is released", () => {
    const told: Array<string> = []
    const watching = (who: string) => ({
      ...World.options,
      onEvent: (event: ManagedEndpoint.Event) => Effect.sync(() => void told.push(`${who} ${event._tag}`))
    })
    return Effect.gen(function* () {
      yield* World.inTime(
        withEndpoint(watching("outer"), () => withEndpoint(watching("inner"), () => Effect.void))
      )
      assert.deepStrictEqual(told.slice(-3), ["inner Left", "outer Releasing", "outer Released"])
    }).pipe(Effect.provide(World.world()))
  })

  for (const [found, seconds] of [
    [undefined, 2],
    [undefined, 6],
    ["paused", 2],
    ["paused", 6]
  ] as const) {
    it.effect(
      `the first one interrupted ${seconds} s into acquiring what was ${found ?? "not there"}: the second goes on, and restores what the first one found`,
      () =>
        Effect.gen(function* () {
          if (found !== undefined) yield* World.existing(found)
          const letGo = yield* Deferred.make<void>()
          const first = yield* World.during(holder(letGo, { onRelease: "restore" }), 1)
          const second = yield* World.during(holder(letGo, { onRelease: "restore" }), seconds - 1)
          const exit = yield* World.interrupted(first)
          assert.isTrue(Exit.isFailure(exit))
          yield* World.secondsPass(20)
          assert.strictEqual(yield* World.state, "running")
          yield* Deferred.succeed(letGo, undefined)
          const acquisition = yield* World.inTime(Fiber.join(second))
          assert.strictEqual(acquisition, found === undefined ? "Created" : "Resumed")
          yield* World.theEnd(found === undefined ? ["create", "pause"] : ["create", "resume", "pause"])
        }).pipe(
          Effect.provide(
            World.world({}, ({ method, path }) =>
              path.endsWith("/resume") || (method === "POST" && path.endsWith("/emulator"))
                ? Effect.sleep("4 seconds")
                : undefined
            )
          )
        )
    )
  }

  it.effect("whoever comes while it is being released waits, and wakes it again", () =>
    Effect.gen(function* () {
      const first = yield* World.during(
        withEndpoint(World.options, () => Effect.sleep("5 seconds")),
        18
      )
      const second = yield* World.during(withEndpoint(World.options, acquisitionOf), 1)
      yield* World.inTime(Fiber.join(first))
      assert.strictEqual(yield* World.inTime(Fiber.join(second)), "Resumed")
      yield* World.theEnd(["create", "pause", "resume", "pause"])
    }).pipe(
      Effect.provide(
        World.world({}, ({ path }) => (path.endsWith("/pause") ? Effect.sleep("9 seconds") : undefined))
      )
    )
  )

  it.effect("a foreign pause stops the one that waits, and the other one counts out", () =>
    Effect.gen(function* () {
      const letGo = yield* Deferred.make<void>()
      const first = yield* World.during(holder(letGo), 20)
      const emulator = yield* Emulator.Emulator
      yield* emulator.setState(World.name, "paused")
      yield* Deferred.succeed(letGo, undefined)
      yield* World.inTime(Fiber.join(first))
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(World.world()))
  )
})

describe("two scopes that do not agree", () => {
  const inside = (options: ManagedEndpoint.Options) =>
    World.failure(withEndpoint(World.options, () => Effect.asVoid(withEndpoint(options, acquisitionOf))))

  it.effect("on the policy are a LeaseConflict that names both", () =>
    Effect.gen(function* () {
      const error = yield* inside({ ...World.options, onRelease: "keep" })
      assert.instanceOf(error, Leases.LeaseConflict)
      assert.include(error.message, "onRelease pause")
      assert.include(error.message, "keep is asked for now")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("on the spec are a LeaseConflict that names the field and both values", () =>
    Effect.gen(function* () {
      const error = yield* inside({
        name: World.name,
        spec: EndpointSpec.make({ ...World.spec, instanceSize: "x4" })
      })
      assert.instanceOf(error, Leases.LeaseConflict)
      assert.include(error.message, 'compute.instanceSize "x1"')
      assert.include(error.message, '"x4"')
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("on a secret do not tell it", () =>
    Effect.gen(function* () {
      const secret = (value: string) =>
        EndpointSpec.make({ ...World.spec, secrets: { KEY: Redacted.make(value) } })
      const error = yield* World.failure(
        withEndpoint({ name: World.name, spec: secret("canary-1") }, () =>
          Effect.asVoid(withEndpoint({ name: World.name, spec: secret("canary-2") }, acquisitionOf))
        )
      )
      assert.instanceOf(error, Leases.LeaseConflict)
      assert.include(error.message, "model.secrets.KEY")
      assert.notInclude(error.message, "canary")
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("are no conflict where one asks for nothing, or for the same in other words", () =>
    Effect.gen(function* () {
      const same = EndpointSpec.make({ ...World.spec, minReplica: 0, maxReplica: 1 })
      yield* World.inTime(
        withEndpoint(World.options, () =>
          Effect.all([
            withEndpoint({ name: World.name }, acquisitionOf),
            withEndpoint({ name: World.name, spec: same, onRelease: "pause" }, acquisitionOf)
          ])
        )
      )
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )
})

describe("who does not share", () => {
  it.effect("another Endpoints service is another holder, which adopts", () =>
    Effect.gen(function* () {
      const { namespace, token, urls } = yield* Emulator.Emulator
      const other = Endpoints.layer({ token, namespace, apiUrl: urls.management })
      const acquisition = yield* World.inTime(
        withEndpoint(World.options, () => Effect.provide(withEndpoint(World.options, acquisitionOf), other))
      )
      assert.strictEqual(acquisition, "Adopted")
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("another Sharing is another process", () =>
    Effect.gen(function* () {
      const acquisition = yield* World.inTime(
        withEndpoint(World.options, () =>
          Effect.provideService(withEndpoint(World.options, acquisitionOf), Sharing.Sharing, Sharing.make())
        )
      )
      assert.strictEqual(acquisition, "Adopted")
    }).pipe(Effect.provide(World.world()))
  )
})

describe("any order of coming, leaving and being interrupted", () => {
  /** Every call to the management API takes up to three seconds. */
  const slowly =
    (dice: Dice.Dice): World.Tamper =>
    () =>
      Effect.sleep(Duration.millis(dice.between(0, 3000)))

  const trial = (seed: number) => {
    const dice = Dice.named(seed, "sharing")
    let using = 0
    let alive = 0
    const one = Effect.gen(function* () {
      alive++
      yield* Effect.sleep(Duration.seconds(dice.between(0, 30)))
      const use = Effect.gen(function* () {
        using++
        yield* Effect.sleep(Duration.seconds(dice.between(0, 25)))
        if (dice.between(0, 3) === 0) return yield* Effect.fail("mine" as const)
      }).pipe(Effect.ensuring(Effect.sync(() => using--)))
      yield* withEndpoint(World.options, () => use)
    }).pipe(Effect.ensuring(Effect.sync(() => alive--)))
    const interruptedSometime = Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(one, { startImmediately: true })
      if (dice.between(0, 2) === 0) {
        yield* Effect.sleep(Duration.seconds(dice.between(0, 50)))
        yield* Fiber.interrupt(fiber)
      }
      yield* Fiber.await(fiber)
    })
    return Effect.gen(function* () {
      const everyone = Array.from({ length: dice.between(2, 5) }, () => interruptedSometime)
      const fiber = yield* World.during(Effect.all(everyone, { concurrency: "unbounded" }), 0)
      for (let second = 0; second < 400 && fiber.pollUnsafe() === undefined; second++) {
        yield* World.secondsPass(1)
        if (using > 0)
          assert.strictEqual(yield* World.state, "running", `seed ${seed}: paused under a holder`)
      }
      assert.strictEqual(alive, 0, `seed ${seed}: somebody hangs`)
      const did = yield* World.changes
      const state = yield* World.state
      // Each waking is answered by exactly one pause.
      did.forEach((change, index) =>
        assert.strictEqual(
          change,
          index % 2 === 1 ? "pause" : index === 0 ? "create" : "resume",
          `seed ${seed}: ${did.join(" ")}`
        )
      )
      assert.strictEqual(state, did.length === 0 ? "gone" : "paused", `seed ${seed}: ${did.join(" ")}`)
      return did.length / 2
    }).pipe(Effect.provide(World.world({}, slowly(Dice.named(seed, "network")))))
  }

  it.effect(
    "at least one holder means awake, and each time that the last one leaves it is released once",
    () =>
      Effect.gen(function* () {
        let leases = 0
        for (let seed = 1; seed <= 30; seed++) leases += yield* trial(seed)
        assert.isAbove(leases, 30)
      }),
    120_000
  )
})
