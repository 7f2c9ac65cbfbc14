/** What the record of a lease is told, and when: before every call that may start a bill, and after every end. */
import { assert, describe, it } from "@effect/vitest"
import { Leases, ManagedEndpoint, Sharing, withEndpoint } from "@stint/batch"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Deferred, Effect, Exit, Fiber } from "effect"
import * as World from "./batchWorld.ts"

/** A record in memory: what is done to it, in order, beside what is done to the endpoint. */
const recorded = Effect.fnUntraced(function* (
  options: {
    readonly hold?: Partial<Leases.Hold>
    readonly claim?: Effect.Effect<void, Leases.ClaimError>
  } = {}
) {
  const emulator = yield* Emulator.Emulator
  const told: Array<string> = []
  let known: Leases.Facts = {}
  let seen = 0
  /** Puts down what was done to the endpoint since the last time. */
  const catchUp = Effect.map(Effect.provideService(World.changes, Emulator.Emulator, emulator), (all) => {
    told.push(...all.slice(seen).map((change) => `API ${change}`))
    seen = all.length
  })
  const tell = (text: string) =>
    Effect.andThen(
      catchUp,
      Effect.sync(() => void told.push(text))
    )
  const hold: Leases.Hold = {
    orphan: undefined,
    isShared: false,
    note: (facts) =>
      Effect.andThen(
        tell(`note ${[facts.acquisition, facts.found?.state].filter(Boolean).join(" ")}`.trim()),
        Effect.sync(() => {
          known = Leases.merge(known, facts)
        })
      ),
    facts: Effect.sync(() => known),
    leave: Effect.as(tell("leave"), "last"),
    ended: (detail) => tell(detail === undefined ? "ended" : `unconfirmed: ${detail}`),
    ...options.hold
  }
  const service: Leases.Service = {
    claim: ({ name, namespace, policy }) =>
      (options.claim ?? Effect.void).pipe(
        Effect.andThen(tell(`claim ${namespace}/${name} ${policy}`)),
        Effect.as(hold)
      )
  }
  return {
    told: Effect.as(catchUp, told),
    known: () => known,
    on: <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.provideService(program, Leases.Leases, service)
  }
})

const use = (options: Partial<ManagedEndpoint.Options> = {}) =>
  withEndpoint({ ...World.options, ...options }, () => Effect.void)

describe("the record", () => {
  it.effect("is claimed and told before a create, and ended after the confirmed pause", () =>
    Effect.gen(function* () {
      const { known, on, told } = yield* recorded()
      yield* World.inTime(on(use()))
      assert.deepStrictEqual(yield* told, [
        "claim emulator/e pause",
        "note Created",
        "API create",
        "note",
        "note",
        "leave",
        "API pause",
        "ended"
      ])
      const { found, pricePerHour, updatedAt } = known()
      assert.isUndefined(found)
      assert.strictEqual(pricePerHour, 0.033)
      assert.isString(updatedAt)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is told what was found before a resume", () =>
    Effect.gen(function* () {
      yield* World.existing("paused")
      const { known, on, told } = yield* recorded()
      yield* World.inTime(on(use()))
      const all = yield* told
      assert.deepStrictEqual(all.slice(0, 4), [
        "API create",
        "claim emulator/e pause",
        "note Resumed paused",
        "API resume"
      ])
      assert.deepStrictEqual(known().found, {
        state: "paused",
        minReplica: 0,
        maxReplica: 1,
        scaleToZeroTimeout: 15
      })
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is claimed once by two scopes of a process, and left once", () =>
    Effect.gen(function* () {
      const { on, told } = yield* recorded()
      yield* World.inTime(on(withEndpoint(World.options, () => use())))
      const all = (yield* told).filter((line) => !line.startsWith("note"))
      assert.deepStrictEqual(all, ["claim emulator/e pause", "API create", "leave", "API pause", "ended"])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is not ended while others hold the endpoint, which is left awake to them", () => {
    const told: Array<string> = []
    return Effect.gen(function* () {
      const record = yield* recorded({ hold: { leave: Effect.succeed("others") } })
      yield* World.inTime(
        record.on(use({ onEvent: (event) => Effect.sync(() => void told.push(event._tag)) }))
      )
      assert.strictEqual(yield* World.state, "running")
      assert.notInclude(yield* record.told, "ended")
      assert.strictEqual(told.at(-1), "Left")
    }).pipe(Effect.provide(World.world()))
  })

  it.effect(
    "of an endpoint that others woke is released by the last one, though its own acquiring failed",
    () =>
      Effect.gen(function* () {
        yield* World.existing("running")
        const { on } = yield* recorded({
          hold: { isShared: true, facts: Effect.succeed({ acquisition: "Created" }) }
        })
        const error = yield* World.failure(on(use({ spec: { ...World.spec, repository: "acme/other" } })))
        assert.strictEqual(error._tag, "SpecMismatch")
        yield* World.theEnd(["create", "pause"])
      }).pipe(Effect.provide(World.world()))
  )

  it.effect("keeps why a release could not be confirmed", () =>
    Effect.gen(function* () {
      const { on, told } = yield* recorded()
      const error = yield* World.failure(on(use()))
      assert.strictEqual(error._tag, "ReleaseUnconfirmed")
      assert.strictEqual((yield* told).at(-1), `unconfirmed: ${error.message}`)
    }).pipe(
      Effect.provide(
        World.world({}, ({ path }) =>
          path.endsWith("/pause") ? new Response("no", { status: 500 }) : undefined
        )
      )
    )
  )

  it.effect("ends with nothing to release when the create was refused", () =>
    Effect.gen(function* () {
      const { on, told } = yield* recorded()
      yield* World.failure(on(use()))
      assert.deepStrictEqual(yield* told, ["claim emulator/e pause", "note Created", "leave", "ended"])
    }).pipe(
      Effect.provide(
        World.world({}, ({ method }) =>
          method === "POST"
            ? Response.json({ error: "Conflict: Quota exceeded" }, { status: 409 })
            : undefined
        )
      )
    )
  )

  it.effect("held by another process is an error, and nothing is changed", () =>
    Effect.gen(function* () {
      const elsewhere = new Leases.LeasedElsewhere({ namespace: "emulator", name: "e", holders: "process 7" })
      const { on, told } = yield* recorded({ claim: Effect.fail(elsewhere) })
      const error = yield* World.failure(on(use()))
      assert.strictEqual(error._tag, "LeasedElsewhere")
      assert.include(error.message, "process 7")
      assert.deepStrictEqual(yield* told, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("that is waited for can be given up", () =>
    Effect.gen(function* () {
      const { on, told } = yield* recorded({ claim: Effect.never })
      const fiber = yield* World.during(on(use()), 5)
      const exit = yield* World.interrupted(fiber)
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* told, [])
      // Nobody is left standing in it: the next one gets in.
      yield* World.inTime(use())
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  )

  for (const broken of ["note", "leave", "facts", "ended"] as const) {
    it.effect(`that breaks at ${broken} does not keep the endpoint awake`, () =>
      Effect.gen(function* () {
        const dies = Effect.die("disk full")
        const hold: Partial<Leases.Hold> = {
          note: { note: () => dies },
          leave: { leave: dies },
          facts: { facts: dies },
          ended: { ended: () => dies }
        }[broken]
        const { on } = yield* recorded({ hold: { ...hold } })
        yield* World.inTime(on(use()))
        yield* World.theEnd(["create", "pause"])
      }).pipe(Effect.provide(World.world()))
    )
  }
})

describe("an orphan", () => {
  const since = "2026-02-03T04:05:06Z"
  const orphanOf = Effect.fnUntraced(function* (facts: Leases.Facts, isTouched = false) {
    const { get } = yield* Endpoints.Endpoints
    const { status } = yield* World.inTime(get(World.name))
    const updatedAt = isTouched ? "2026-01-01T00:00:00Z" : (status.updatedAt ?? undefined)
    return { orphan: { since, facts: { ...facts, updatedAt } } }
  })

  it.effect("is taken over, and the run says so", () => {
    const told: Array<ManagedEndpoint.Event> = []
    return Effect.gen(function* () {
      yield* World.existing("running")
      const { on } = yield* recorded({ hold: yield* orphanOf({ acquisition: "Created" }) })
      yield* World.inTime(on(use({ onEvent: (event) => Effect.sync(() => void told.push(event)) })))
      assert.deepStrictEqual(told[0], { _tag: "TookOver", since, leftBy: "a run that is gone" })
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  })

  const cases = [
    ["that was created is paused by restore", { acquisition: "Created" }, false, "paused"],
    [
      "that was found asleep is put back so by restore",
      { found: { state: "scaledToZero" } },
      false,
      "scaledToZero"
    ],
    ["that was found running is left so by restore", { found: { state: "running" } }, false, "running"],
    [
      "that somebody changed since is left as they have it by restore",
      { found: { state: "paused" } },
      true,
      "running"
    ]
  ] as const
  for (const [what, facts, isTouched, left] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        yield* World.existing("running")
        const { on } = yield* recorded({ hold: yield* orphanOf(facts, isTouched) })
        yield* World.inTime(on(use({ onRelease: "restore" })))
        assert.strictEqual(yield* World.state, left)
      }).pipe(Effect.provide(World.world()))
    )
  }

  it.effect("that cannot be reached stays in the record", () =>
    Effect.gen(function* () {
      const { on, told } = yield* recorded({ hold: { orphan: { since, facts: { acquisition: "Created" } } } })
      yield* World.failure(on(use()))
      assert.match((yield* told).at(-1) ?? "", /^unconfirmed: /)
    }).pipe(Effect.provide(World.world({}, () => "refused")))
  )
})

describe("processes that race", () => {
  it.effect("the one that lost the create restores to nothing what the other one made", () =>
    Effect.gen(function* () {
      // Both write into one record, as two processes that joined do.
      let known: Leases.Facts = {}
      let holders = 0
      const shared: Leases.Service = {
        claim: () =>
          Effect.sync((): Leases.Hold => {
            const isShared = holders++ > 0
            return {
              orphan: undefined,
              isShared,
              note: (facts) =>
                Effect.sync(() => {
                  known = Leases.merge(known, facts)
                }),
              facts: Effect.sync(() => known),
              leave: Effect.sync(() => (--holders > 0 ? "others" : "last")),
              ended: () => Effect.void
            }
          })
      }
      const letGo = yield* Deferred.make<void>()
      const one = withEndpoint({ ...World.options, onRelease: "restore" }, (held) =>
        Effect.as(Deferred.await(letGo), held.acquisition)
      ).pipe(Effect.provideService(Leases.Leases, shared))
      const process = () => Effect.provideService(one, Sharing.Sharing, Sharing.make())
      const fibers = [yield* World.during(process(), 0), yield* World.during(process(), 40)]
      yield* Deferred.succeed(letGo, undefined)
      const acquisitions = yield* Effect.forEach(fibers, (fiber) => World.inTime(Fiber.join(fiber)))
      assert.deepStrictEqual(acquisitions, ["Created", "Created"])
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world()))
  )
})
