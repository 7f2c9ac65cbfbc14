import { assert, layer } from "@effect/vitest"
import { SourceLanguage, TextClassification } from "@stint/emulator"
import { Context, Effect, Layer, Schema } from "effect"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"
import { snippets } from "./fixture/snippets.ts"

class Model extends Context.Service<Model, SourceLanguage.SourceLanguage>()("test/Model") {}
const ModelLayer = Layer.effect(Model, SourceLanguage.make)

const Classes = Schema.Array(Schema.Struct({ label: Schema.String, score: Schema.Finite }))
const readClasses = read(Classes)
const readLists = read(Schema.Array(Classes))

const code = snippets.slice(0, 3).map(([, text]) => text)
const [first = ""] = code

layer(ModelLayer)("toolkit", (it) => {
  it.effect("answers one flat list without top_k: the likeliest label of each text", () =>
    Effect.gen(function* () {
      const engine = TextClassification.toolkit(yield* Model)
      for (const route of ["/", "/predict"]) {
        const one = yield* Effect.flatMap(postJson(engine, route, { inputs: first }), readClasses)
        assert.deepStrictEqual(
          one.map(({ label }) => label),
          ["py"]
        )
        const many = yield* Effect.flatMap(postJson(engine, route, { inputs: code }), readClasses)
        assert.deepStrictEqual(
          many.map(({ label }) => label),
          ["py", "rs", "go"]
        )
      }
    })
  )

  it.effect("answers a list a text with top_k, from the body or the query", () =>
    Effect.gen(function* () {
      const engine = TextClassification.toolkit(yield* Model)
      const ask = (inputs: unknown, top_k: number | null) =>
        postJson(engine, "/", { inputs, parameters: { top_k } })
      assert.strictEqual((yield* Effect.flatMap(ask(first, 2), readClasses)).length, 2)
      assert.strictEqual((yield* Effect.flatMap(ask(first, null), readClasses)).length, 54)
      const lists = yield* Effect.flatMap(ask(code, 1), readLists)
      assert.deepStrictEqual(
        lists.map((list) => list.map(({ label }) => label)),
        [["py"], ["rs"], ["go"]]
      )
      const query = yield* Effect.flatMap(postJson(engine, "/?top_k=3", { inputs: first }), readClasses)
      assert.strictEqual(query.length, 3)
    })
  )

  it.effect("applies the function asked for, which keeps the order", () =>
    Effect.gen(function* () {
      const model = yield* Model
      const engine = TextClassification.toolkit(model)
      const probabilities = yield* model.classify(first)
      const ask = (function_to_apply: string) =>
        Effect.flatMap(
          postJson(engine, "/", { inputs: first, parameters: { top_k: null, function_to_apply } }),
          readClasses
        )
      assert.deepStrictEqual(yield* ask("softmax"), probabilities)
      const raw = yield* ask("none")
      const sigmoid = yield* ask("sigmoid")
      const sum = raw.reduce((total, { score }) => total + Math.exp(score), 0)
      probabilities.forEach(({ label, score }, i) => {
        assert.strictEqual(raw[i]?.label, label)
        assert.closeTo(Math.exp(raw[i]?.score ?? 0) / sum, score, 1e-6)
        assert.closeTo(sigmoid[i]?.score ?? 0, score / (1 + score), 1e-6)
      })
    })
  )

  it.effect("says 400 with an error, whatever is wrong", () =>
    Effect.gen(function* () {
      const engine = TextClassification.toolkit(yield* Model)
      const answers = yield* Effect.all([
        post(engine, "/", first, "text/plain"),
        post(engine, "/", "{"),
        postJson(engine, "/", { text: first }),
        postJson(engine, "/", { inputs: 1 }),
        postJson(engine, "/", { inputs: { text: first } }),
        postJson(engine, "/", { inputs: first, parameters: { top_k: "two" } }),
        postJson(engine, "/", { inputs: first, parameters: { function_to_apply: "argmax" } })
      ])
      const readError = read(Schema.Struct({ error: Schema.NonEmptyString }))
      for (const answer of answers) {
        assert.strictEqual(answer.status, 400)
        yield* readError(answer)
      }
      assert.deepStrictEqual(yield* readJson(answers[6]), { error: "'ARGMAX'" })
      assert.strictEqual((yield* get(engine, `GET ${engine.healthRoute}`)).text, "Ok")
    })
  )
})

layer(ModelLayer)("tei", (it) => {
  it.effect("answers every label of a text, likeliest first, and a list of those for a batch", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Model)
      for (const route of ["/", "/predict"]) {
        const flat = yield* Effect.flatMap(postJson(engine, route, { inputs: first }), readClasses)
        assert.strictEqual(flat.length, 54)
        assert.strictEqual(flat[0]?.label, "py")
        const single = yield* Effect.flatMap(postJson(engine, route, { inputs: [first] }), readClasses)
        assert.deepStrictEqual(single, flat)
        const batch = yield* Effect.flatMap(
          postJson(engine, route, { inputs: code.map((text) => [text]) }),
          readLists
        )
        assert.deepStrictEqual(
          batch.map(([likeliest]) => likeliest?.label),
          ["py", "rs", "go"]
        )
      }
    })
  )

  it.effect("reads two texts as a pair, not as a batch", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Model)
      const pair = yield* postJson(engine, "/predict", { inputs: ["import os", "print(os.sep)"] })
      const joined = yield* postJson(engine, "/predict", { inputs: "import os\nprint(os.sep)" })
      assert.deepStrictEqual(yield* readClasses(pair), yield* readClasses(joined))
    })
  )

  it.effect("gives raw scores whose softmax are the scores", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Model)
      const ask = (raw_scores: boolean) =>
        Effect.flatMap(postJson(engine, "/predict", { inputs: first, raw_scores }), readClasses)
      const raw = yield* ask(true)
      const scores = yield* ask(false)
      raw.forEach(({ score }, i) => assert.closeTo(Math.exp(score), scores[i]?.score ?? 0, 1e-9))
    })
  )

  it.effect("refuses what is outside its bounds in TEI's words", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Model)
      const many = yield* postJson(engine, "/predict", { inputs: Array.from({ length: 33 }, () => ["a"]) })
      assert.strictEqual(many.status, 413)
      assert.deepStrictEqual(yield* readJson(many), {
        error: "batch size 33 > maximum allowed batch size 32",
        error_type: "Validation"
      })
      const empty = yield* postJson(engine, "/predict", { inputs: [["a"], [""]] })
      assert.strictEqual(empty.status, 400)
      assert.deepStrictEqual(yield* readJson(empty), {
        error: "Input validation error: `inputs` cannot be empty",
        error_type: "Empty"
      })
      for (const inputs of [[], [[]], ["a", "b", "c"], [["a", "b", "c"]], 1]) {
        assert.strictEqual((yield* postJson(engine, "/predict", { inputs })).status, 422)
      }
    })
  )

  it.effect("tells its labels, and that it is healthy", () =>
    Effect.gen(function* () {
      const engine = TextClassification.tei(yield* Model)
      const info = yield* Effect.flatMap(
        get(engine, "GET /info"),
        read(
          Schema.Struct({
            model_type: Schema.Struct({
              classifier: Schema.Struct({ id2label: Schema.Record(Schema.String, Schema.String) })
            })
          })
        )
      )
      assert.deepStrictEqual(Object.values(info.model_type.classifier.id2label), SourceLanguage.labels)
      assert.strictEqual((yield* get(engine, `GET ${engine.healthRoute}`)).status, 200)
    })
  )
})
