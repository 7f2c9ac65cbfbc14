import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { management, send } from "./fixture/text.ts"
import { memory, type Services, spec } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () => body.pipe(Effect.provide(memory(options))))

const list = (token?: string) =>
  Effect.flatMap(management("/v2/endpoint/emulator"), (url) =>
    send("GET", url, token === undefined ? {} : { token })
  )

const three = { rateLimit: { calls: 3, window: "1 minute" } } as const

describe("rate limit", () => {
  test(
    "stands on every answer of the management API, and stops nobody unless asked to",
    Effect.gen(function* () {
      for (const [left, token] of [
        [999, undefined],
        [998, undefined],
        [999, "hf_other"]
      ] as const) {
        const { headers } = yield* list(token)
        assert.strictEqual(headers["ratelimit"], `"api";r=${left};t=300`)
        assert.strictEqual(headers["ratelimit-policy"], '"fixed window";"api";q=1000;w=300')
      }
      yield* Effect.forEach(Array.from({ length: 1100 }), () => list(), { discard: true })
      const { headers, status } = yield* list()
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["ratelimit"], '"api";r=1;t=300')
    })
  )

  test(
    "refuses with 429 what is too much for one token, until the window is over",
    Effect.gen(function* () {
      const statuses = Effect.map(
        Effect.forEach([1, 2, 3, 4], () => list()),
        (all) => all.map(({ status }) => status)
      )
      assert.deepStrictEqual(yield* statuses, [200, 200, 200, 429])
      yield* TestClock.adjust("18 seconds")
      const refused = yield* list()
      assert.strictEqual(refused.headers["ratelimit"], '"api";r=0;t=42')
      assert.strictEqual((yield* list("hf_other")).status, 401)
      yield* TestClock.adjust("42 seconds")
      assert.deepStrictEqual(yield* statuses, [200, 200, 200, 429])
    }),
    three
  )

  test(
    "is waited for by core's client as the header says",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      const waiting = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => endpoints.get("a")),
        { startImmediately: true }
      )
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(waiting)).length, 3)
    }),
    three
  )

  test(
    "is no matter of the hub or the data plane",
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const { headers } = yield* send("GET", new URL("/api/whoami-v2", urls.hub))
      assert.notProperty(headers, "ratelimit")
    })
  )
})

describe("request ids", () => {
  test(
    "stand on every answer, and differ",
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* TestClock.adjust("1 minute")
      const { url } = yield* endpoints.get("a")
      const answers = yield* Effect.forEach(
        [
          `${urls.management.href}/endpoint/emulator`,
          `${urls.management.href}/endpoint/stranger`,
          `${urls.management.href}/nonsense`,
          `${urls.catalog.href}/repo-list`,
          `${urls.hub.href}api/whoami-v2`,
          `${url?.href}health`,
          `${url?.href}nonsense`
        ],
        (address) => send("GET", address)
      )
      const ids = answers.map(({ headers }) => headers["x-request-id"] ?? "")
      for (const id of ids) assert.match(id, /^[0-9a-f]{24}$/)
      assert.strictEqual(new Set(ids).size, ids.length)
    })
  )
})
