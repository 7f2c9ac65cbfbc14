/**
 * Answers from the results file: which vector points the same way?
 */
import { Schema, Stream } from "effect"
import { Source } from "@stint/batch"

type Vector = ReadonlyArray<number>

/** A line of `results.jsonl`. */
const Result = Schema.Struct({ id: Schema.String, output: Schema.Array(Schema.Finite) })

/** The vectors of a results file, by key. */
export const read = (path: string) =>
  Source.jsonl(path, Result).pipe(
    Stream.runFold(
      () => new Map<string, Vector>(),
      (vectors, { id, output }) => vectors.set(id, output)
    )
  )

const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

/** 1 for the same direction, 0 for nothing in common. */
const cosine = (a: Vector, b: Vector) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

/** The `count` candidates whose vectors are nearest to the question's, best first. */
export const nearest = <A extends { readonly key: string }>(
  vectors: ReadonlyMap<string, Vector>,
  question: string,
  candidates: ReadonlyArray<A>,
  count: number
): ReadonlyArray<{ readonly candidate: A; readonly score: number }> => {
  const wanted = vectors.get(question)
  if (wanted === undefined) return []
  return candidates
    .flatMap((candidate) => {
      const vector = vectors.get(candidate.key)
      return vector === undefined ? [] : [{ candidate, score: cosine(wanted, vector) }]
    })
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
}
