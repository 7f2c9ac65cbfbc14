import { assert, describe, it } from "@effect/vitest"
import { EndpointSpec } from "@stint/core"
import { Duration, Effect } from "effect"

const input = {
  repository: "intfloat/e5-small",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1"
}

const spec = EndpointSpec.make(input)

const problem = (change: object) =>
  Effect.map(Effect.flip(EndpointSpec.fromJson({ ...input, ...change })), (error) => error.message)

describe("EndpointSpec", () => {
  it.effect("fills in what makes a forgotten endpoint fall asleep", () =>
    Effect.gen(function* () {
      const filled = { ...input, framework: "pytorch", minReplica: 0, maxReplica: 1, type: "authenticated" }
      assert.deepStrictEqual({ ...spec }, filled)
      assert.deepStrictEqual({ ...(yield* EndpointSpec.fromJson(input)) }, filled)
    })
  )

  it.effect("reads a spec file, with minutes for the timeout", () =>
    Effect.gen(function* () {
      const read = yield* EndpointSpec.fromJson({
        ...input,
        scaleToZeroTimeout: 90,
        env: { A: "1" },
        tags: ["x"]
      })
      assert.strictEqual(Duration.toMinutes(read.scaleToZeroTimeout ?? Duration.zero), 90)
      assert.deepStrictEqual(read.tags, ["x"])
    })
  )

  for (const [field, value] of [
    ["repository", ""],
    ["repository", undefined],
    ["instanceSize", 1],
    ["minReplica", -1],
    ["maxReplica", 1.5],
    ["scaleToZeroTimeout", 14],
    ["scaleToZeroTimeout", 2881],
    ["scaleToZeroTimeout", 15.5],
    ["env", { A: 1 }],
    ["image", { tei: {}, tgi: {} }],
    ["image", {}],
    ["task", null],
    ["instance_size", "x1"]
  ] as const) {
    it.effect(`refuses ${field} ${JSON.stringify(value)} by name`, () =>
      Effect.gen(function* () {
        const { [field === "repository" ? field : "tags"]: _, ...rest } = { ...input, tags: [] }
        const json = value === undefined ? rest : { ...input, [field]: value }
        const error = yield* Effect.flip(EndpointSpec.fromJson(json))
        assert.include(error.message, field)
      })
    )
  }

  it.effect("names every wrong field at once", () =>
    Effect.gen(function* () {
      const message = yield* problem({ minReplica: "0", region: 1, colour: "red" })
      for (const field of ["minReplica", "region", "colour"]) assert.include(message, field)
    })
  )

  it.effect("refuses more replicas than the most, and a timeout where nothing falls asleep", () =>
    Effect.gen(function* () {
      assert.include(yield* problem({ minReplica: 2 }), "minReplica 2 is more than maxReplica 1")
      assert.include(yield* problem({ minReplica: 1, scaleToZeroTimeout: 15 }), "never scales to zero")
    })
  )

  it("throws in code on what no endpoint can have", () => {
    assert.throws(() => EndpointSpec.make({ ...input, maxReplica: -1 }))
    for (const timeout of [
      Duration.minutes(5),
      Duration.minutes(2881),
      Duration.seconds(1000),
      Duration.infinity
    ])
      assert.throws(() => EndpointSpec.make({ ...input, scaleToZeroTimeout: timeout }), /minutes/)
  })

  it("makes the body that huggingface_hub sends", () => {
    assert.deepStrictEqual(EndpointSpec.toCreateBody("e", spec), {
      name: "e",
      type: "authenticated",
      provider: { vendor: "aws", region: "us-east-1" },
      compute: {
        accelerator: "gpu",
        instanceType: "nvidia-l4",
        instanceSize: "x1",
        scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: null }
      },
      model: {
        repository: "intfloat/e5-small",
        framework: "pytorch",
        revision: null,
        image: { huggingface: {} }
      }
    })
  })

  it("sends what is given: minutes, task, revision, environment, tags, image", () => {
    const body = EndpointSpec.toCreateBody("e", {
      ...spec,
      scaleToZeroTimeout: Duration.hours(1),
      task: "feature-extraction",
      revision: "v1",
      env: { A: "1" },
      tags: ["stint"],
      image: { tei: { url: "x" } }
    })
    assert.strictEqual(body.compute.scaling.scaleToZeroTimeout, 60)
    assert.deepStrictEqual(body.tags, ["stint"])
    assert.deepInclude(body.model, {
      task: "feature-extraction",
      revision: "v1",
      env: { A: "1" },
      image: { tei: { url: "x" } }
    })
  })

  it.effect(
    "wraps a flat custom image, mends its health route, and spells protected as it is called now",
    () =>
      Effect.gen(function* () {
        const image = { url: "x", port: 8080, health_route: "/ready" }
        const flat = yield* EndpointSpec.fromJson({ ...input, type: "protected", image })
        const body = EndpointSpec.toCreateBody("e", flat)
        assert.deepStrictEqual(body.model.image, { custom: { url: "x", port: 8080, healthRoute: "/ready" } })
        assert.strictEqual(body.type, "authenticated")
      })
  )

  it("an update holds the touched fields and nothing else", () => {
    assert.deepStrictEqual(EndpointSpec.toUpdateBody({}), {})
    assert.deepStrictEqual(EndpointSpec.toUpdateBody({ minReplica: 0, maxReplica: 3 }), {
      compute: { scaling: { minReplica: 0, maxReplica: 3 } }
    })
    assert.deepStrictEqual(EndpointSpec.toUpdateBody({ scaleToZeroTimeout: Duration.minutes(30) }), {
      compute: { scaling: { scaleToZeroTimeout: 30 } }
    })
    assert.deepStrictEqual(
      EndpointSpec.toUpdateBody({
        type: "protected",
        instanceSize: "x4",
        env: {},
        image: { custom: { url: "x" } },
        tags: [],
        revision: "v2"
      }),
      {
        type: "authenticated",
        tags: [],
        compute: { instanceSize: "x4" },
        model: { revision: "v2", env: {}, image: { custom: { url: "x" } } }
      }
    )
  })
})
