/** An endpoint that several processes hold: leases in a real Postgres, on real time that is short. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Limit } from "@stint/batch"
import { EndpointLeases, EndpointReaper } from "@stint/cluster"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { changes, inferences, job, name, spec, state, words } from "../batchWorld.ts"
import { hold, inWorld, make, makeOn, options, ttlMillis, until, untilTrue } from "../cluster/leaseWorld.ts"
import * as Postgres from "../postgres/server.ts"

const scaling = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, ([endpoint]) => {
    const { minReplica, scaleToZeroTimeout } = endpoint?.compute?.scaling ?? {}
    return { minReplica, scaleToZeroTimeout }
  })
)

/** A process that has leases and releases nothing in the name of others. */
const noReaper = EndpointLeases.layer({ ttl: ttlMillis })

/** The endpoint's row, and how far the holder is that lives. */
const rowOf = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    Effect.orDie(sql<{
      state: string
      phase: string | null
    }>`SELECT state, (SELECT phase FROM stint_endpoint_leases
      WHERE expires_at > clock_timestamp()) AS phase FROM stint_endpoints`),
    (rows) => rows[0] ?? { state: "none", phase: null }
  )
)

/** A lease runs out, the next look sees it, and the pause takes its time: on a machine that is shared. */
const bound = ttlMillis * 3

describe.concurrent("an endpoint that several processes hold", () => {
  it.live("is created once, and paused at once by the last one out", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [a, b, c] = yield* Effect.all([start(), start(), start()], { concurrency: 3 })
        const holds = yield* Effect.all([hold(a), hold(b), hold(c)], { concurrency: 3 })
        for (const { letGo } of holds.slice(0, 2)) {
          yield* letGo
          assert.strictEqual(yield* state, "running")
        }
        yield* holds[2].letGo
        assert.strictEqual(yield* state, "paused")
        assert.deepStrictEqual(yield* changes, ["create", "pause"])
      })
    )
  )

  it.live("is resumed by one call when two race for it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [a, b] = yield* Effect.all([start(), start()], { concurrency: 2 })
        yield* Effect.flatMap(hold(a), ({ letGo }) => letGo)
        const holds = yield* Effect.all([hold(a), hold(b)], { concurrency: 2 })
        yield* Effect.forEach(holds, ({ letGo }) => letGo)
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "pause"])
      })
    )
  )

  it.live("is paused when its only holder is dead", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [dead] = yield* Effect.all([start(), start()], { concurrency: 2 })
        yield* hold(dead)
        yield* dead.freeze
        assert.isAtMost(yield* until("paused", 10_000), bound)
      })
    )
  )

  it.live("is taken again by a holder that was frozen, and woken for it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [frozen] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const { fiber, letGo } = yield* hold(frozen)
        yield* frozen.freeze
        yield* until("paused", 10_000)
        yield* frozen.thaw
        yield* until("running", bound)
        assert.isUndefined(fiber.pollUnsafe())
        yield* letGo
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "pause"])
      })
    )
  )

  it.live("loses no row of a batch to a lease that ran out, and sends nothing until it has it again", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [frozen] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const all = words(400)
        const run = yield* Stream.fromIterable(all).pipe(
          Batch.runOn({ name, spec, releaseTimeout: "2 seconds" }, job, { limit: Limit.fixed(2) }),
          frozen.run,
          Effect.forkDetach
        )
        yield* until("running", 10_000)
        yield* untilTrue(Effect.map(inferences, ({ length }) => length > 20))
        yield* frozen.freeze
        yield* until("paused", 10_000)
        yield* frozen.thaw
        const report = yield* Fiber.join(run)
        assert.strictEqual(report.succeeded, all.length)
        assert.strictEqual(report.failed, 0)
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "pause"])
      })
    )
  )

  it.live("is not called released by a holder whose lease ran out before it was, and is paused by it", () =>
    inWorld(
      Effect.gen(function* () {
        const { apiIs, start } = yield* make
        const [a, other] = yield* Effect.all([start(noReaper), start(noReaper)], { concurrency: 2 })
        const { letGo } = yield* hold(a, { releaseTimeout: "40 seconds" })
        yield* apiIs("down")
        const leaving = yield* Effect.forkChild(letGo)
        yield* untilTrue(Effect.map(other.run(rowOf), ({ phase }) => phase === "releasing"))
        yield* a.cutOff
        yield* Effect.sleep(ttlMillis * 2)
        yield* a.mend
        assert.strictEqual((yield* other.run(rowOf)).state, "held")
        assert.strictEqual(yield* state, "running")
        // It is back, and takes its place again rather than leave it to others that are not there.
        yield* apiIs("up")
        yield* Fiber.join(leaving)
        assert.strictEqual(yield* state, "paused")
        assert.deepStrictEqual(yield* other.run(rowOf), { state: "released", phase: null })
      })
    )
  )

  it.live("goes on without its database for as long as a lease lasts", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [a] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const { letGo } = yield* hold(a)
        yield* a.cutOff
        yield* Effect.sleep(ttlMillis / 5)
        yield* a.mend
        yield* Effect.sleep(ttlMillis * 1.5)
        assert.strictEqual(yield* state, "running")
        yield* letGo
        assert.deepStrictEqual(yield* changes, ["create", "pause"])
      })
    )
  )

  it.live("is nobody's less because the database was away for all, and is paused after it is back", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const both = yield* Effect.all([start(), start()], { concurrency: 2 })
        const [a, b] = yield* Effect.all([hold(both[0]), hold(both[1])], { concurrency: 2 })
        yield* Effect.forEach(both, ({ cutOff }) => cutOff)
        yield* Effect.sleep(ttlMillis * 2)
        yield* Effect.forEach(both, ({ mend }) => mend)
        yield* Effect.sleep(ttlMillis * 2)
        assert.strictEqual(yield* state, "running")
        yield* a.letGo
        assert.strictEqual(yield* state, "running")
        yield* both[1].freeze
        assert.isAtMost(yield* until("paused", 10_000), bound)
        assert.deepStrictEqual(yield* changes, ["create", "pause"])
        assert.isUndefined(b.fiber.pollUnsafe())
      })
    )
  )

  it.live("outlives a crash of its database that lasts longer than a lease", () =>
    inWorld(
      Effect.gen(function* () {
        const server = yield* Postgres.make()
        const { start } = yield* makeOn(Postgres.databaseOn(server))
        const [a, b] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const holds = yield* Effect.all([hold(a), hold(b)], { concurrency: 2 })
        yield* server.restart({ mode: "immediate", down: ttlMillis * 1.5 })
        yield* Effect.sleep(ttlMillis * 3)
        assert.strictEqual(yield* state, "running")
        yield* Effect.forEach(holds, ({ letGo }) => letGo)
        assert.deepStrictEqual(yield* changes, ["create", "pause"])
      })
    )
  )

  it.live("is paused in the end when the API was down as it should have been", () =>
    inWorld(
      Effect.gen(function* () {
        const { apiIs, start } = yield* make
        const [a] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const { letGo } = yield* hold(a, { releaseTimeout: "300 millis" })
        yield* apiIs("down")
        const error = yield* Effect.flip(letGo)
        assert.strictEqual(error._tag, "ReleaseUnconfirmed")
        yield* Effect.sleep(ttlMillis * 2)
        assert.strictEqual(yield* state, "running")
        yield* apiIs("up")
        yield* until("paused", 10_000)
      })
    )
  )

  it.live("is not paused for those who come while a thawed holder still releases it", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [slow, next] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const first = yield* hold(slow, { releaseTimeout: "20 seconds" })
        yield* slow.holdCalls("pause")
        const leaving = yield* Effect.forkDetach(first.letGo)
        yield* slow.heldCall
        yield* slow.freeze
        yield* until("paused", 10_000)
        const second = yield* hold(next)
        yield* slow.letCalls
        yield* slow.thaw
        yield* Fiber.join(leaving)
        yield* Effect.sleep(ttlMillis)
        assert.strictEqual(yield* state, "running")
        yield* second.letGo
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "pause"])
      })
    )
  )

  it.live("is had by others although one stands still in the middle of a decision", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [still, other] = yield* Effect.all([start(EndpointLeases.layer(options)), start()], {
          concurrency: 2
        })
        yield* still.cutOffAfter("FOR UPDATE")
        yield* Effect.forkDetach(hold(still))
        yield* Effect.sleep("500 millis")
        const from = yield* Clock.currentTimeMillis
        const { letGo } = yield* hold(other)
        assert.isAbove((yield* Clock.currentTimeMillis) - from, 1000)
        yield* letGo
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  it.live(
    "is paused again when a call that wakes it lands after its caller was lost and it was released",
    () =>
      inWorld(
        Effect.gen(function* () {
          const { start } = yield* make
          const [lost, other] = yield* Effect.all([start(), start()], { concurrency: 2 })
          yield* Effect.flatMap(hold(lost), ({ letGo }) => letGo)
          yield* lost.holdCalls("resume", "call")
          yield* Effect.forkDetach(hold(lost))
          yield* lost.heldCall
          yield* lost.freeze
          yield* untilTrue(Effect.map(other.run(rowOf), ({ state }) => state === "released"))
          yield* lost.letCalls
          yield* untilTrue(Effect.map(changes, (all) => all.includes("resume")))
          assert.isAtMost(yield* until("paused", 10_000), bound)
          yield* untilTrue(Effect.map(other.run(rowOf), ({ state }) => state === "released"))
          assert.deepStrictEqual(yield* changes, ["create", "pause", "pause", "resume", "pause"])
        })
      )
  )

  it.live("is left to somebody who starts it after a holder was lost that had nothing under way", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [lost, other] = yield* Effect.all([start(), start()], { concurrency: 2 })
        yield* hold(lost)
        yield* lost.freeze
        yield* until("paused", 10_000)
        yield* untilTrue(Effect.map(other.run(rowOf), ({ state }) => state === "released"))
        yield* other.run(Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.resume(name)))
        yield* Effect.sleep(bound)
        assert.strictEqual(yield* state, "running")
      })
    )
  )

  it.live("is left paused when somebody pauses it by hand while it is held", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [a, b] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const { letGo } = yield* hold(a)
        yield* b.run(Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.pause(name)))
        yield* Effect.sleep(ttlMillis * 2)
        assert.strictEqual(yield* state, "paused")
        yield* letGo
        assert.notInclude(yield* changes, "resume")
      })
    )
  )

  it.live("is guarded by a timeout of its own while it is held, and has its settings back after", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const a = yield* start()
        const sleepless = EndpointSpec.make({ ...spec, minReplica: 1 })
        yield* a.run(
          Effect.flatMap(Endpoints.Endpoints, (endpoints) =>
            Effect.andThen(endpoints.create(name, sleepless), endpoints.pause(name))
          )
        )
        const { letGo } = yield* hold(a, { spec: undefined })
        assert.deepStrictEqual(yield* scaling, { minReplica: 0, scaleToZeroTimeout: 15 })
        yield* letGo
        assert.deepStrictEqual(yield* scaling, { minReplica: 1, scaleToZeroTimeout: null })
        assert.strictEqual(yield* state, "paused")
      })
    )
  )

  it.live("is released by one look of cron when nobody is left", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const dead = yield* start(EndpointLeases.layer(options))
        yield* hold(dead)
        yield* dead.freeze
        yield* Effect.sleep(ttlMillis * 2)
        assert.strictEqual(yield* state, "running")
        const cron = yield* start(Layer.empty)
        const [reaped, ...rest] = yield* cron.run(EndpointReaper.once(options))
        assert.deepStrictEqual(rest, [])
        assert.strictEqual(reaped?.finding._tag, "Released")
        assert.strictEqual(yield* state, "paused")
        assert.deepStrictEqual(yield* cron.run(EndpointReaper.once(options)), [])
      })
    )
  )

  it.live("is refused, waited for, or in conflict, as on one machine", () =>
    inWorld(
      Effect.gen(function* () {
        const { start } = yield* make
        const [a, b] = yield* Effect.all([start(), start()], { concurrency: 2 })
        const first = yield* hold(a)
        const refused = yield* Effect.flip(hold(b, { whenLeased: "refuse" }))
        assert.strictEqual(refused._tag, "LeasedElsewhere")
        const conflict = yield* Effect.flip(hold(b, { onRelease: "delete" }))
        assert.strictEqual(conflict._tag, "LeaseConflict")
        const waiting = yield* Effect.forkDetach(hold(b, { whenLeased: "wait", onRelease: "delete" }))
        yield* Effect.sleep(ttlMillis)
        assert.isUndefined(waiting.pollUnsafe())
        yield* first.letGo
        yield* Effect.flatMap(Fiber.join(waiting), ({ letGo }) => letGo)
        assert.deepStrictEqual(yield* changes, ["create", "pause", "resume", "delete"])
      })
    )
  )
})
