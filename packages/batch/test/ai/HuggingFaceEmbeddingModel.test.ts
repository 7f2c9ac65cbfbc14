/** The endpoint as an embedding model: on the emulator's TEI, vLLM, llama.cpp and toolkit, and on a server that counts. */
import { assert, describe, it } from "@effect/vitest"
import { Inference, type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { HuggingFaceEmbeddingModel } from "@stint/batch/ai"
import { EndpointSpec } from "@stint/core"
import type { Engine } from "@stint/emulator"
import { Effect, Schema } from "effect"
import { EmbeddingModel, Model } from "effect/ai"
import { HttpServerResponse } from "effect/http"
import * as World from "../../../../test/batchWorld.ts"
import { emulated, images } from "./chatWorld.ts"

const allImages = {
  ...images,
  tei: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:cpu-1.8" } },
  toolkit: { huggingface: {} }
}

const on = (image: keyof typeof allImages): ManagedEndpoint.Options => ({
  name: World.name,
  spec: EndpointSpec.make({
    repository: "acme/embedder",
    task: "sentence-embeddings",
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: allImages[image]
  })
})

const texts = Array.from({ length: 70 }, (_, at) => `text number ${at}`)

const embedding = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: HuggingFaceEmbeddingModel.Options = {},
  endpoint = on("tei")
) =>
  World.inTime(
    withEndpoint(endpoint, () => Effect.provide(program, HuggingFaceEmbeddingModel.layer(options)))
  )

const embedMany = EmbeddingModel.EmbeddingModel.use((model) => model.embedMany(texts))

for (const image of ["tei", "vLLM", "llamacpp", "toolkit"] as const) {
  it.effect(`the emulator's ${image}: the vectors of many texts are those of each, in order`, () =>
    Effect.gen(function* () {
      const [many, one] = yield* embedding(
        Effect.all([embedMany, Inference.featureExtraction("text number 69")]),
        {},
        on(image)
      )
      assert.lengthOf(many.embeddings, 70)
      for (const [at, number] of one.entries())
        assert.closeTo(many.embeddings[69]?.vector[at] ?? NaN, number, 1e-5)
      // Only the OpenAI routes tell what was read.
      const tells = image === "vLLM" || image === "llamacpp"
      assert.strictEqual((many.usage.inputTokens ?? 0) > 0, tells)
    }).pipe(Effect.provide(emulated))
  )
}

const decodeInputs = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({ inputs: Schema.Array(Schema.String), normalize: Schema.optionalKey(Schema.Boolean) })
  )
)

/** TEI that takes so many texts at once, and keeps what it was asked. */
const counting = (most: number) => {
  const asked: Array<{ readonly inputs: ReadonlyArray<string>; readonly normalize?: boolean }> = []
  const engine: Engine.Engine = {
    name: "counting",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.text("Ok"))
        : Effect.gen(function* () {
            const body = yield* Effect.flatMap(request.text, decodeInputs)
            asked.push(body)
            const size = body.inputs.length
            return size > most
              ? HttpServerResponse.jsonUnsafe(
                  {
                    error: `batch size ${size} > maximum allowed batch size ${most}`,
                    error_type: "Validation"
                  },
                  { status: 422 }
                )
              : HttpServerResponse.jsonUnsafe(body.inputs.map((text) => [text.length, 1]))
          }).pipe(Effect.orDie)
  }
  return { asked, world: World.world({ engine }) }
}

describe("requests", () => {
  it.effect("hold as many texts as was said", () =>
    Effect.gen(function* () {
      const { asked, world } = counting(32)
      yield* Effect.provide(embedding(embedMany), world)
      assert.deepStrictEqual(
        asked.map(({ inputs }) => inputs.length).toSorted((a, b) => b - a),
        [32, 32, 6]
      )
    })
  )

  it.effect("are halved where the engine takes fewer, and the order stays", () =>
    Effect.gen(function* () {
      const { world } = counting(10)
      const { embeddings } = yield* Effect.provide(embedding(embedMany), world)
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector[0]),
        texts.map(({ length }) => length)
      )
    })
  )

  it.effect("are shared by what is asked for at the same time, but not across other parameters", () =>
    Effect.gen(function* () {
      const { asked, world } = counting(32)
      const embed = (text: string) => EmbeddingModel.EmbeddingModel.use((model) => model.embed(text))
      const raw = HuggingFaceEmbeddingModel.withConfigOverride(
        Effect.forEach(["c", "d"], embed, { concurrency: "unbounded" }),
        { normalize: false }
      )
      yield* Effect.provide(
        embedding(
          Effect.all([Effect.forEach(["a", "b"], embed, { concurrency: "unbounded" }), raw], {
            concurrency: "unbounded"
          })
        ),
        world
      )
      assert.sameDeepMembers(asked, [{ inputs: ["a", "b"] }, { inputs: ["c", "d"], normalize: false }])
    })
  )
})

it.effect("a model tells its dimensions and its name, and an answer of others is an error", () =>
  Effect.gen(function* () {
    const { world } = counting(32)
    const of = (dimensions: number) =>
      World.inTime(
        withEndpoint(on("tei"), () =>
          Effect.all([embedMany, EmbeddingModel.Dimensions, Model.ModelName, Model.ProviderName]).pipe(
            Effect.provide(HuggingFaceEmbeddingModel.model("acme/embedder", { dimensions }))
          )
        )
      ).pipe(Effect.provide(world))
    const [, ...told] = yield* of(2)
    assert.deepStrictEqual(told, [2, "acme/embedder", "huggingface"])
    const error = yield* Effect.flip(of(384))
    assert.include(error.message, "2 numbers where 384 were expected")
  })
)

it.effect("a text that is too long is an error that names what helps, not a vector of its start", () =>
  Effect.gen(function* () {
    const long = "word ".repeat(20_000)
    const error = yield* Effect.flip(
      embedding(EmbeddingModel.EmbeddingModel.use((model) => model.embed(long)))
    )
    assert.strictEqual(error._tag, "AiError")
    assert.include(error.message, "shorten it")
  }).pipe(Effect.provide(emulated))
)
