import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { at, call, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory())))

const catalog = (path: string) => Effect.map(Emulator.Emulator, ({ urls }) => `${urls.catalog.href}${path}`)

const deploy = (body: Record<string, Schema.Json>) =>
  Effect.flatMap(catalog("/deploy"), (url) => call("POST", url, { body }))

const minilm = "sentence-transformers/all-MiniLM-L6-v2"

describe("catalog", () => {
  test(
    "lists models",
    Effect.gen(function* () {
      const { body } = yield* Effect.flatMap(catalog("/repo-list"), (url) => call("GET", url))
      const models: unknown = at(body, "models")
      assert.isTrue(Array.isArray(models) && models.includes(minilm))
      const anonymous = yield* Effect.flatMap(catalog("/repo-list"), (url) =>
        call("GET", url, { token: null })
      )
      assert.strictEqual(anonymous.status, 401)
    })
  )

  test(
    "deploys one under a name of its own, and it runs",
    Effect.gen(function* () {
      const { get } = yield* Endpoints.Endpoints
      const { body, status } = yield* deploy({ namespace: "emulator", repoId: minilm })
      assert.strictEqual(status, 200)
      const name = String(at(body, "endpoint", "name"))
      assert.match(name, /^sentence-transformers-all-[0-9a-f]{6}$/)
      assert.isTrue(at(body, "endpoint", "model", "fromCatalog"))
      yield* TestClock.adjust("2 seconds")
      const { url } = yield* get(name)
      assert.strictEqual(
        (yield* call("POST", `${url?.href}embed`, { body: { inputs: "a dog" } })).status,
        200
      )
    })
  )

  test(
    "takes a name and an accelerator",
    Effect.gen(function* () {
      const request = { namespace: "emulator", repoId: minilm, endpointName: "mine", accelerator: "gpu" }
      const { body } = yield* deploy(request)
      assert.strictEqual(at(body, "endpoint", "name"), "mine")
      assert.strictEqual(at(body, "endpoint", "compute", "instanceType"), "nvidia-l4")
      assert.strictEqual((yield* deploy(request)).status, 409)
    })
  )

  test(
    "refuses what it does not have, what is not offered, and a body without a model",
    Effect.gen(function* () {
      const of = (change: Record<string, Schema.Json>) =>
        Effect.map(deploy({ namespace: "emulator", ...change }), ({ status }) => status)
      assert.strictEqual(yield* of({ repoId: "acme/secret" }), 404)
      assert.strictEqual(yield* of({ repoId: minilm, accelerator: "tpu" }), 400)
      assert.strictEqual(yield* of({}), 400)
      assert.strictEqual(yield* of({ repoId: minilm, namespace: "stranger" }), 401)
    })
  )
})
