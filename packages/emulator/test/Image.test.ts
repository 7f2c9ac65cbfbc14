import { assert, describe, it } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { at, createBody, manage, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>) =>
  it.effect(name, () => body.pipe(Effect.provide(memory())))

const create = (change: Parameters<typeof createBody>[1]) =>
  manage("POST", "emulator", { body: createBody("e", change) })

const imageOf = (image: Record<string, Schema.Json>) =>
  Effect.gen(function* () {
    const { body, status } = yield* create({ model: { image } })
    assert.strictEqual(status, 200)
    yield* manage("DELETE", "emulator/e")
    return at(body, "model", "image")
  })

describe("what the server makes of an image", () => {
  const url = "x"

  test(
    "drops in silence what the variant does not declare",
    Effect.gen(function* () {
      const dropped: ReadonlyArray<readonly [string, Record<string, Schema.Json>]> = [
        ["custom", { health_route: "/h" }],
        ["custom", { tensorParallelSize: 2 }],
        ["tgi", { tensorParallelSize: 2 }],
        ["tei", { maxClientBatchSize: 64 }],
        ["vLLM", { maxInputLength: 512 }],
        ["sGLang", { maxModelLen: 512 }],
        ["hfServe", { pooling: "mean" }]
      ]
      for (const [variant, fields] of dropped)
        assert.deepStrictEqual(yield* imageOf({ [variant]: { url, ...fields } }), { [variant]: { url } })
      assert.deepStrictEqual(yield* imageOf({ huggingface: { url } }), { huggingface: {} })
    })
  )

  test(
    "keeps what the variant declares",
    Effect.gen(function* () {
      const kept: ReadonlyArray<Record<string, Schema.Json>> = [
        { tgi: { url, maxInputLength: 1, maxTotalTokens: 2, quantize: "awq", disableCustomKernels: true } },
        {
          tei: {
            url,
            port: 80,
            healthRoute: "/health",
            maxBatchTokens: 1,
            maxConcurrentRequests: 2,
            pooling: "cls"
          }
        },
        { vLLM: { url, tensorParallelSize: 1, dataParallelSize: 1, maxModelLen: 9, quantize: "fp8" } },
        {
          llamacpp: { url, modelPath: "m.gguf", ctxSize: 1, nParallel: 2, threadsHttp: 3, embeddings: true }
        },
        { custom: { url, port: 8000, healthRoute: "/h", env: { A: "1" } } }
      ]
      for (const image of kept) assert.deepStrictEqual(yield* imageOf(image), image)
    })
  )

  test(
    "refuses a field of another type, by its name",
    Effect.gen(function* () {
      const { body, status } = yield* create({ model: { image: { custom: { url, port: "80" } } } })
      assert.strictEqual(status, 400)
      assert.include(String(at(body, "error")), "model.image.custom.port: invalid type")
    })
  )

  test(
    "a credential that is fetched and sent back is wiped",
    Effect.gen(function* () {
      const custom = { url, credentials: { username: "me", password: "secret" } }
      yield* create({ model: { image: { custom } } })
      const fetched = yield* manage("GET", "emulator/e")
      const image: unknown = at(fetched.body, "model", "image")
      assert.deepStrictEqual(image, { custom: { url, credentials: { username: "", password: null } } })
    })
  )

  test(
    "does not let the engine of an endpoint be changed",
    Effect.gen(function* () {
      yield* create({ model: { image: { tei: { url } } } })
      yield* TestClock.adjust("1 minute")
      const before = yield* manage("GET", "emulator/e")
      const { body, status } = yield* manage("PUT", "emulator/e", {
        body: { model: { image: { vLLM: { url } } } }
      })
      assert.strictEqual(status, 400)
      assert.include(String(at(body, "error")), "the engine of an existing endpoint cannot be changed")
      assert.deepStrictEqual(yield* manage("GET", "emulator/e"), before)
    })
  )
})

describe("what the server makes of the rest of a body", () => {
  test(
    "drops unknown fields on every level",
    Effect.gen(function* () {
      const { body } = yield* create({
        top: { surprise: 1 },
        compute: { surprise: 1 },
        model: { surprise: 1 },
        provider: { surprise: 1 }
      })
      for (const path of [[], ["compute"], ["model"], ["provider"]])
        assert.isUndefined(at(body, ...path, "surprise"))
    })
  )

  test(
    "never gives the value of a secret back",
    Effect.gen(function* () {
      const { body } = yield* create({ model: { secrets: { HF_TOKEN: "hf_secret" } } })
      assert.deepStrictEqual(at(body, "model", "secrets"), { HF_TOKEN: "" })
    })
  )

  test(
    "takes the measure of scaling whole or in its old halves, and echoes both",
    Effect.gen(function* () {
      const scaling = (change: Record<string, Schema.Json>) =>
        Effect.gen(function* () {
          const { body } = yield* create({ scaling: change })
          yield* manage("DELETE", "emulator/e")
          return at(body, "compute", "scaling")
        })
      const both = { measure: { pendingRequests: 2 }, metric: "pendingRequests", threshold: 2 }
      assert.deepInclude(yield* scaling({ measure: { pendingRequests: 2 } }), both)
      assert.deepInclude(yield* scaling({ metric: "pendingRequests", threshold: 2 }), both)
      assert.deepInclude(yield* scaling({}), { measure: { hardwareUsage: null }, metric: "hardwareUsage" })
    })
  )

  test(
    "refuses a measure that there is not",
    Effect.gen(function* () {
      for (const measure of [{ cpu: 80 }, { pendingRequests: 1, hardwareUsage: 80 }, { hardwareUsage: -1 }])
        assert.strictEqual((yield* create({ scaling: { measure } })).status, 400)
    })
  )
})
