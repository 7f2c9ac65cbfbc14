import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Duration, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { createBody, manage, memory, type Services, spec } from "./harness.ts"

/** State, ready and wanted replicas, and whether a URL is told. */
const look = (name = "a") =>
  Effect.gen(function* () {
    const { get } = yield* Endpoints.Endpoints
    const { raw: _, state, status, url } = yield* get(name)
    return [state, status.readyReplica, status.targetReplica, url !== undefined] as const
  })

const create = (change: Partial<EndpointSpec.Input> = {}) =>
  Effect.flatMap(Endpoints.Endpoints, ({ create }) => create("a", EndpointSpec.make({ ...spec, ...change })))

const running = Effect.gen(function* () {
  yield* create()
  yield* TestClock.adjust("1 minute")
})

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory({ boot: "1 minute" }))))

describe("life cycle", () => {
  test(
    "goes from pending by initializing to running, the first quarter pending",
    Effect.gen(function* () {
      yield* create()
      assert.deepStrictEqual(yield* look(), ["pending", 0, 1, false])
      yield* TestClock.adjust("14999 millis")
      assert.deepStrictEqual(yield* look(), ["pending", 0, 1, false])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* look(), ["initializing", 0, 1, false])
      yield* TestClock.adjust("44999 millis")
      assert.deepStrictEqual(yield* look(), ["initializing", 0, 1, false])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* look(), ["running", 1, 1, true])
    })
  )

  it.effect("takes two seconds unless told otherwise", () =>
    Effect.gen(function* () {
      yield* create()
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual((yield* look())[0], "initializing")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* look())[0], "running")
    }).pipe(Effect.provide(memory()))
  )

  test(
    "shows its states in order to a watcher",
    Effect.gen(function* () {
      const { changes } = yield* Endpoints.Endpoints
      yield* create()
      const states = yield* changes("a").pipe(
        Stream.map((endpoint) => endpoint.state),
        Stream.takeUntil((state) => state === "running"),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* Fiber.join(states), ["pending", "initializing", "running"])
    })
  )

  test(
    "pauses at once from any state; the URL stays",
    Effect.gen(function* () {
      const { pause } = yield* Endpoints.Endpoints
      yield* running
      const before = yield* Effect.flatMap(Endpoints.Endpoints, ({ get }) => get("a"))
      yield* pause("a")
      assert.deepStrictEqual(yield* look(), ["paused", 0, 0, true])
      const after = yield* Effect.flatMap(Endpoints.Endpoints, ({ get }) => get("a"))
      assert.strictEqual(after.status.url, before.status.url)
    })
  )

  test(
    "a pause while it comes up wins: no timer revives it",
    Effect.gen(function* () {
      const { pause, resume } = yield* Endpoints.Endpoints
      for (const wait of [0, 15, 30, 59]) {
        if (wait === 0) yield* create()
        else yield* resume("a")
        yield* TestClock.adjust(Duration.seconds(wait))
        yield* pause("a")
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual((yield* look())[0], "paused")
      }
    })
  )

  test(
    "a resumed endpoint starts like a new one",
    Effect.gen(function* () {
      const { pause, resume } = yield* Endpoints.Endpoints
      yield* running
      yield* pause("a")
      assert.strictEqual((yield* resume("a")).state, "pending")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* look(), ["initializing", 0, 1, true])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* look(), ["running", 1, 1, true])
    })
  )

  test(
    "refuses to resume what runs, and leaves it alone",
    Effect.gen(function* () {
      yield* running
      const { body, status } = yield* manage("POST", "emulator/a/resume")
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, { error: "Bad Request: Endpoint is already running", code: "BAD_REQUEST" })
      assert.strictEqual((yield* look())[0], "running")
    })
  )

  test(
    "a second resume while it comes up changes nothing",
    Effect.gen(function* () {
      yield* create()
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* manage("POST", "emulator/a/resume")).status, 200)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* look())[0], "running")
    })
  )

  test(
    "scales to zero at once on request, and keeps its URL",
    Effect.gen(function* () {
      const { scaleToZero } = yield* Endpoints.Endpoints
      yield* running
      yield* scaleToZero("a")
      assert.deepStrictEqual(yield* look(), ["scaledToZero", 0, 0, true])
    })
  )

  test(
    "cannot scale to zero what is paused",
    Effect.gen(function* () {
      const { pause } = yield* Endpoints.Endpoints
      yield* running
      yield* pause("a")
      assert.strictEqual((yield* manage("POST", "emulator/a/scale-to-zero")).status, 400)
      assert.strictEqual((yield* look())[0], "paused")
    })
  )

  test(
    "falls asleep after its timeout without a request",
    Effect.gen(function* () {
      yield* create({ scaleToZeroTimeout: Duration.minutes(20) })
      yield* TestClock.adjust("1 minute")
      yield* TestClock.adjust("1199999 millis")
      assert.strictEqual((yield* look())[0], "running")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* look())[0], "scaledToZero")
    })
  )

  test(
    "never falls asleep with a minimum of one replica",
    Effect.gen(function* () {
      yield* create({ minReplica: 1 })
      yield* TestClock.adjust("30 days")
      assert.strictEqual((yield* look())[0], "running")
    })
  )

  test(
    "runs and bills the minimum of replicas",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      yield* create({ minReplica: 3, maxReplica: 5 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* look(), ["running", 3, 3, true])
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 3)
    })
  )

  test(
    "an update rolls: updating, then running again",
    Effect.gen(function* () {
      const { get, update } = yield* Endpoints.Endpoints
      yield* running
      yield* TestClock.adjust("1 second")
      const before = yield* get("a")
      const changed = yield* update("a", { env: { A: "1" } })
      assert.strictEqual(changed.state, "updating")
      assert.notStrictEqual(changed.status.updatedAt, before.status.updatedAt)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* look(), ["running", 1, 1, true])
    })
  )

  test(
    "an update of what sleeps does not wake it",
    Effect.gen(function* () {
      const { pause, scaleToZero, update } = yield* Endpoints.Endpoints
      yield* running
      for (const sleep of [scaleToZero, pause]) {
        const { state } = yield* sleep("a")
        assert.strictEqual((yield* update("a", { env: { A: state } })).state, state)
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual((yield* look())[0], state)
      }
    })
  )

  test(
    "an update to other hardware changes the price from then on",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const { update } = yield* Endpoints.Endpoints
      yield* running
      yield* TestClock.adjust("15 seconds")
      yield* update("a", { instanceSize: "x2" })
      yield* TestClock.adjust("1 minute")
      const { billedMinutes, dollars, pricePerHour } = yield* emulator.bill("a")
      assert.strictEqual(billedMinutes, 2)
      assert.closeTo(dollars, (0.033 + 0.067) / 60, 1e-12)
      assert.strictEqual(pricePerHour, 0.067)
    })
  )

  test(
    "a container that never starts is failed, with a reason, and no longer billed",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const { get } = yield* Endpoints.Endpoints
      yield* create({ repository: "emulator/fail-to-start" })
      yield* TestClock.adjust("1 hour")
      const failed = yield* get("a")
      assert.strictEqual(failed.state, "failed")
      assert.include(failed.status.errorMessage, "Container exited")
      assert.strictEqual(failed.url, undefined)
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 1)
    })
  )

  test(
    "a failed endpoint is revived by an update; a bad update ends in updateFailed",
    Effect.gen(function* () {
      const { get, update } = yield* Endpoints.Endpoints
      yield* create({ repository: "emulator/fail-to-start" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* update("a", { repository: "intfloat/e5-small" })).state, "pending")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* get("a")).state, "running")
      yield* update("a", { repository: "emulator/fail-to-start" })
      yield* TestClock.adjust("1 minute")
      const failed = yield* get("a")
      assert.strictEqual(failed.state, "updateFailed")
      assert.isString(failed.status.errorMessage)
    })
  )

  test(
    "a deleted endpoint is gone, keeps its bill, and its name is free again",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* running
      yield* endpoints.delete("a")
      assert.strictEqual((yield* Effect.flip(endpoints.get("a")))._tag, "NotFound")
      assert.deepStrictEqual(yield* manage("DELETE", "emulator/a"), {
        status: 404,
        body: { error: "404 Not Found", code: "NOT_FOUND" }
      })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 1)
      yield* running
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 2)
    })
  )

  test(
    "stamps who changed it last: the user, or somebody else",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const { get } = yield* Endpoints.Endpoints
      yield* running
      yield* emulator.setState("a", "paused")
      const paused = yield* get("a")
      assert.strictEqual(paused.state, "paused")
      assert.strictEqual(paused.status.createdBy?.name, "emulator")
      assert.strictEqual(paused.status.updatedBy?.name, "somebody-else")
    })
  )

  test(
    "can be put into any state: failures carry the message, and no timer goes on",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const { get } = yield* Endpoints.Endpoints
      yield* create()
      yield* emulator.setState("a", "failed", { message: "out of memory" })
      yield* TestClock.adjust("1 hour")
      const failed = yield* get("a")
      assert.deepStrictEqual([failed.state, failed.status.errorMessage], ["failed", "out of memory"])
      yield* emulator.setState("a", "hibernating", { message: "new in 2027" })
      const odd = yield* get("a")
      assert.deepStrictEqual([odd.state, odd.status.message], ["hibernating", "new in 2027"])
      yield* emulator.setState("a", "running")
      yield* TestClock.adjust("15 minutes")
      assert.strictEqual((yield* look())[0], "scaledToZero")
      const missing = yield* Effect.flip(emulator.setState("b", "paused"))
      assert.strictEqual(missing.name, "b")
    })
  )

  it.effect("writes timestamps with up to nine fraction digits", () =>
    Effect.gen(function* () {
      const stamps: Array<string | null | undefined> = []
      for (const [name, millis] of [
        ["a", 0],
        ["b", 250],
        ["c", 0.5]
      ] as const) {
        yield* TestClock.adjust(Duration.millis(millis))
        yield* manage("POST", "emulator", { body: createBody(name) })
        stamps.push((yield* Effect.flatMap(Endpoints.Endpoints, ({ get }) => get(name))).status.createdAt)
      }
      assert.deepStrictEqual(stamps, [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.250Z",
        "1970-01-01T00:00:00.250500Z"
      ])
    }).pipe(Effect.provide(memory()))
  )
})
