/** An endpoint that runs already: somebody's is left alone, and one that the fleet woke is never left running. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ManagedEndpoint } from "@stint/batch"
import { ClusterBatch, EndpointLeases, EndpointReaper, InputRef, RunSettings } from "@stint/cluster"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Layer, Predicate } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { changes, name, spec, state } from "../batchWorld.ts"
import { counting, embedding, lines, limit, make as cluster, quiet } from "./clusterWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const { hold, inWorld, ttlMillis, until, untilTrue } = LeaseWorld

/** Somebody's endpoint, which nobody tagged: running, or paused by them. */
const somebodys = Effect.fnUntraced(function* (
  run: <A, E>(effect: Effect.Effect<A, E, Endpoints.Endpoints>) => Effect.Effect<A, E>,
  wanted: "running" | "paused"
) {
  yield* Effect.orDie(run(Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.create(name, spec))))
  yield* untilTrue(Effect.map(state, (now) => now === "running"))
  if (wanted === "running") return
  yield* Effect.orDie(run(Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.pause(name))))
})

/** Somebody pauses it. */
const pauseIt = (run: LeaseWorld.Process["run"]) =>
  Effect.orDie(run(Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.pause(name))))

/** What a worker asks for in the name of a run that does not say what is to become of the endpoint. */
const silent = RunSettings.toManaged({ name })
const restoring = RunSettings.toManaged({ name, onRelease: "restore" })

/** A process that has leases and releases nothing in the name of others. */
const noReaper = EndpointLeases.layer({ ttl: ttlMillis })

const leasesRunOut = Effect.sleep(ttlMillis * 1.2)

const rowState = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    Effect.orDie(sql<{ state: string }>`SELECT state FROM stint_endpoints`),
    (rows) => rows[0]?.state ?? "none"
  )
)

/** Since when the changes are those of the fleet. */
const changesAfter = (before: ReadonlyArray<string>) =>
  Effect.map(changes, (all) => all.slice(before.length).filter((change) => change !== "PUT"))

describe("an endpoint that the fleet woke, of a run that gives no leave", () => {
  it.live("is joined by a worker that comes later, and paused by the last one out", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a, b] = yield* Effect.all([start(), start()], { concurrency: 2 })
        yield* somebodys(a.run, "paused")
        const first = yield* hold(a, silent)
        const second = yield* hold(b, silent)
        yield* first.letGo
        assert.strictEqual(yield* state, "running")
        yield* second.letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  for (const [what, given] of [
    ["pauses it", silent],
    ["puts it back as the fleet found it", restoring]
  ] as const) {
    it.live(`is taken over when its waker died while it booted, by one who ${what}`, () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* LeaseWorld.make
          const [a, b] = yield* Effect.all([start(noReaper), start(noReaper)], { concurrency: 2 })
          yield* somebodys(a.run, "paused")
          // The call is served, its answer is never read, and the end of the boot is seen by nobody.
          yield* a.holdCalls("resume")
          yield* Effect.forkDetach(hold(a, given))
          yield* a.heldCall
          yield* a.freeze
          yield* untilTrue(Effect.map(state, (now) => now === "running"))
          yield* leasesRunOut
          const { letGo } = yield* hold(b, given)
          yield* letGo
          assert.strictEqual(yield* state, "paused")
        })
      )
    )
  }

  it.live("is taken over when all who held it are dead", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a, b, c] = yield* Effect.all([start(noReaper), start(noReaper), start(noReaper)], {
          concurrency: 3
        })
        yield* somebodys(a.run, "paused")
        yield* hold(a, silent)
        yield* hold(b, silent)
        yield* Effect.all([a.freeze, b.freeze])
        yield* leasesRunOut
        const { letGo } = yield* hold(c, silent)
        yield* letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  it.live("is held again by a worker that was frozen, and paused by it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a] = yield* Effect.all([start(), start()], { concurrency: 2 })
        yield* somebodys(a.run, "paused")
        const { letGo } = yield* hold(a, silent)
        yield* a.freeze
        yield* until("paused", 10_000)
        yield* a.thaw
        yield* until("running", 10_000)
        yield* letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  it.live("is taken over when all die while it is woken for one that was back", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a, keeper, c] = yield* Effect.all([start(noReaper), start(), start(noReaper)], {
          concurrency: 3
        })
        yield* somebodys(a.run, "paused")
        yield* hold(a, silent)
        yield* a.freeze
        yield* until("paused", 10_000)
        yield* keeper.holdCalls("resume")
        yield* Effect.addFinalizer(() => keeper.letCalls)
        yield* a.thaw
        yield* keeper.heldCall
        yield* Effect.all([a.freeze, keeper.freeze])
        yield* until("running", 10_000)
        yield* leasesRunOut
        const { letGo } = yield* hold(c, silent)
        yield* letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  it.live("is taken over when a worker died that had lost its lease before it woke it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a, reaping, c] = yield* Effect.all([start(noReaper), start(), start(noReaper)], {
          concurrency: 3
        })
        yield* somebodys(a.run, "paused")
        // It has its place, and stands still before it does anything.
        yield* a.holdCalls(name)
        yield* Effect.forkDetach(hold(a, silent))
        yield* a.heldCall
        yield* a.cutOff
        yield* untilTrue(Effect.map(reaping.run(rowState), (now) => now === "released"))
        yield* reaping.freeze
        yield* a.mend
        yield* untilTrue(Effect.map(c.run(rowState), (now) => now === "held"))
        yield* a.letCalls
        yield* until("running", 10_000)
        yield* a.freeze
        yield* leasesRunOut
        const { letGo } = yield* hold(c, silent)
        yield* letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )
})

describe("somebody's endpoint that runs", () => {
  it.live("is refused also after a worker that died before it had looked at it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const [a, b] = yield* Effect.all([start(noReaper), start(noReaper)], { concurrency: 2 })
        yield* somebodys(a.run, "running")
        const before = yield* changes
        yield* a.holdCalls(name)
        yield* Effect.forkDetach(hold(a, silent))
        yield* a.heldCall
        yield* a.freeze
        yield* leasesRunOut
        const error = yield* Effect.flip(b.run(ManagedEndpoint.withEndpoint(silent, () => Effect.void)))
        assert.strictEqual(error._tag, "AdoptionRefused")
        assert.strictEqual(yield* b.run(rowState), "released")
        assert.deepStrictEqual(yield* changesAfter(before), [])
        assert.strictEqual(yield* state, "running")
      })
    )
  )

  it.live("is put back as it was found where that is asked for, and is then somebody's again", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* LeaseWorld.make
        const a = yield* start()
        yield* somebodys(a.run, "running")
        const before = yield* changes
        yield* Effect.flatMap(hold(a, restoring), ({ letGo }) => letGo)
        assert.deepStrictEqual(yield* changesAfter(before), [])
        const error = yield* Effect.flip(a.run(ManagedEndpoint.withEndpoint(silent, () => Effect.void)))
        assert.isTrue(Predicate.isTagged(error, "AdoptionRefused"))
        assert.strictEqual(yield* state, "running")
      })
    )
  )
})

describe("an endpoint that ran, that somebody paused, and that the fleet woke", () => {
  for (const order of ["the one that found it running", "the one that woke it"] as const) {
    it.live(`is put back to sleep by ${order}, last out of two`, () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* LeaseWorld.make
          const [a, b] = yield* Effect.all([start(noReaper), start(noReaper)], { concurrency: 2 })
          yield* somebodys(a.run, "running")
          const first = yield* hold(a, restoring)
          yield* pauseIt(b.run)
          const second = yield* hold(b, restoring)
          yield* untilTrue(Effect.map(state, (now) => now === "running"))
          const out = [second, first]
          for (const { letGo } of order === "the one that woke it" ? out.toReversed() : out) yield* letGo
          assert.strictEqual(yield* state, "paused")
        })
      )
    )
  }

  for (const who of ["who took it over", "who comes after that one", "the reaper"] as const) {
    it.live(`is put back to sleep when all that held it are dead, by ${who}`, () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* LeaseWorld.make
          const [a, b, c] = yield* Effect.all([start(noReaper), start(noReaper), start(noReaper)], {
            concurrency: 3
          })
          yield* somebodys(a.run, "running")
          yield* hold(a, restoring)
          yield* a.freeze
          yield* leasesRunOut
          yield* pauseIt(c.run)
          const second = yield* hold(b, restoring)
          yield* untilTrue(Effect.map(state, (now) => now === "running"))
          if (who === "who took it over") yield* second.letGo
          else {
            yield* b.freeze
            yield* Effect.sleep(ttlMillis * 2)
            yield* who === "the reaper"
              ? c.run(EndpointReaper.once(LeaseWorld.options))
              : Effect.flatMap(hold(c, restoring), ({ letGo }) => letGo)
          }
          assert.strictEqual(yield* state, "paused")
        })
      )
    )
  }
})

describe("a run of a cluster on an endpoint that runs already", () => {
  it.live(
    "is refused for all workers, and leaves it running; with leave it is used; asleep it needs none",
    () =>
      Effect.gen(function* () {
        const { asked, engine } = counting(5)
        const world = yield* cluster(engine)
        const inEmulator = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, world.emulator)
        const { namespace, token, urls } = yield* inEmulator(Emulator.Emulator)
        const endpoints = Endpoints.layer({
          token,
          namespace,
          apiUrl: urls.management,
          hubUrl: urls.hub
        }).pipe(Layer.provide(Layer.succeedContext(world.emulator)))
        yield* inEmulator(somebodys(Effect.provide(endpoints), "running"))
        const before = yield* inEmulator(changes)
        yield* Effect.all([world.start(), world.start()], { concurrency: 2 })
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(120)))
        const start = (run: string, onRelease?: "restore" | "pause") =>
          embedding.start({
            run,
            input,
            endpoint: { name, spec, ...(onRelease === undefined ? {} : { onRelease }) },
            limit,
            chunk: 40,
            parameters: {}
          })
        const isReleased = Effect.map(rowState, (now) => now === "released")
        const refused = (run: string) =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(ClusterBatch.wait(run))
            assert.strictEqual(error._tag, "AdoptionRefused")
            assert.include(error.message, "--on-release")
            assert.strictEqual((yield* ClusterBatch.status(run)).state, "failed")
            yield* untilTrue(isReleased)
            // Nobody has it any more, and no reaper puts it to sleep.
            yield* Effect.sleep("4 seconds")
            const sql = yield* SqlClient
            assert.deepStrictEqual(
              yield* sql`SELECT e.state, (SELECT count(*)::int FROM stint_endpoint_leases) AS held FROM stint_endpoints e`,
              [{ state: "released", held: 0 }]
            )
            assert.strictEqual(asked.size, 0)
            assert.deepStrictEqual(yield* inEmulator(changesAfter(before)), [])
            assert.strictEqual(yield* inEmulator(state), "running")
          })
        const succeeds = (run: string, ends: string) =>
          Effect.gen(function* () {
            assert.strictEqual((yield* ClusterBatch.wait(run)).remaining, 0)
            yield* untilTrue(isReleased)
            assert.strictEqual(yield* inEmulator(state), ends)
          })

        yield* Effect.gen(function* () {
          yield* start("silent")
          yield* refused("silent")
          yield* ClusterBatch.resume("silent")
          yield* refused("silent")

          yield* start("restoring", "restore")
          yield* succeeds("restoring", "running")
          assert.deepStrictEqual(yield* inEmulator(changesAfter(before)), [])
          yield* start("pausing", "pause")
          yield* succeeds("pausing", "paused")
          assert.deepStrictEqual(yield* inEmulator(changesAfter(before)), ["pause"])

          // It sleeps by now.
          yield* ClusterBatch.resume("silent")
          yield* succeeds("silent", "paused")
          assert.deepStrictEqual(yield* inEmulator(changesAfter(before)), ["pause", "resume", "pause"])
        }).pipe(Effect.provide(world.client))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})
