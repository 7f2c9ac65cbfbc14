import { assert, describe, it } from "@effect/vitest"
import { Endpoint } from "@stint/core"
import { Effect, Schema } from "effect"

const wire = {
  name: "batch-embed",
  type: "authenticated",
  accountId: null,
  tags: ["nightly"],
  provider: { vendor: "aws", region: "us-east-1" },
  compute: {
    id: "aws-us-east-1-nvidia-l4-x1",
    accelerator: "gpu",
    instanceType: "nvidia-l4",
    instanceSize: "x1",
    scaling: {
      minReplica: 0,
      maxReplica: 1,
      scaleToZeroTimeout: 15,
      measure: { hardwareUsage: null },
      metric: "hardwareUsage"
    }
  },
  model: {
    repository: "intfloat/e5-small",
    revision: "0cb88a4f",
    task: "sentence-embeddings",
    framework: "pytorch",
    image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8", port: 80 } },
    env: { MAX_CLIENT_BATCH_SIZE: "128" },
    args: ["--x"]
  },
  healthRoute: "/health",
  newIn2027: { nested: [1, null, "x"] },
  status: {
    state: "running",
    message: "Endpoint is ready",
    errorMessage: null,
    url: "https://vksrvs8pc1xnifhq.us-east-1.aws.endpoints.huggingface.cloud",
    readyReplica: 1,
    targetReplica: 1,
    createdAt: "2026-10-01T09:41:53.263078506Z",
    updatedBy: { id: "6273", name: "alice" }
  }
}

const decode = (json: unknown) => Endpoint.fromJson(json)

describe("Endpoint", () => {
  it.effect("reads what the API answers, and keeps all of it in raw", () =>
    Effect.gen(function* () {
      const endpoint = yield* decode(wire)
      assert.strictEqual(endpoint.state, "running")
      assert.isTrue(endpoint.isRunning)
      assert.isFalse(endpoint.isAsleep)
      assert.strictEqual(endpoint.url?.origin, wire.status.url)
      assert.strictEqual(endpoint.readyReplica, 1)
      assert.strictEqual(endpoint.hardware, "aws us-east-1 nvidia-l4 x1")
      assert.strictEqual(endpoint.status.createdAt, "2026-10-01T09:41:53.263078506Z")
      assert.deepStrictEqual(endpoint.raw, wire)
      assert.deepStrictEqual(yield* Schema.encodeEffect(Endpoint.FromJson)(endpoint), wire)
    })
  )

  it.effect("needs no more than a name and a state", () =>
    Effect.gen(function* () {
      const endpoint = yield* decode({ name: "e", status: { state: "hibernating" } })
      assert.strictEqual(endpoint.state, "hibernating")
      assert.isUndefined(endpoint.url)
      assert.isUndefined(endpoint.healthUrl)
      assert.strictEqual(endpoint.readyReplica, 0)
      assert.strictEqual(endpoint.hardware, "")
      assert.isFalse(endpoint.isRunning || endpoint.isAsleep || endpoint.isPublic)
    })
  )

  it.effect("takes null for everything else", () =>
    Effect.gen(function* () {
      const { name: _, status: __, ...rest } = wire
      const nulls = Object.fromEntries(Object.keys(rest).map((key) => [key, null]))
      const endpoint = yield* decode({
        ...nulls,
        name: "e",
        status: { state: "paused", url: null, readyReplica: null }
      })
      assert.isTrue(endpoint.isAsleep)
      assert.isUndefined(endpoint.url)
    })
  )

  for (const [what, json] of [
    ["no name", { status: { state: "running" } }],
    ["no state", { name: "e", status: {} }],
    ["no status", { name: "e" }],
    ["a list", []],
    ["null", null]
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.map(Effect.flip(decode(json)), (error) => assert.strictEqual(error._tag, "SchemaError"))
    )
  }

  it.effect("finds the health route: URL and route joined by one slash, /health when none is named", () =>
    Effect.gen(function* () {
      const healthOf = (url: string, healthRoute?: string | null) =>
        Effect.map(
          decode({
            name: "e",
            status: { state: "running", url },
            ...(healthRoute === undefined ? {} : { healthRoute })
          }),
          (endpoint) => endpoint.healthUrl?.href
        )
      assert.strictEqual(yield* healthOf("https://x.test"), "https://x.test/health")
      assert.strictEqual(yield* healthOf("https://x.test", null), "https://x.test/health")
      assert.strictEqual(yield* healthOf("https://x.test/", "/ping"), "https://x.test/ping")
      assert.strictEqual(yield* healthOf("https://x.test/base", "ping"), "https://x.test/base/ping")
      assert.isUndefined(yield* healthOf("not a url"))
      assert.isUndefined(yield* healthOf(""))
    })
  )

  it.effect("knows who sleeps and who is public", () =>
    Effect.gen(function* () {
      const asleep = yield* Effect.forEach(Endpoint.knownStates, (state) =>
        Effect.map(decode({ name: "e", status: { state } }), ({ isAsleep }) => (isAsleep ? [state] : []))
      )
      assert.deepStrictEqual(asleep.flat(), ["paused", "scaledToZero"])
      assert.isTrue((yield* decode({ ...wire, type: "public" })).isPublic)
    })
  )
})
