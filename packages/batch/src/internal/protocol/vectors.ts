/**
 * What embedding models answer to several texts, in any of the engines' shapes: a vector for each, in the texts' order.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import { decoding } from "./decoding.ts"
import * as Floats from "./floats.ts"
import * as Surely from "./surely.ts"

type Vector = ReadonlyArray<number>

/** An empty one is no answer. */
const Numbers = Schema.NonEmptyArray(Schema.Finite)
const OneVector = Schema.Union([Numbers, Schema.Tuple([Numbers])])
const decodeAny = decoding(
  Schema.Union([
    OneVector,
    // The toolkit's sentence-embeddings pipeline.
    Schema.Struct({ embeddings: OneVector }),
    Schema.Struct({ data: Schema.Tuple([Schema.Struct({ embedding: Numbers })]) })
  ]),
  "an embedding model for one text"
)

const isFlat = (value: typeof OneVector.Type): value is typeof Numbers.Type => typeof value[0] === "number"

/** The vector of one text. */
export const decodeOne = (answer: { readonly body: Schema.Json }): Effect.Effect<Vector, Fault> => {
  const found = oneIn(answer.body)
  if (found !== undefined) return Effect.succeed(found)
  const decoded = Effect.mapError(decodeAny(answer), (fault) => (isGarbled(answer.body) ? noNumbers : fault))
  return Effect.map(decoded, (found) => {
    if ("data" in found) return found.data[0].embedding
    const value = "embeddings" in found ? found.embeddings : found
    return isFlat(value) ? value : value[0]
  })
}

/** The same without the schema; nothing where there is no good one, for whatever reason. */
const oneIn = (body: Schema.Json): Vector | undefined => {
  if (Array.isArray(body)) return listOf(body)
  if (Predicate.hasProperty(body, "embeddings")) return listOf(body.embeddings)
  const data = Predicate.hasProperty(body, "data") ? body.data : undefined
  const [one]: ReadonlyArray<unknown> = Array.isArray(data) && data.length === 1 ? data : []
  if (!Predicate.hasProperty(one, "embedding")) return undefined
  const found = typeof one.embedding === "string" ? Floats.decode(one.embedding) : one.embedding
  return isVector(found) ? found : undefined
}

const noNumbers = new Fault({ reason: "engine", detail: "an embedding that is no list of numbers" })

/** An embedding's place, in which there are no numbers or others than there may be. */
const isNoVector = (value: unknown): boolean =>
  value === null ||
  typeof value === "string" ||
  (Array.isArray(value) &&
    value.every((each) => each === null || typeof each !== "object") &&
    !isVector(value))

/** An embedding model's answer, but for its numbers: the text's fault or the engine's, and not that of the set-up. */
const isGarbled = (body: unknown): boolean => {
  if (Predicate.hasProperty(body, "embeddings")) return isGarbled(body.embeddings)
  if (Predicate.hasProperty(body, "data") && Array.isArray(body.data) && body.data.length === 1) {
    const [one]: ReadonlyArray<unknown> = body.data
    return Predicate.hasProperty(one, "embedding") && isNoVector(one.embedding)
  }
  return Array.isArray(body) && isNoVector(body.length === 1 && body[0] !== null ? oneOf(body) : body)
}

/** What an array of one holds, if that is an array. */
const oneOf = (value: ReadonlyArray<unknown>): unknown => (Array.isArray(value[0]) ? value[0] : value)

const isVector = (value: unknown): value is Vector => Surely.isFiniteList(value) && value.length > 0

/** A vector, or one in an array of its own, as the toolkit has it. */
const listOf = (value: unknown): Vector | undefined => {
  const inner = Array.isArray(value) && value.length === 1 ? oneOf(value) : value
  return isVector(inner) ? inner : undefined
}

/** The same, or one in Base64. */
const vectorOf = (value: unknown): Vector | undefined => {
  if (typeof value !== "string") return listOf(value)
  const floats = Floats.decode(value)
  return isVector(floats) ? floats : undefined
}

/** The whole answer is no good, for whatever reason that may pass or that fewer texts may not have. */
const useless = (detail: string) => Result.fail(new Fault({ reason: "engine", detail }))

/** In the order that each one's `index` gives; that of the answer where none has one. */
const inOrder = (data: ReadonlyArray<unknown>): Result.Result<ReadonlyArray<unknown>, Fault> => {
  const all = data.map((each) => (Predicate.hasProperty(each, "embedding") ? each.embedding : undefined))
  if (!data.some((each) => Predicate.hasProperty(each, "index"))) return Result.succeed(all)
  const ordered: Array<unknown> = Array.from({ length: data.length })
  const seen = new Set<unknown>()
  for (const [at, each] of data.entries()) {
    const index = Predicate.hasProperty(each, "index") ? each.index : undefined
    if (typeof index !== "number" || !(index in ordered) || seen.has(index)) {
      return useless(`the indices of ${data.length} embeddings are not 0 to ${data.length - 1}, each once`)
    }
    seen.add(index)
    ordered[index] = all[at]
  }
  return Result.succeed(ordered)
}

const listed = (body: unknown): Result.Result<ReadonlyArray<unknown>, Fault> => {
  if (Array.isArray(body)) return Result.succeed(body)
  if (Predicate.hasProperty(body, "embeddings") && Array.isArray(body.embeddings)) {
    return Result.succeed(body.embeddings)
  }
  if (Predicate.hasProperty(body, "data") && Array.isArray(body.data)) return inOrder(body.data)
  return useless("the endpoint does not answer as an embedding model for several texts does")
}

/** A vector for each of so many texts. */
export const decode = (body: unknown, count: number): Result.Result<ReadonlyArray<Vector>, Fault> => {
  const found = listed(body)
  if (Result.isFailure(found)) return Result.fail(found.failure)
  if (found.success.length !== count) return useless(`${found.success.length} embeddings for ${count} texts`)
  const vectors: Array<Vector> = []
  for (const value of found.success) {
    const vector = vectorOf(value)
    if (vector === undefined) return Result.fail(noNumbers)
    vectors.push(vector)
  }
  return Result.succeed(vectors)
}
