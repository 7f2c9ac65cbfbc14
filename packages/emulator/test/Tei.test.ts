import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import {
  FeatureExtraction,
  Reranking,
  SourceLanguage,
  TextClassification,
  WordNetEmbedding
} from "@stint/emulator"
import { Context, Effect, Layer, Schema } from "effect"
import { get, postJson, read, readJson } from "./fixture/ask.ts"
import { metrics } from "./fixture/events.ts"

class Model extends Context.Service<Model, WordNetEmbedding.WordNetEmbedding>()("test/Model") {}
const ModelLayer = Layer.effect(Model, WordNetEmbedding.load()).pipe(Layer.provide(NodeServices.layer))

const Ranks = Schema.Array(
  Schema.Struct({ index: Schema.Int, score: Schema.Finite, text: Schema.optionalKey(Schema.String) })
)
const readRanks = read(Ranks)
const readNumbers = read(Schema.Array(Schema.Finite))

layer(ModelLayer)("a re-ranker", (it) => {
  const query = "a dog"
  const texts = ["the bank approved the mortgage", "a canine animal that barks", "a cat"]

  it.effect("orders texts by the cosine of their vectors with the query's", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = Reranking.tei(model)
      const asked = model.embed(query).vector
      const cosines = texts.map((text) => WordNetEmbedding.cosine(asked, model.embed(text).vector))
      for (const route of ["/rerank", "/", "/invocations"]) {
        const raw = yield* Effect.flatMap(
          postJson(engine, route, { query, texts, raw_scores: true, return_text: true }),
          readRanks
        )
        assert.deepStrictEqual(
          raw,
          texts
            .map((text, index) => ({ index, score: cosines[index] ?? 0, text }))
            .toSorted((a, b) => b.score - a.score)
        )
        assert.strictEqual(raw.at(-1)?.index, 0)
      }
      const scores = yield* Effect.flatMap(postJson(engine, "/rerank", { query, texts }), readRanks)
      assert.isTrue(scores.every(({ score, text }) => score > 0 && score < 1 && text === undefined))
    })
  )

  it.effect("scores a pair and a batch of pairs", () =>
    Effect.gen(function* () {
      const engine = Reranking.tei(yield* Model)
      const one = yield* postJson(engine, "/predict", { inputs: [query, "a dog"], raw_scores: true })
      const [prediction] = yield* read(
        Schema.Array(Schema.Struct({ score: Schema.Finite, label: Schema.String }))
      )(one)
      assert.strictEqual(prediction?.label, "LABEL_0")
      assert.closeTo(prediction?.score ?? 0, 1, 1e-6)
      const many = yield* postJson(engine, "/predict", {
        inputs: [
          [query, "a"],
          [query, "b"]
        ]
      })
      assert.lengthOf(yield* read(Schema.Array(Schema.Array(Schema.Unknown)))(many), 2)
    })
  )

  it.effect("refuses none and too many, and is no embedding model", () =>
    Effect.gen(function* () {
      const engine = Reranking.tei(yield* Model)
      const none = yield* postJson(engine, "/rerank", { query, texts: [] })
      assert.strictEqual(none.status, 400)
      assert.deepStrictEqual(yield* readJson(none), {
        error: "`texts` cannot be empty",
        error_type: "Empty"
      })
      const many = yield* postJson(engine, "/rerank", { query, texts: Array.from({ length: 33 }, () => "a") })
      assert.strictEqual(many.status, 413)
      const embed = yield* postJson(engine, "/embed", { inputs: "a" })
      assert.strictEqual(embed.status, 424)
      assert.deepStrictEqual(yield* readJson(embed), {
        error: "Backend error: Model is not an embedding model",
        error_type: "Backend"
      })
      const info = yield* Effect.flatMap(
        get(engine, "GET /info"),
        read(Schema.Struct({ model_type: Schema.Struct({ reranker: Schema.Unknown }) }))
      )
      assert.isDefined(info.model_type.reranker)
    })
  )
})

layer(ModelLayer)("an embedding model", (it) => {
  it.effect("does not do what other models do, and says 424 as TEI does", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model)
      const cases = [
        ["/rerank", { query: "a", texts: ["b"] }, "model is not a re-ranker model"],
        ["/predict", { inputs: "a" }, "Model is not a classifier model"],
        ["/embed_sparse", { inputs: "a" }, "Model is not an embedding model with SPLADE pooling"]
      ] as const
      for (const [route, body, message] of cases) {
        const answer = yield* postJson(engine, route, body)
        assert.strictEqual(answer.status, 424)
        assert.deepStrictEqual(yield* readJson(answer), {
          error: `Backend error: ${message}`,
          error_type: "Backend"
        })
      }
    })
  )

  it.effect("compares sentences with one, which POST / does for sentence-similarity", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model, { task: "sentence-similarity" })
      const inputs = { source_sentence: "a dog", sentences: ["a dog", "the stock exchange"] }
      for (const route of ["/similarity", "/"]) {
        const [same = 0, other = 0] = yield* Effect.flatMap(postJson(engine, route, { inputs }), readNumbers)
        assert.closeTo(same, 1, 1e-6)
        assert.isBelow(other, 0.5)
      }
      const many = { source_sentence: "a", sentences: Array.from({ length: 32 }, () => "b") }
      assert.strictEqual((yield* postJson(engine, "/similarity", { inputs: many })).status, 413)
      const none = yield* postJson(engine, "/similarity", { inputs: { ...inputs, sentences: [] } })
      assert.strictEqual(none.status, 400)
    })
  )

  it.effect("gives the vectors of tokens, of which the text's is the mean", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const [vectors = []] = yield* Effect.flatMap(
        postJson(engine, "/embed_all", { inputs: "two big dogs" }),
        read(Schema.Array(Schema.Array(Schema.Array(Schema.Finite))))
      )
      const { tokens, vector } = model.pool("two big dogs")
      assert.lengthOf(vectors, tokens)
      vector.forEach((value, d) => {
        const sum = vectors.reduce((sum, each) => sum + (each[d] ?? 0), 0)
        assert.closeTo(sum / tokens, value, 1e-5)
      })
    })
  )

  it.effect("tokenizes with places in the text, and decodes ids", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const Tokens = Schema.Array(
        Schema.Struct({
          id: Schema.Int,
          text: Schema.String,
          special: Schema.Boolean,
          start: Schema.Int,
          stop: Schema.Int
        })
      )
      const inputs = ["The dogs, unbarkable!", "Café 😀 dog"]
      const lists = yield* Effect.flatMap(
        postJson(engine, "/tokenize", { inputs }),
        read(Schema.Array(Tokens))
      )
      lists.forEach((tokens, i) => {
        const points = Array.from(inputs[i] ?? "")
        assert.lengthOf(tokens, model.countTokens(inputs[i] ?? ""))
        for (const { start, stop, text } of tokens)
          assert.strictEqual(points.slice(start, stop).join(""), text)
      })
      const ids = lists[0]?.map(({ id }) => id) ?? []
      const decoded = yield* postJson(engine, "/decode", { ids })
      assert.deepStrictEqual(yield* readJson(decoded), ["the dogs , unbarkable !"])
      const both = yield* postJson(engine, "/decode", { ids: [ids, ids] })
      assert.lengthOf(yield* read(Schema.Array(Schema.String))(both), 2)
    })
  )

  it.effect("answers many requests in one at /vertex", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = FeatureExtraction.tei(model)
      const answer = yield* postJson(engine, "/vertex", { instances: [{ inputs: "a" }, { inputs: ["b"] }] })
      const vector = (text: string) => Array.from(model.embed(text).vector)
      assert.deepStrictEqual(yield* readJson(answer), { predictions: [[vector("a")], [vector("b")]] })
    })
  )

  it.effect("says 429 to single inputs above its limit, and lets batches wait", () =>
    Effect.gen(function* () {
      const engine = FeatureExtraction.tei(yield* Model, { maxConcurrentRequests: 3 })
      const burst = (inputs: unknown) =>
        Effect.all(
          Array.from({ length: 8 }, () => postJson(engine, "/embed", { inputs })),
          { concurrency: "unbounded" }
        )
      const answers = yield* burst("a dog")
      const refused = answers.filter(({ status }) => status === 429)
      assert.isAbove(refused.length, 0)
      assert.strictEqual(answers.filter(({ status }) => status === 200).length, 8 - refused.length)
      for (const answer of refused) {
        assert.isUndefined(answer.headers["retry-after"])
        assert.deepStrictEqual(yield* readJson(answer), {
          error: "Model is overloaded",
          error_type: "Overloaded"
        })
      }
      assert.isTrue((yield* burst(["a dog"])).every(({ status }) => status === 200))
      assert.include((yield* get(engine, "GET /info")).text, `"max_concurrent_requests":3`)
      const counted = yield* get(engine, "GET /metrics")
      assert.include(counted.text, `te_request_failure{err="overloaded"} ${refused.length}\n`)
      assert.include(counted.text, `te_request_success{method="batch"} 8\n`)
      assert.strictEqual(metrics(counted).get("te_queue_size"), 0)
      assert.strictEqual(metrics(counted).get("te_request_count"), 16)
    })
  )
})

class Classifier extends Context.Service<Classifier, SourceLanguage.SourceLanguage>()("test/Classifier") {}

layer(Layer.effect(Classifier, SourceLanguage.make))("a classifier", (it) => {
  it.effect("tokenizes into characters, and embeds nothing", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Classifier)
      const tokens = yield* postJson(engine, "/tokenize", { inputs: "a😀" })
      assert.deepStrictEqual(yield* readJson(tokens), [
        [
          { id: 97, text: "a", start: 0, stop: 1, special: false },
          { id: 128512, text: "😀", start: 1, stop: 2, special: false }
        ]
      ])
      const decoded = yield* postJson(engine, "/decode", { ids: [97, 128512] })
      assert.deepStrictEqual(yield* readJson(decoded), ["a😀"])
      for (const route of ["/embed", "/embed_all", "/embed_sparse", "/similarity"]) {
        const answer = yield* postJson(engine, route, { inputs: "a" })
        assert.strictEqual(answer.status, 424)
        assert.include(answer.text, "Model is not an embedding model")
      }
      assert.strictEqual((yield* postJson(engine, "/rerank", { query: "a", texts: ["b"] })).status, 424)
    })
  )
})
