import { assert, describe, it } from "@effect/vitest"
import { Endpoint, EndpointSpec, Image } from "@stint/core"
import { Effect, Redacted, Schema } from "effect"

const decode = Schema.decodeUnknownEffect(Image.FromJson)
const problem = (image: unknown) => Effect.map(Effect.flip(decode(image)), (error) => error.message)

const base = {
  repository: "acme/model",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1"
}

describe("Image", () => {
  it("what a variant lacks cannot be written down, and is refused where it gets past the types", () => {
    const make = (image: Image.Image) => EndpointSpec.make({ ...base, image })
    // @ts-expect-error The toolkit has no fields.
    assert.throws(() => make({ huggingface: { url: "x" } }))
    // @ts-expect-error The size belongs to vLLM and SGLang.
    assert.throws(() => make({ custom: { url: "x", tensorParallelSize: 2 } }))
    // @ts-expect-error One variant, and never two.
    assert.throws(() => make({ tei: { url: "x" }, tgi: { url: "x" } }))
    const held = { tei: { url: "x", tensorParallelSize: 2 } }
    assert.throws(() => make(held))
  })

  it("has the twelve variants", () => {
    assert.strictEqual(Object.keys(Image.variants).length, 12)
  })

  for (const image of [
    { huggingface: {} },
    { custom: { url: "x", port: 8080, healthRoute: "/h", credentials: { username: "u", password: "p" } } },
    { tgi: { url: "x", maxInputLength: 1024, disableCustomKernels: true } },
    { tei: { url: "x", pooling: "mean" } },
    { llamacpp: { url: "x", modelPath: "a.gguf", ctxSize: 4096 } },
    { vLLM: { url: "x", tensorParallelSize: 2 } },
    { sGLang: { url: "x", dataParallelSize: 2 } },
    { hfServe: { url: "x" } }
  ]) {
    it.effect(`takes ${Object.keys(image)[0]} as it is`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* decode(image), image)
      })
    )
  }

  for (const [image, says] of [
    [{ constructor: {} }, '"constructor" is no image variant'],
    [{ tei: { url: "x", maxClientBatchSize: 64 } }, "maxClientBatchSize"],
    [{ custom: { url: "x", tensorParallelSize: 2 } }, "tensorParallelSize"],
    [{ tgi: { url: "x", health_route: "/h" } }, "health_route"],
    [{ vLLM: {} }, "url"],
    [{ vllm: { url: "x" } }, 'spelt "vLLM"'],
    [{ ollama: { url: "x" } }, "no image variant"],
    [{ tei: { url: "x" }, tgi: { url: "x" } }, "exactly one variant"],
    [{}, "exactly one variant"],
    ["tei", "one variant"]
  ] as const) {
    it.effect(`refuses ${JSON.stringify(image)}, which the API would drop or refuse`, () =>
      Effect.gen(function* () {
        assert.include(yield* problem(image), says)
      })
    )
  }
})

describe("what the server dropped", () => {
  const answer = (model: object) => ({
    name: "e",
    type: "protected",
    status: { state: "pending" },
    provider: { vendor: "aws", region: "us-east-1" },
    compute: {
      accelerator: "gpu",
      instanceType: "nvidia-l4",
      instanceSize: "x1",
      scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }
    },
    model: { repository: "acme/model", framework: "pytorch", revision: "0cb88a4f", ...model }
  })
  const spec = EndpointSpec.make({
    ...base,
    env: { A: "1" },
    revision: "main",
    secrets: { KEY: Redacted.make("s3cret") },
    image: { tei: { url: "x", pooling: "mean" } }
  })

  it.effect("is told by path, with what was asked", () =>
    Effect.gen(function* () {
      const whole = yield* Endpoint.fromJson(
        answer({ env: { A: "1" }, image: { tei: { url: "x", pooling: "mean" } } })
      )
      assert.deepStrictEqual(EndpointSpec.drift(spec, whole), [])
      const less = yield* Endpoint.fromJson(answer({ image: { tei: { url: "x" } } }))
      assert.deepStrictEqual(EndpointSpec.drift(spec, less), [
        { path: "model.image.tei.pooling", asked: "mean", answered: undefined },
        { path: "model.env.A", asked: "1", answered: undefined }
      ])
    })
  )

  it("a secret goes into the body and nowhere else", () => {
    assert.deepStrictEqual(EndpointSpec.toCreateBody("e", spec).model.secrets, { KEY: "s3cret" })
    assert.notInclude(JSON.stringify(spec), "s3cret")
    assert.notInclude(String(spec.secrets?.["KEY"]), "s3cret")
  })
})
