import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { FeatureExtraction, WordNetEmbedding } from "@stint/emulator"
import { Context, Effect, Layer, Result, Schema } from "effect"
import { Base64 } from "effect/encoding"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"

class Model extends Context.Service<Model, WordNetEmbedding.WordNetEmbedding>()("test/Model") {}
const ModelLayer = Layer.effect(Model, WordNetEmbedding.load()).pipe(Layer.provide(NodeServices.layer))

const Vector = Schema.Array(Schema.Finite)
const readVectors = read(Schema.Array(Vector))
const openAi = <A, I>(embedding: Schema.Codec<A, I>) =>
  read(
    Schema.Struct({
      object: Schema.Literal("list"),
      model: Schema.String,
      data: Schema.Array(
        Schema.Struct({ object: Schema.Literal("embedding"), index: Schema.Int, embedding })
      ),
      usage: Schema.Struct({ prompt_tokens: Schema.Int, total_tokens: Schema.Int })
    })
  )
const readFloats = openAi(Vector)
const readBase64 = openAi(Schema.String)

const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`)
const long = "dog ".repeat(600)

layer(ModelLayer)("toolkit", (it) => {
  it.effect("nests a text's vector as a pipeline nests its model's output", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.toolkit(model)
      const vector = (text: string) => Array.from(model.embed(text).vector)
      for (const route of ["/", "/predict"]) {
        const one = yield* postJson(engine, route, { inputs: "a dog" })
        assert.strictEqual(one.status, 200)
        assert.deepStrictEqual(yield* readJson(one), [vector("a dog")])
        const many = yield* postJson(engine, route, {
          inputs: ["a dog", ""],
          parameters: { truncation: true }
        })
        assert.deepStrictEqual(yield* readJson(many), [[vector("a dog")], [vector("")]])
        const none = yield* postJson(engine, route, { inputs: [] })
        assert.deepStrictEqual(yield* readJson(none), [])
      }
    })
  )

  it.effect("answers sentence-embeddings by name and without nesting", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.toolkit(model, { task: "sentence-embeddings" })
      const vector = (text: string) => Array.from(model.embed(text).vector)
      const one = yield* postJson(engine, "/", { inputs: "a dog" })
      assert.deepStrictEqual(yield* readJson(one), { embeddings: vector("a dog") })
      const many = yield* postJson(engine, "/", { inputs: ["a dog", "a cat"] })
      assert.deepStrictEqual(yield* readJson(many), { embeddings: [vector("a dog"), vector("a cat")] })
    })
  )

  it.effect("answers sentence-similarity with one number for each sentence, the nearer the higher", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.toolkit(model, { task: "sentence-similarity" })
      const inputs = {
        source_sentence: "a dog barks",
        sentences: ["a canine makes a noise", "the stock market fell"]
      }
      const answer = yield* postJson(engine, "/", { inputs })
      const decode = Schema.decodeUnknownEffect(
        Schema.Struct({ similarities: Schema.Tuple([Schema.Finite, Schema.Finite]) })
      )
      const { similarities } = yield* decode(yield* readJson(answer))
      assert.isAbove(similarities[0], similarities[1])
      assert.strictEqual((yield* postJson(engine, "/", { inputs: "a dog" })).status, 400)
    })
  )

  it.effect("knows no batch limit", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.toolkit(yield* Model)
      const answer = yield* postJson(engine, "/", { inputs: texts(100) })
      assert.strictEqual(answer.status, 200)
    })
  )

  it.effect("says 400 with an error, whatever is wrong", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.toolkit(yield* Model)
      const answers = yield* Effect.all([
        post(engine, "/", `{"inputs": "a"}`, "text/plain"),
        post(engine, "/", `{"inputs": "a"}`, "application/json;charset=utf-8"),
        post(engine, "/", `{"inputs`),
        post(engine, "/", ""),
        postJson(engine, "/", { input: "a" }),
        postJson(engine, "/", ["a"]),
        postJson(engine, "/", { inputs: 1 }),
        postJson(engine, "/", { inputs: ["a", 1] }),
        postJson(engine, "/", { inputs: "a", parameters: "b" }),
        postJson(engine, "/v1/embeddings", { input: 1.5 }),
        postJson(engine, "/v1/embeddings", { input: "a", dimensions: 65 })
      ])
      const readError = read(Schema.Struct({ error: Schema.NonEmptyString }))
      for (const answer of answers) {
        assert.strictEqual(answer.status, 400)
        yield* readError(answer)
      }
      const missing = yield* readError(answers[4])
      assert.strictEqual(missing.error, `Body needs to provide a inputs key, recieved: b'{"input":"a"}'`)
    })
  )

  it.effect("is healthy, and has no other routes", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.toolkit(yield* Model)
      for (const route of ["GET /", `GET ${engine.healthRoute}`, "HEAD /health"]) {
        assert.strictEqual((yield* get(engine, route)).status, 200)
      }
      assert.strictEqual((yield* get(engine, "GET /health")).text, "Ok")
      assert.strictEqual((yield* get(engine, "GET /predict")).status, 405)
      assert.strictEqual((yield* get(engine, "GET /embed")).status, 404)
    })
  )
})

layer(ModelLayer)("tei", (it) => {
  it.effect("answers a list of vectors, for one text too", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const vector = (text: string) => Array.from(model.embed(text).vector)
      for (const route of ["/", "/embed"]) {
        const one = yield* postJson(engine, route, { inputs: "a dog" })
        assert.strictEqual(one.status, 200)
        assert.deepStrictEqual(yield* readJson(one), [vector("a dog")])
        const many = yield* postJson(engine, route, { inputs: ["a dog", "two cats"] })
        assert.deepStrictEqual(yield* readJson(many), [vector("a dog"), vector("two cats")])
        assert.strictEqual(many.headers["x-compute-characters"], "13")
        assert.strictEqual(many.headers["x-compute-tokens"], "4")
      }
    })
  )

  it.effect("leaves the mean as it is when told not to normalise", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const answer = yield* postJson(engine, "/embed", { inputs: "a dog", normalize: false, dimensions: 3 })
      assert.deepStrictEqual(yield* readJson(answer), [Array.from(model.pool("a dog").vector.slice(0, 3))])
    })
  )

  it.effect("cuts a vector to the dimensions asked for, and makes its length 1 again", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model)
      for (const dimensions of [1, 7, 64]) {
        const answer = yield* postJson(engine, "/embed", { inputs: "a dog", dimensions })
        const [vector = []] = yield* readVectors(answer)
        assert.strictEqual(vector.length, dimensions)
        assert.closeTo(Math.hypot(...vector), 1, 1e-6)
      }
    })
  )

  it.effect("takes 32 inputs and refuses 33: 413 up to 1.8, 422 from 1.9", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const message = "batch size 33 > maximum allowed batch size 32"
      for (const [release, status] of [["1.8", 413] as const, ["1.9", 422] as const]) {
        const engine = FeatureExtraction.tei(model, { release })
        assert.strictEqual((yield* postJson(engine, "/embed", { inputs: texts(32) })).status, 200)
        const native = yield* postJson(engine, "/embed", { inputs: texts(33) })
        assert.strictEqual(native.status, status)
        assert.deepStrictEqual(yield* readJson(native), { error: message, error_type: "Validation" })
        const openAi = yield* postJson(engine, "/v1/embeddings", { input: texts(33) })
        assert.strictEqual(openAi.status, status)
        assert.deepStrictEqual(yield* readJson(openAi), { message, code: status, type: "Validation" })
      }
      const wide = FeatureExtraction.tei(model, { maxClientBatchSize: 33 })
      assert.strictEqual((yield* postJson(wide, "/embed", { inputs: texts(33) })).status, 200)
    })
  )

  it.effect("refuses a body of more than 2 MB with 413", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model, { release: "1.9" })
      const body = (bytes: number) => `{"inputs":"${"a".repeat(bytes - 13)}"}`
      assert.strictEqual((yield* post(engine, "/embed", body(2_000_000))).status, 200)
      const answer = yield* post(engine, "/embed", body(2_000_001))
      assert.strictEqual(answer.status, 413)
      assert.strictEqual(answer.text, "Failed to buffer the request body: length limit exceeded")
    })
  )

  it.effect("refuses nothing to embed with 400, in the route's own words", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model)
      const message = "Input validation error: `inputs` cannot be empty"
      for (const inputs of ["", [], ["a", ""], [[]]]) {
        const native = yield* postJson(engine, "/embed", { inputs })
        assert.strictEqual(native.status, 400)
        assert.deepStrictEqual(yield* readJson(native), { error: message, error_type: "Empty" })
        const openAi = yield* postJson(engine, "/v1/embeddings", { input: inputs })
        assert.strictEqual(openAi.status, 400)
        assert.deepStrictEqual(yield* readJson(openAi), { message, code: 400, type: "Empty" })
      }
    })
  )

  it.effect("refuses a body before it has a meaning in plain text", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model)
      const statuses = [
        [415, yield* post(engine, "/embed", `{"inputs": "a"}`, "text/plain")],
        [400, yield* post(engine, "/embed", `{"inputs`)],
        [400, yield* post(engine, "/embed", "")],
        [422, yield* postJson(engine, "/embed", { input: "a" })],
        [422, yield* postJson(engine, "/embed", { inputs: 1 })],
        [422, yield* postJson(engine, "/embed", { inputs: ["a", 1] })],
        [422, yield* postJson(engine, "/embed", { inputs: "a", normalize: null })],
        [422, yield* postJson(engine, "/embed", { inputs: "a", dimensions: -1 })],
        [422, yield* postJson(engine, "/v1/embeddings", { input: "a", encoding_format: "hex" })]
      ] as const
      for (const [status, answer] of statuses) {
        assert.strictEqual(answer.status, status)
        assert.match(answer.headers["content-type"] ?? "", /^text\/plain/)
      }
    })
  )

  it.effect("refuses dimensions that the model has not, and prompts", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model)
      for (const bad of [{ dimensions: 0 }, { dimensions: 65 }, { prompt_name: "query" }]) {
        const answer = yield* postJson(engine, "/embed", { inputs: "a", ...bad })
        assert.strictEqual(answer.status, 413)
        const { error_type } = yield* read(Schema.Struct({ error_type: Schema.String }))(answer)
        assert.strictEqual(error_type, "Validation")
      }
    })
  )

  it.effect("refuses a text that is too long up to 1.8, and cuts it from 1.9 on", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const before = FeatureExtraction.tei(model, { release: "1.8" })
      const after = FeatureExtraction.tei(model, { release: "1.9" })
      const status = (engine: typeof before, body: object) =>
        Effect.map(postJson(engine, "/embed", { inputs: long, ...body }), (answer) => answer.status)
      assert.strictEqual(yield* status(before, {}), 413)
      assert.strictEqual(yield* status(before, { truncate: true }), 200)
      assert.strictEqual(yield* status(after, {}), 200)
      assert.strictEqual(yield* status(after, { truncate: false }), 422)
      const refusal = yield* postJson(before, "/embed", { inputs: long })
      assert.deepStrictEqual(yield* readJson(refusal), {
        error: "Input validation error: `inputs` must have less than 512 tokens. Given: 600",
        error_type: "Validation"
      })
    })
  )

  it.effect("tells its bounds, and that it is healthy", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model, { maxClientBatchSize: 8, modelId: "stint/wordnet" })
      const readInfo = read(
        Schema.Struct({
          model_id: Schema.String,
          max_client_batch_size: Schema.Int,
          max_input_length: Schema.Int,
          max_concurrent_requests: Schema.Int,
          auto_truncate: Schema.Boolean,
          version: Schema.String
        })
      )
      assert.deepStrictEqual(yield* Effect.flatMap(get(engine, "GET /info"), readInfo), {
        model_id: "stint/wordnet",
        max_client_batch_size: 8,
        max_input_length: 512,
        max_concurrent_requests: 512,
        auto_truncate: false,
        version: "1.8.3"
      })
      for (const route of ["GET /", "GET /ping", `GET ${engine.healthRoute}`]) {
        const answer = yield* get(engine, route)
        assert.deepStrictEqual([answer.status, answer.text], [200, ""])
      }
      assert.strictEqual((yield* get(engine, "GET /embed")).status, 405)
      assert.strictEqual((yield* get(engine, "GET /nothing")).status, 404)
    })
  )
})

layer(ModelLayer)("OpenAI routes", (it) => {
  it.effect("answer alike in both images", () =>
    Effect.gen(function* () {
      const model = yield* Model
      for (const engine of [FeatureExtraction.toolkit(model), FeatureExtraction.tei(model)]) {
        const answer = yield* postJson(engine, "/v1/embeddings", { input: ["a dog", "a cat"], model: "any" })
        const body = yield* readFloats(answer)
        assert.strictEqual(body.model, "/repository")
        assert.deepStrictEqual(body.usage, { prompt_tokens: 4, total_tokens: 4 })
        assert.deepStrictEqual(
          body.data.map(({ embedding, index }) => [index, embedding]),
          ["a dog", "a cat"].map((text, index) => [index, Array.from(model.embed(text).vector)])
        )
        const models = yield* Effect.flatMap(
          get(engine, "GET /v1/models"),
          read(Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) }))
        )
        assert.deepStrictEqual(models.data, [{ id: "/repository" }])
      }
    })
  )

  it.effect.prop(
    "give the same bits as base64 and as numbers",
    { text: Schema.NonEmptyString, dimensions: Schema.Literals([1, 5, 64]) },
    ({ dimensions, text }) =>
      Effect.gen(function* () {
        const engine = FeatureExtraction.tei(yield* Model)
        const ask = (encoding_format: string) =>
          postJson(engine, "/v1/embeddings", { input: text, dimensions, encoding_format })
        const floats = yield* Effect.flatMap(ask("float"), readFloats)
        const base64 = yield* Effect.flatMap(ask("base64"), readBase64)
        const bytes = Result.getOrThrow(Base64.decode(base64.data[0]?.embedding ?? ""))
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        const decoded = Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true))
        assert.deepStrictEqual(decoded, floats.data[0]?.embedding)
        assert.strictEqual(decoded.length, dimensions)
      })
  )

  it.effect("take a text's tokens for the text", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const tokens = [700, 800, 900]
      const one = yield* Effect.flatMap(postJson(engine, "/v1/embeddings", { input: tokens }), readFloats)
      const expected = Array.from(model.embed(model.decode(tokens)).vector)
      assert.deepStrictEqual(
        one.data.map(({ embedding }) => embedding),
        [expected]
      )
      const many = yield* Effect.flatMap(
        postJson(engine, "/v1/embeddings", { input: [tokens, model.decode(tokens)] }),
        readFloats
      )
      assert.deepStrictEqual(
        many.data.map(({ embedding }) => embedding),
        [expected, expected]
      )
    })
  )
})
