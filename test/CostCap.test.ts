/** What a run may cost: refused before anything is woken, ended early enough, and the work is kept. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, type Cost, Journal, Limit, ManagedEndpoint, Progress, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Emulator, Scenario } from "@stint/emulator"
import { Clock, Effect, Exit, Stream } from "effect"
import * as World from "./batchWorld.ts"

const { name, options } = World

const gpu = EndpointSpec.make({
  repository: "acme/embedder",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1"
})

/** So many minutes of an L4. */
const minutesOf = (minutes: number) => (minutes * 0.8) / 60

const words = (count: number) => Stream.fromIterable(World.words(count))

/** What the emulator's own meter says. */
const metered = Effect.flatMap(Emulator.Emulator, (emulator) => emulator.bill(name))

const slowRows = World.world({ engine: World.slow("10 seconds"), boot: "20 seconds" })

describe("a cap", () => {
  for (const [what, cap] of [
    ["dollars", { maxCost: minutesOf(3) }],
    ["minutes", { maxBilledMinutes: 3 }]
  ] as const) {
    it.effect(`in ${what} ends the run in time: the work is kept, and the meter never passes it`, () =>
      Effect.gen(function* () {
        const journal = yield* Journal.makeMemory
        const progress = Progress.make({ total: 100 })
        const run = words(100).pipe(
          Batch.runOn({ name, spec: gpu, ...cap }, World.job, { limit: Limit.fixed(2), progress }),
          World.withJournal(journal)
        )
        const error = yield* World.failure(run)
        assert.strictEqual(World.tagOf(error), "CostCapReached")
        const { billedMinutes } = yield* metered
        assert.strictEqual(billedMinutes, 3, "what may be spent is spent")
        yield* World.theEnd(["create", "pause"])
        const { failed, succeeded } = yield* progress.snapshot
        assert.strictEqual(failed, 0, "what is cut off has not failed")
        assert.isAbove(succeeded, 10)
        assert.isBelow(succeeded, 100)
        assert.include(String(error), `${100 - succeeded} items are left`)
        // The same run again has the whole cap anew, and goes on.
        const again = Progress.make({ total: 100 })
        yield* Effect.exit(
          World.inTime(
            words(100).pipe(
              Batch.runOn({ name, spec: gpu, ...cap }, World.job, { limit: Limit.fixed(2), progress: again }),
              World.withJournal(journal)
            )
          )
        )
        assert.strictEqual((yield* again.snapshot).skipped, succeeded)
      }).pipe(Effect.provide(slowRows))
    )
  }

  it.effect("holds for the boot: one that eats it is not waited for any longer", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        words(1).pipe(Batch.runOn({ ...options, maxBilledMinutes: 2 }, World.job))
      )
      assert.strictEqual(World.tagOf(error), "CostCapReached")
      assert.include(String(error), "it was not ready by then")
      assert.isAtMost((yield* metered).billedMinutes, 2)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world({ boot: "10 minutes" })))
  )

  it.effect("counts every replica", () =>
    Effect.gen(function* () {
      const from = yield* Clock.currentTimeMillis
      const error = yield* World.failure(
        words(500).pipe(
          Batch.runOn({ name, spec: gpu, replicas: 3, maxBilledMinutes: 7 }, World.job, {
            limit: Limit.fixed(2)
          })
        )
      )
      assert.strictEqual(World.tagOf(error), "CostCapReached")
      assert.strictEqual((yield* metered).billedMinutes, 6, "two minutes of three")
      assert.isBelow((yield* Clock.currentTimeMillis) - from, 130_000)
    }).pipe(Effect.provide(slowRows))
  )

  it.effect("is not reached by what is done before it", () =>
    Effect.gen(function* () {
      const report = yield* World.inTime(
        words(3).pipe(Batch.runOn({ ...options, maxBilledMinutes: 5, maxCost: 1 }, World.job))
      )
      assert.strictEqual(report.succeeded, 3)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("lets a run whose rows are all on their way finish them", () =>
    Effect.gen(function* () {
      // Sent at 20 s, answered at 42 s: after the time to take no more, before the time to cut off.
      const report = yield* World.inTime(
        words(4).pipe(Batch.runOn({ ...options, maxBilledMinutes: 1 }, World.job, { limit: Limit.fixed(4) }))
      )
      assert.strictEqual(report.succeeded, 4)
      assert.strictEqual((yield* metered).billedMinutes, 1)
    }).pipe(Effect.provide(World.world({ engine: World.slow("22 seconds"), boot: "20 seconds" })))
  )

  it.effect("ends whatever else goes on when its time has come", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        withEndpoint({ ...options, maxBilledMinutes: 2 }, () => Effect.never)
      )
      assert.strictEqual(World.tagOf(error), "CostCapReached")
      assert.strictEqual((yield* metered).billedMinutes, 2)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("ends the lease of a scope as well", () =>
    Effect.gen(function* () {
      const exit = yield* World.inTime(
        Effect.exit(
          Effect.scoped(
            Effect.gen(function* () {
              const held = yield* ManagedEndpoint.make({ ...options, maxBilledMinutes: 2 })
              return yield* words(500).pipe(
                Batch.run(World.job, { limit: Limit.fixed(2) }),
                Effect.provideService(ManagedEndpoint.CurrentEndpoint, held)
              )
            })
          )
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual((yield* metered).billedMinutes, 2)
    }).pipe(Effect.provide(slowRows))
  )

  it.effect(
    "that a minute does not fit in is refused before anything is woken, with what a minute costs",
    () =>
      Effect.gen(function* () {
        const error = yield* World.failure(
          words(1).pipe(Batch.runOn({ name, spec: gpu, replicas: 2, maxCost: 0.02 }, World.job))
        )
        assert.strictEqual(World.tagOf(error), "CapTooSmall")
        assert.include(String(error), "a minute of 2 replicas costs $0.027")
        assert.deepStrictEqual(yield* World.changes, [])
      }).pipe(Effect.provide(World.world()))
  )

  it.effect("in minutes that is too small is compared with minutes, not with dollars", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(
        words(1).pipe(Batch.runOn({ name, spec: gpu, replicas: 2, maxBilledMinutes: 1 }, World.job))
      )
      assert.strictEqual(World.tagOf(error), "CapTooSmall")
      assert.include(String(error), "a minute of 2 replicas is 2 billed minutes")
      assert.notInclude(String(error), "$")
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that is too small for an endpoint that runs says nothing of a cold start", () =>
    Effect.gen(function* () {
      yield* World.existing("running", gpu)
      const error = yield* World.failure(withEndpoint({ name, spec: gpu, maxCost: 0.001 }, () => Effect.void))
      assert.strictEqual(World.tagOf(error), "CapTooSmall")
      assert.notInclude(String(error), "cold start")
    }).pipe(Effect.provide(World.world()))
  )
})

describe("an amount that is none", () => {
  const none = [Number.NaN, -1, 0, Infinity]
  for (const [option, value] of [
    ...(["maxCost", "maxBilledMinutes", "pricePerHour"] as const).flatMap((key) =>
      none.map((bad) => [key, bad] as const)
    ),
    ...[Number.NaN, -3, 0, 1.5].map((bad) => ["replicas", bad] as const)
  ]) {
    it.effect(`${option} ${value} is refused before anything is woken or asked`, () =>
      Effect.gen(function* () {
        const given = { ...options, maxCost: 1, [option]: value }
        const error = yield* World.failure(withEndpoint(given, () => Effect.void))
        assert.strictEqual(World.tagOf(error), "MoneyRefused")
        assert.include(String(error), `${option} is ${value}`)
        const { log } = yield* Emulator.Emulator
        assert.isFalse((yield* log).some(({ path }) => path.startsWith("/v2/endpoint")))
        const scoped = yield* World.failure(Effect.scoped(ManagedEndpoint.make(given)))
        assert.strictEqual(World.tagOf(scoped), "MoneyRefused")
        assert.deepStrictEqual(yield* World.changes, [])
      }).pipe(Effect.provide(World.world()))
    )
  }
})

describe("a cap and what becomes of the endpoint", () => {
  for (const cap of [{ maxCost: 5 }, { maxBilledMinutes: 5 }]) {
    it.effect(`is refused with keep, which no ${Object.keys(cap).join("")} would end`, () =>
      Effect.gen(function* () {
        const error = yield* World.failure(
          withEndpoint({ name, spec: gpu, onRelease: "keep", ...cap }, () => Effect.void)
        )
        assert.strictEqual(World.tagOf(error), "MoneyRefused")
        assert.include(String(error), 'onRelease "keep"')
        assert.deepStrictEqual(yield* World.changes, [])
      }).pipe(Effect.provide(World.world()))
    )
  }

  for (const [state, onRelease, says] of [
    ["running", "restore", true],
    ["running", "pause", false],
    ["paused", "restore", false]
  ] as const) {
    it.effect(
      `says ${says ? "" : "nothing "}of its bill that goes on when one found ${state} is to ${onRelease}`,
      () =>
        Effect.gen(function* () {
          yield* World.existing(state, gpu)
          const error = yield* World.failure(
            withEndpoint({ name, spec: gpu, onRelease, maxBilledMinutes: 2 }, () => Effect.never)
          )
          assert.strictEqual(World.tagOf(error), "CostCapReached")
          if (says) assert.include(String(error), "goes on running and is billed")
          else assert.notInclude(String(error), "goes on running")
        }).pipe(Effect.provide(World.world()))
    )
  }

  for (const [what, cap] of [
    ["dollars", { maxCost: 100_000_000 }],
    ["minutes", { maxBilledMinutes: Number.MAX_SAFE_INTEGER }]
  ] as const) {
    it.effect(`in ${what} that is huge lets the run end by itself`, () =>
      Effect.gen(function* () {
        const report = yield* World.inTime(words(3).pipe(Batch.runOn({ name, spec: gpu, ...cap }, World.job)))
        assert.strictEqual(report.succeeded, 3)
        yield* World.theEnd(["create", "pause"])
      }).pipe(Effect.provide(World.world()))
    )
  }
})

describe("a price that nobody knows", () => {
  const odd = "nvidia-x1"
  /** An endpoint on hardware of which no list tells. */
  const oddly = World.world({}, ({ method, path }) =>
    method === "GET" && path === `/v2/endpoint/emulator/${name}`
      ? Response.json({
          name,
          provider: { vendor: "aws", region: "us-east-1" },
          compute: { instanceType: odd, instanceSize: "x1" },
          status: { state: "paused" }
        })
      : undefined
  )

  it.effect("is refused under a cap in dollars before anything is woken, with what to say instead", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(withEndpoint({ name, maxCost: 5 }, () => Effect.void))
      assert.strictEqual(World.tagOf(error), "PriceUnknown")
      assert.include(String(error), "--price")
      assert.include(String(error), "nvidia-x1")
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(oddly))
  )

  for (const cap of [{ maxCost: 5, pricePerHour: 2 }, { maxBilledMinutes: 5 }]) {
    it.effect(`is no matter with ${Object.keys(cap).join(" and ")}`, () =>
      Effect.gen(function* () {
        const error = yield* World.failure(withEndpoint({ name, ...cap }, () => Effect.void))
        // It comes as far as the resume of an endpoint that is not there.
        assert.strictEqual(World.tagOf(error), "NotFound")
      }).pipe(Effect.provide(oddly))
    )
  }

  it.effect("is unknown in the bill, and not free", () => {
    let state = "running"
    const at = (now: string) => {
      state = now
      return Response.json({
        name,
        compute: { instanceType: odd, instanceSize: "x1" },
        status: { state, url: "http://odd.invalid" }
      })
    }
    return Effect.gen(function* () {
      const bill = yield* World.inTime(
        withEndpoint({ name }, (held) => Effect.delay(held.bill, "20 seconds"))
      )
      assert.strictEqual(bill.billedMinutes, 1)
      assert.notProperty(bill, "dollars")
      assert.notProperty(bill, "pricePerHour")
    }).pipe(
      Effect.provide(
        World.world({}, ({ method, path }) =>
          path === "/health"
            ? new Response("Ok")
            : path.endsWith("/pause")
              ? at("paused")
              : method === "GET" && path === `/v2/endpoint/emulator/${name}`
                ? at(state)
                : undefined
        )
      )
    )
  })
})

describe("the price", () => {
  const billed = (more: Partial<ManagedEndpoint.Options> = {}) =>
    Effect.gen(function* () {
      const { bill } = yield* World.inTime(
        words(3).pipe(Batch.runOn({ name, spec: gpu, ...more }, World.job))
      )
      return bill
    })
  const shows = (
    bill: Cost.Bill | undefined,
    from: Cost.Bill["priceFrom"],
    perHour: number,
    asOf?: string
  ) => {
    assert.strictEqual(bill?.priceFrom, from)
    assert.strictEqual(bill?.pricePerHour, perHour)
    assert.strictEqual(bill?.priceAsOf, asOf)
    assert.closeTo(bill?.dollars ?? 0, ((bill?.billedMinutes ?? 0) * perHour) / 60, 1e-9)
  }

  it.effect("is the API's own", () =>
    Effect.gen(function* () {
      shows(yield* billed(), "api", 0.8)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is that of the list, with its day, where the API does not tell", () =>
    Effect.gen(function* () {
      shows(yield* billed(), "list", 0.8, "2026-05-19")
    }).pipe(
      Effect.provide(
        World.world({
          scenario: Scenario.make({ rules: [{ on: { route: "providers" }, do: { status: 500 } }] })
        })
      )
    )
  )

  it.effect("is what it is said to be, and then nobody is asked", () =>
    Effect.gen(function* () {
      shows(yield* billed({ pricePerHour: 3 }), "given", 3)
      const { log } = yield* Emulator.Emulator
      assert.isFalse((yield* log).some(({ path }) => path.startsWith("/v2/provider")))
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is asked for once an hour, and the create does not wait for it", () =>
    Effect.gen(function* () {
      yield* billed()
      yield* billed()
      const { log } = yield* Emulator.Emulator
      const paths = (yield* log).map(({ method, path }) => `${method} ${path}`)
      assert.strictEqual(paths.filter((path) => path.startsWith("GET /v2/provider")).length, 1)
      const [created, asked] = ["POST /v2/endpoint", "GET /v2/provider"].map((start) =>
        paths.findIndex((path) => path.startsWith(start))
      )
      assert.isBelow(created ?? Infinity, asked ?? 0)
    }).pipe(Effect.provide(World.world()))
  )
})

describe("the bill of a run", () => {
  it.effect("is the meter's, the minute of its release included", () =>
    Effect.gen(function* () {
      const { bill } = yield* World.inTime(words(30).pipe(Batch.runOn({ name, spec: gpu }, World.job)))
      const { billedMinutes, dollars } = yield* metered
      assert.strictEqual(bill?.billedMinutes, billedMinutes)
      assert.closeTo(bill?.dollars ?? 0, dollars, 1e-9)
    }).pipe(Effect.provide(slowRows))
  )

  it.effect("begins where an endpoint is adopted, and says that it ran before", () =>
    Effect.gen(function* () {
      yield* World.existing("running", gpu)
      yield* World.secondsPass(600)
      const { bill } = yield* World.inTime(words(3).pipe(Batch.runOn({ name, spec: gpu }, World.job)))
      assert.isTrue(bill?.ranBefore)
      assert.isAtMost(bill?.billedMinutes ?? 0, 1)
    }).pipe(Effect.provide(World.world()))
  )
})
