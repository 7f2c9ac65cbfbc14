/**
 * Serves the WordNet embedding as a re-ranker in Text Embeddings Inference: how near texts are to a query.
 *
 * A raw score is the cosine of the two vectors, so words in common and words of alike meaning raise it and
 * their order does not. It is no cross-encoder, which reads query and text together.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Engine from "../Engine.ts"
import * as WordNetEmbedding from "../WordNetEmbedding.ts"
import * as Tei from "../internal/tei.ts"
import * as TeiTokens from "../internal/teiTokens.ts"
import * as TeiVertex from "../internal/teiVertex.ts"

/** Whose habits Text Embeddings Inference has, and its bounds. */
export interface TeiOptions extends Tei.Options {}

const flag = Schema.optionalKey(Schema.Boolean)
const truncate = Schema.optionalKey(Schema.NullOr(Schema.Boolean))

const decodeRerank = Engine.decoder(
  Schema.Struct({
    query: Schema.String,
    texts: Schema.Array(Schema.String),
    truncate,
    raw_scores: flag,
    return_text: flag
  })
)

const Pair = Schema.Tuple([Schema.String, Schema.String])
const decodePredict = Engine.decoder(
  Schema.Struct({
    inputs: Schema.Union([Pair, Schema.NonEmptyArray(Pair)]),
    truncate,
    raw_scores: flag
  })
)

const label = "LABEL_0"

/**
 * The re-ranker. `POST /rerank` and `/` take `{"query", "texts", "raw_scores"?, "return_text"?}` and answer
 * `[{"index", "score", "text"?}]`, nearest first; `/predict` takes a pair of texts or a batch of pairs. A score is
 * the sigmoid of the cosine, or the cosine itself where raw ones are asked for.
 *
 * @example
 * ```ts
 * import { Reranking, WordNetEmbedding } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.map(WordNetEmbedding.load(), (model) => Reranking.tei(model))
 * ```
 */
export const tei = (model: WordNetEmbedding.WordNetEmbedding, options?: TeiOptions): Engine.Engine => {
  const server = Tei.open(options)

  const check = Effect.fnUntraced(function* (texts: ReadonlyArray<string>, cuts: boolean) {
    for (const text of texts) {
      yield* Tei.checkText(text)
      if (!cuts) yield* Tei.checkLength(model.countTokens(text), model.maxTokens)
    }
  })
  const score = (cosine: number, isRaw: boolean) => (isRaw ? cosine : 1 / (1 + Math.exp(-cosine)))

  const rerank = Effect.fnUntraced(function* (json: unknown): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const body = yield* decodeRerank(json)
    const { query, texts } = body
    if (texts.length === 0) return yield* Tei.refused("Empty", "`texts` cannot be empty")
    return yield* Tei.batch(
      server,
      texts.length,
      Effect.gen(function* () {
        yield* check([query, ...texts], body.truncate ?? server.autoTruncate)
        const asked = model.embed(query)
        let tokens = asked.tokens * texts.length
        let characters = Tei.characters(query) * texts.length
        const ranks = texts.map((text, index) => {
          const embedding = model.embed(text)
          tokens += embedding.tokens
          characters += Tei.characters(text)
          const cosine = WordNetEmbedding.cosine(asked.vector, embedding.vector)
          const rank = { index, score: score(cosine, body.raw_scores === true) }
          return body.return_text === true ? { ...rank, text } : rank
        })
        return { output: ranks.toSorted((a, b) => b.score - a.score), tokens, characters }
      })
    )
  })

  const predict = Effect.fnUntraced(function* (json: unknown): Effect.fn.Return<Tei.Work, Engine.Refusal> {
    const body = yield* decodePredict(json)
    const pairs = body.inputs.map((input): readonly [string, string] =>
      typeof input === "string" ? ["", ""] : input
    )
    const [query, text] = body.inputs
    const isBatch = typeof query !== "string" || typeof text !== "string"
    const all: ReadonlyArray<readonly [string, string]> = isBatch ? pairs : [[query, text]]
    const work = Effect.gen(function* () {
      yield* check(all.flat(), body.truncate ?? server.autoTruncate)
      return all.map(([query, text]) => {
        const cosine = WordNetEmbedding.cosine(model.embed(query).vector, model.embed(text).vector)
        return [{ score: score(cosine, body.raw_scores === true), label }]
      })
    })
    const results = yield* isBatch ? Tei.batch(server, all.length, work) : Tei.single(server, work)
    return {
      output: isBatch ? results : results[0],
      tokens: all.flat().reduce((sum, text) => sum + model.countTokens(text), 0),
      characters: all.flat().reduce((sum, text) => sum + Tei.characters(text), 0)
    }
  })

  const notEmbedding = Tei.route(server, () =>
    Effect.fail(Tei.unsupported("Model is not an embedding model"))
  )
  const answer = Tei.route(server, rerank)
  return {
    name: model.name,
    healthRoute: "/health",
    handle: Tei.serve(
      server,
      {
        model_dtype: "int8",
        model_type: { reranker: { id2label: { "0": label }, label2id: { [label]: 0 } } },
        max_input_length: model.maxTokens
      },
      {
        "POST /": answer,
        "POST /invocations": answer,
        "POST /rerank": answer,
        "POST /predict": Tei.route(server, predict),
        "POST /embed": notEmbedding,
        "POST /embed_all": notEmbedding,
        "POST /embed_sparse": notEmbedding,
        "POST /similarity": notEmbedding,
        ...TeiTokens.routes(server, model),
        ...TeiVertex.route(server, { own: predict, rerank })
      }
    )
  }
}
