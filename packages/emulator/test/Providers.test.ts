import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import type { Emulator } from "@stint/emulator"
import { Effect, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { management } from "./fixture/text.ts"
import { at, call, createBody, manage, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () => body.pipe(Effect.provide(memory(options))))

const ask = (path: string, token?: string | null) =>
  Effect.flatMap(management(path), (url) => call("GET", url, { token }))

const list = (json: unknown, key: string): ReadonlyArray<Schema.Json> => {
  const found: unknown = at(Object(json), key)
  return Array.isArray(found) ? found : []
}

const computes = (catalogue: Schema.Json) =>
  list(catalogue, "vendors").flatMap((vendor) =>
    list(vendor, "regions").flatMap((region) => list(region, "computes"))
  )

const l4 = (catalogue: Schema.Json) =>
  computes(catalogue).find((one) => at(one, "id") === "aws-us-east-1-nvidia-l4-x1") ?? null

const create = (name: string, scaling: Record<string, Schema.Json> = {}) =>
  manage("POST", "emulator", { body: createBody(name, { scaling }) })

const quotaExceeded = (answer: { readonly status: number; readonly body: Schema.Json }) => {
  assert.strictEqual(answer.status, 409)
  assert.match(String(at(answer.body, "error")), /^Conflict: Quota exceeded/)
}

describe("the catalogue of hardware", () => {
  test(
    "is public, with prices and without quotas",
    Effect.gen(function* () {
      const { body, status } = yield* ask("/v2/provider", null)
      assert.strictEqual(status, 200)
      assert.deepInclude(l4(body), {
        accelerator: "gpu",
        numAccelerators: 1,
        gpuMemoryGb: 24,
        instanceType: "nvidia-l4",
        instanceSize: "x1",
        architecture: "Nvidia L4",
        status: "available",
        pricePerHour: 0.8
      })
      assert.notProperty(l4(body), "quota")
      assert.deepStrictEqual(
        list(body, "vendors").map((vendor) => [at(vendor, "name"), list(vendor, "regions").length]),
        [
          ["aws", 4],
          ["azure", 1],
          ["gcp", 1]
        ]
      )
    })
  )

  test(
    "says what is old and what is scarce; every row has an id of its own",
    Effect.gen(function* () {
      const rows = computes((yield* ask("/v2/provider")).body)
      const status = (id: string) => at(rows.find((row) => at(row, "id") === id) ?? null, "status")
      assert.strictEqual(status("aws-us-east-1-intel-icl-x1"), "deprecated")
      assert.strictEqual(status("aws-us-east-1-nvidia-h200-x1"), "low_availability")
      assert.strictEqual(new Set(rows.map((row) => at(row, "id"))).size, rows.length)
    })
  )

  test(
    "of a namespace has quotas, and asks for a token",
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/v2/provider/emulator", null)).status, 401)
      assert.strictEqual((yield* ask("/v2/provider/stranger")).status, 401)
      yield* create("a", { maxReplica: 3 })
      const { body } = yield* ask("/v2/provider/emulator")
      assert.deepStrictEqual(at(l4(body), "quota"), { maxAccelerators: 16, usedAccelerators: 3 })
    }),
    { quota: { "nvidia-l4": 16 } }
  )

  test(
    "has the quotas by themselves",
    Effect.gen(function* () {
      yield* create("a")
      const { body } = yield* ask("/v2/provider/quotas/emulator")
      const aws = list(body, "vendors").find((vendor) => at(vendor, "name") === "aws")
      assert.deepStrictEqual(
        list(aws, "quotas").find((quota) => at(quota, "instanceType") === "nvidia-l4"),
        { instanceType: "nvidia-l4", architecture: "Nvidia L4", maxAccelerators: 16, usedAccelerators: 1 }
      )
    }),
    { quota: { "nvidia-l4": 16 } }
  )
})

describe("quota", () => {
  const two = { quota: { "nvidia-l4": 2 } }

  test(
    "is refused on create, in words that are not those of a name that is taken",
    Effect.gen(function* () {
      yield* create("a")
      yield* create("b")
      quotaExceeded(yield* create("c"))
      assert.strictEqual((yield* manage("GET", "emulator/c")).status, 404)
    }),
    two
  )

  test(
    "is used by what is scaled to zero, and not by what is paused",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* create("a", { minReplica: 0 })
      yield* create("b", { minReplica: 0 })
      yield* TestClock.adjust("1 minute")
      yield* endpoints.scaleToZero("a")
      quotaExceeded(yield* create("c"))
      yield* endpoints.pause("b")
      assert.strictEqual((yield* create("c")).status, 200)
      quotaExceeded(yield* manage("POST", "emulator/b/resume"))
      assert.strictEqual((yield* endpoints.get("b")).state, "paused")
    }),
    two
  )

  test(
    "is refused on an update that asks for more, and the endpoint stays as it is",
    Effect.gen(function* () {
      yield* create("a")
      const more = (maxReplica: number) =>
        manage("PUT", "emulator/a", { body: { compute: { scaling: { maxReplica } } } })
      assert.strictEqual((yield* more(2)).status, 200)
      quotaExceeded(yield* more(3))
      assert.strictEqual(at((yield* manage("GET", "emulator/a")).body, "compute", "scaling", "maxReplica"), 2)
    }),
    two
  )

  test(
    "is each namespace's own",
    Effect.gen(function* () {
      yield* create("a", { maxReplica: 2 })
      assert.strictEqual((yield* manage("POST", "acme", { body: createBody("a") })).status, 200)
    }),
    { ...two, organizations: ["acme"] }
  )

  test(
    "reaches core's client as its own error",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* create("a", { maxReplica: 2 })
      yield* endpoints.pause("a")
      yield* create("b")
      assert.strictEqual((yield* Effect.flip(endpoints.resume("a")))._tag, "QuotaExceeded")
    }),
    two
  )
})

describe("what else stands between a request and the hardware", () => {
  const none = {
    status: 400,
    body: { error: "Bad Request: Compute instance not available yet", code: "BAD_REQUEST" }
  }

  test(
    "no capacity is a 400 of its own, and not_available in the catalogue",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* create("a"), none)
      const elsewhere = createBody("a", { provider: { region: "us-west-2" } })
      assert.strictEqual((yield* manage("POST", "emulator", { body: elsewhere })).status, 200)
      assert.strictEqual(at(l4((yield* ask("/v2/provider")).body), "status"), "not_available")
    }),
    { unavailable: ["aws-us-east-1-nvidia-l4-x1"] }
  )

  test(
    "no payment method is a 403 on create, and whoami foretells it",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* create("a"), {
        status: 403,
        body: { error: "Payment method required for namespace", code: "FORBIDDEN" }
      })
      const { body } = yield* Effect.flatMap(management("/api/whoami-v2"), (url) => call("GET", url))
      assert.isFalse(at(body, "canPay"))
    }),
    { canPay: false }
  )
})
