import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Duration, Effect, Fiber, type Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { text } from "./fixture/text.ts"
import { call, createBody, manage, memory, type Services } from "./harness.ts"

const options: Emulator.Options = {
  boot: "40 seconds",
  engines: () => ({
    name: "busy",
    healthRoute: "/health",
    handle: () => Effect.delay(Effect.succeed(HttpServerResponse.empty()), "10 minutes")
  })
}

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory(options))))

const replicas = Effect.gen(function* () {
  const { get } = yield* Endpoints.Endpoints
  const { status } = yield* get("a")
  return [status.readyReplica, status.targetReplica]
})

const running = (scaling: Record<string, Schema.Json>) =>
  Effect.gen(function* () {
    yield* manage("POST", "emulator", {
      body: createBody("a", { scaling: { minReplica: 1, maxReplica: 4, ...scaling } })
    })
    yield* TestClock.adjust("40 seconds")
  })

/** Requests that stay for ten minutes. */
const load = (count: number) =>
  Effect.gen(function* () {
    const { get } = yield* Endpoints.Endpoints
    const { url } = yield* get("a")
    return yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: count }, () => call("POST", `${url?.href}`, { body: { inputs: "x" } })),
        { concurrency: "unbounded" }
      ),
      { startImmediately: true }
    )
  })

const pending = { measure: { pendingRequests: 2 } }

describe("autoscaling", () => {
  test(
    "looks every minute, and asks for as many replicas as the pending requests need",
    Effect.gen(function* () {
      yield* running(pending)
      yield* load(5)
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* replicas, [1, 1])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* replicas, [1, 3])
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(yield* replicas, [3, 3])
    })
  )

  test(
    "never goes beyond the maximum",
    Effect.gen(function* () {
      yield* running(pending)
      yield* load(50)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* replicas, [4, 4])
    })
  )

  test(
    "averages over twenty seconds: a burst that is over is none",
    Effect.gen(function* () {
      yield* running(pending)
      const burst = yield* load(8)
      yield* TestClock.adjust("35 seconds")
      yield* Fiber.interrupt(burst)
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* replicas, [1, 1])
    })
  )

  test(
    "bills a new replica from the moment that it has hardware",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      yield* running(pending)
      yield* load(4)
      yield* TestClock.adjust("60 seconds")
      // 90 seconds of the first, initializing included; the second still waits for hardware.
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 2)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* replicas, [1, 2])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, 3)
    })
  )

  test(
    "scales down only once five minutes were calm, every two minutes",
    Effect.gen(function* () {
      yield* running(pending)
      const busy = yield* load(8)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* replicas, [4, 4])
      yield* Fiber.interrupt(busy)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* replicas, [4, 4])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* replicas, [1, 1])
    })
  )

  test(
    "spreads requests over the replicas",
    Effect.gen(function* () {
      yield* running({ minReplica: 3, maxReplica: 3 })
      const six = yield* load(6)
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(six)
      const { text: log } = yield* text("/v2/endpoint/emulator/a/open-metrics")
      assert.strictEqual(log.match(/status_code="204"\} 2$/gm)?.length, 3)
    })
  )

  test(
    "by hardware usage goes by how busy a replica is",
    Effect.gen(function* () {
      yield* running({ measure: { hardwareUsage: 50 } })
      yield* load(4)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* replicas, [1, 2])
    })
  )

  test(
    "ends with a pause, and what was growing is not billed on",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      const emulator = yield* Emulator.Emulator
      yield* running(pending)
      yield* load(8)
      yield* TestClock.adjust("75 seconds")
      yield* endpoints.pause("a")
      const { billedMinutes } = yield* emulator.bill("a")
      yield* TestClock.adjust(Duration.hours(2))
      assert.deepStrictEqual(yield* replicas, [0, 0])
      assert.strictEqual((yield* emulator.bill("a")).billedMinutes, billedMinutes)
    })
  )

  test(
    "of an endpoint that may sleep starts from one replica each time it wakes",
    Effect.gen(function* () {
      const { scaleToZero } = yield* Endpoints.Endpoints
      yield* running({ ...pending, minReplica: 0 })
      yield* load(8)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* replicas, [4, 4])
      yield* scaleToZero("a")
      yield* manage("POST", "emulator/a/resume")
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(yield* replicas, [1, 1])
    })
  )
})
