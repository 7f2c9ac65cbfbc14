/** Acquiring, using and leaving an endpoint: whatever happens in between, it is paused in the end and costs nothing more. */
import { assert, describe, it } from "@effect/vitest"
import { CurrentEndpoint, Inference, ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as World from "./batchWorld.ts"

const acquisitionOf = (held: CurrentEndpoint["Service"]) => Effect.succeed(held.acquisition)

describe("withEndpoint acquires", () => {
  it.effect("creates what is not there, with the tag and the safety net", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const [acquisition, found] = yield* World.inTime(
        withEndpoint({ ...World.options, spec: { ...World.spec, tags: ["mine"] } }, (held) =>
          Effect.all([acquisitionOf(held), emulator.endpoints])
        )
      )
      assert.strictEqual(acquisition, "Created")
      assert.deepStrictEqual(found[0]?.tags, ["mine", "stint"])
      assert.strictEqual(found[0]?.compute?.scaling?.minReplica, 0)
      assert.strictEqual(found[0]?.compute?.scaling?.scaleToZeroTimeout, 15)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  for (const found of ["paused", "scaledToZero", "failed"]) {
    it.effect(`resumes what is ${found}`, () =>
      Effect.gen(function* () {
        yield* World.existing(found)
        assert.strictEqual(yield* World.inTime(withEndpoint({ name: World.name }, acquisitionOf)), "Resumed")
        yield* World.theEnd(["create", "resume", "pause"])
      }).pipe(Effect.provide(World.world()))
    )
  }

  it.effect("adopts what runs, and pauses it like any other", () =>
    Effect.gen(function* () {
      yield* World.existing("running")
      assert.strictEqual(yield* World.inTime(withEndpoint({ name: World.name }, acquisitionOf)), "Adopted")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("adopts what somebody else is starting, and waits for it", () =>
    Effect.gen(function* () {
      const { create } = yield* Endpoints.Endpoints
      yield* create(World.name, World.spec)
      assert.strictEqual(yield* World.inTime(withEndpoint(World.options, acquisitionOf)), "Adopted")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("a race for the name is lost in peace", () => {
    // The first look finds nothing; before the create arrives, somebody else has created it.
    const somebody = Deferred.makeUnsafe<void>()
    let waited = false
    const tamper: World.Tamper = ({ method, path }) => {
      if (method !== "POST" || !path.endsWith("/emulator") || waited) return undefined
      waited = true
      return Deferred.await(somebody)
    }
    return Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      const fiber = yield* World.during(withEndpoint(World.options, acquisitionOf), 1)
      yield* endpoints.create(World.name, World.spec)
      yield* Deferred.succeed(somebody, undefined)
      assert.strictEqual(yield* World.inTime(Fiber.join(fiber)), "Adopted")
      yield* World.theEnd(["create", "create", "pause"])
    }).pipe(Effect.provide(World.world({}, tamper)))
  })

  it.effect("without a spec never creates", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint({ name: World.name }, acquisitionOf))
      assert.strictEqual(error._tag, "NotFound")
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("does not wake an endpoint that serves another model than the spec asks for", () =>
    Effect.gen(function* () {
      yield* World.existing("paused", EndpointSpec.make({ ...World.spec, repository: "acme/other" }))
      const error = yield* World.failure(withEndpoint(World.options, acquisitionOf))
      assert.strictEqual(error._tag, "SpecMismatch")
      assert.include(error.message, "acme/other")
      yield* World.theEnd(["create"])
    }).pipe(Effect.provide(World.world()))
  )

  const refusals = [
    ["Conflict: Quota exceeded", "QuotaExceeded"],
    ["Conflict: somebody holds the name, and nobody may see it", "NotFound"]
  ] as const
  for (const [error, tag] of refusals) {
    it.effect(`"${error}" is ${tag}, and nothing is paused that was never started`, () =>
      Effect.gen(function* () {
        const failed = yield* World.failure(withEndpoint(World.options, acquisitionOf))
        assert.strictEqual(failed._tag, tag)
        assert.deepStrictEqual(yield* World.changes, [])
      }).pipe(
        Effect.provide(
          World.world({}, ({ method }) =>
            method === "POST" ? Response.json({ error, code: "CONFLICT" }, { status: 409 }) : undefined
          )
        )
      )
    )
  }
})

describe("an endpoint that does not become ready is paused", () => {
  it.effect("when its container fails, with what it said", () =>
    Effect.gen(function* () {
      const spec = EndpointSpec.make({ ...World.spec, repository: "emulator/fail-to-start" })
      const error = yield* World.failure(withEndpoint({ name: World.name, spec }, acquisitionOf))
      assert.strictEqual(error._tag, "EndpointFailed")
      assert.include(error.message, "Container exited with code 1")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("when the ready timeout is over", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        withEndpoint({ ...World.options, readyTimeout: "3 minutes" }, acquisitionOf)
      )
      assert.strictEqual(error._tag, "Timeout")
      assert.include(error.message, "3m")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world({ boot: "10 minutes" })))
  )

  it.effect("when nothing answers on its health route until the deadline", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        withEndpoint({ ...World.options, readyTimeout: "5 minutes" }, acquisitionOf)
      )
      assert.strictEqual(error._tag, "Timeout")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world({}, ({ path }) => (path === "/health" ? "silence" : undefined))))
  )

  it.effect("when the token may not call it", () =>
    Effect.gen(function* () {
      const { namespace, urls } = yield* Emulator.Emulator
      const token = Redacted.make("hf_manager")
      const manager = Endpoints.layer({ token, namespace, apiUrl: urls.management })
      const error = yield* World.failure(Effect.provide(withEndpoint(World.options, acquisitionOf), manager))
      assert.strictEqual(error._tag, "CallForbidden")
      assert.include(error.message, "403")
      yield* World.theEnd(["create", "pause"])
    }).pipe(
      Effect.provide(
        World.world({ tokens: [{ token: "hf_manager", permissions: ["inference.endpoints.write"] }] })
      )
    )
  )

  it.effect("when it does not know the token", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint(World.options, acquisitionOf))
      assert.strictEqual(error._tag, "CallForbidden")
      yield* World.theEnd(["create", "pause"])
    }).pipe(
      Effect.provide(
        World.world({}, ({ path }) => (path === "/health" ? new Response("{}", { status: 401 }) : undefined))
      )
    )
  )

  it.effect("when somebody else paused it while we waited", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const fiber = yield* World.during(withEndpoint(World.options, acquisitionOf), 5)
      yield* emulator.setState(World.name, "paused")
      const error = yield* World.failure(Fiber.join(fiber))
      assert.strictEqual(error._tag, "PausedByOther")
      assert.include(error.message, "somebody-else")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("when the wait is interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(withEndpoint(World.options, acquisitionOf), 5)
      assert.strictEqual(yield* World.state, "initializing")
      const exit = yield* World.interrupted(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("when the program is interrupted while the create is in flight", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(withEndpoint(World.options, acquisitionOf), 2)
      assert.strictEqual(yield* World.state, "gone")
      const exit = yield* World.interrupted(fiber)
      assert.isTrue(Exit.isFailure(exit))
      yield* World.theEnd(["create", "pause"])
    }).pipe(
      Effect.provide(
        World.world({}, ({ method, path }) =>
          method === "POST" && path.endsWith("/emulator") ? Effect.sleep("5 seconds") : undefined
        )
      )
    )
  )

  it.effect("when the program is interrupted while the resume is in flight", () =>
    Effect.gen(function* () {
      yield* World.existing("paused")
      const fiber = yield* World.during(withEndpoint(World.options, acquisitionOf), 2)
      yield* World.interrupted(fiber)
      yield* World.theEnd(["create", "resume", "pause"])
    }).pipe(
      Effect.provide(
        World.world({}, ({ path }) => (path.endsWith("/resume") ? Effect.sleep("5 seconds") : undefined))
      )
    )
  )
})

describe("the use of an endpoint", () => {
  it.effect("gets a client that reaches it, and its running cost", () =>
    Effect.gen(function* () {
      const [vector, bill] = yield* World.inTime(
        withEndpoint(World.options, (held) =>
          Effect.gen(function* () {
            const vector = yield* Inference.featureExtraction("sea")
            yield* Effect.sleep("10 minutes")
            return [vector, yield* held.bill] as const
          })
        )
      )
      assert.deepStrictEqual(vector, World.vectorOf("sea"))
      // Ten of use, and one that booting began.
      assert.strictEqual(bill.billedMinutes, 11)
      assert.closeTo(bill.dollars ?? 0, (11 / 60) * 0.033, 1e-9)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that fails pauses, and fails with its own error", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint(World.options, () => Effect.fail("mine" as const)))
      assert.strictEqual(error, "mine")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that dies pauses, and dies with its own defect", () =>
    Effect.gen(function* () {
      const exit = yield* World.inTime(Effect.exit(withEndpoint(World.options, () => Effect.die("bug"))))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "bug")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that is interrupted pauses", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(
        withEndpoint(World.options, () => Effect.never),
        70
      )
      assert.strictEqual(yield* World.state, "running")
      const exit = yield* World.interrupted(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is told of every step, and a watcher that dies does not keep the endpoint awake", () => {
    const told: Array<string> = []
    return Effect.gen(function* () {
      yield* World.inTime(
        Effect.exit(
          withEndpoint(
            {
              ...World.options,
              onEvent: (event) =>
                Effect.suspend(() => {
                  told.push(event._tag)
                  return event._tag === "Releasing" || event._tag === "Released"
                    ? Effect.die("EPIPE")
                    : Effect.void
                })
            },
            acquisitionOf
          )
        )
      )
      assert.deepStrictEqual(told, [
        "Creating",
        "Acquired",
        "Waiting",
        "Waiting",
        "Waiting",
        "Ready",
        "Releasing",
        "Released"
      ])
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  })
})

describe("a scope", () => {
  it.effect("make - is awake until the scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* World.inTime(Scope.provide(ManagedEndpoint.make(World.options), scope))
      assert.strictEqual(yield* World.state, "running")
      yield* World.inTime(Scope.close(scope, Exit.void))
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("make - pauses when the wait is interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(Effect.scoped(ManagedEndpoint.make(World.options)), 5)
      yield* World.interrupted(fiber)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("layer - is awake while the layer is", () =>
    Effect.gen(function* () {
      const { acquisition } = yield* World.inTime(
        Effect.provide(Effect.service(CurrentEndpoint), ManagedEndpoint.layer(World.options))
      )
      assert.strictEqual(acquisition, "Created")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("layer - pauses when it cannot be built", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        Effect.scoped(Layer.build(ManagedEndpoint.layer({ ...World.options, readyTimeout: "2 minutes" })))
      )
      assert.strictEqual(error._tag, "Timeout")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world({ boot: "10 minutes" })))
  )

  it.effect("awaitAwake - wakes what fell asleep in use", () =>
    Effect.gen(function* () {
      const again = yield* World.inTime(
        withEndpoint(World.options, (held) =>
          Effect.gen(function* () {
            yield* Effect.sleep("20 minutes")
            assert.strictEqual(yield* World.state, "scaledToZero")
            return (yield* held.awaitAwake).endpoint.state
          })
        )
      )
      assert.strictEqual(again, "running")
      yield* TestClock.adjust("1 second")
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )
})
