/**
 * Which rows of a file may share a request: plain ones that are embedded or classified. A batch line has an answer of its own,
 * that is written down as it came.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import * as Inference from "../../Inference.ts"
import type { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import type { Packing } from "../../Packing.ts"
import * as EngineInfo from "../protocol/engineInfo.ts"
import { type Kind, type Row, isBatchLine } from "./rowShape.ts"

const textOf = (row: Row): string => {
  const input = isBatchLine(row) ? row.body : row.input
  return typeof input === "string" ? input : JSON.stringify(input)
}

const outputs = (answers: ReadonlyArray<Schema.Json>): ReadonlyArray<Schema.Json> =>
  answers.map((output) => ({ output }))

// Pictures and sounds go alone.
const accepts = (row: Row) => !isBatchLine(row) && typeof row.input === "string"

const embed: Packing<Row, Schema.Json, Fault, CurrentEndpoint> = {
  accepts,
  bounds: EngineInfo.forEmbedding,
  run: (rows) => Effect.map(Inference.featureExtractions(rows.map(textOf)), outputs)
}

const classify: Packing<Row, Schema.Json, Fault, CurrentEndpoint> = {
  accepts,
  bounds: EngineInfo.forClassification,
  run: (rows) => Effect.map(Inference.textClassifications(rows.map(textOf)), outputs)
}

export const forKind = (kind: Kind) => (kind === "embed" ? embed : kind === "classify" ? classify : undefined)

/** How long the vector of a plain row is; each batch line may ask for another length. */
export const lengthOf = (output: Schema.Json): number | undefined =>
  Predicate.hasProperty(output, "output") && Array.isArray(output.output) ? output.output.length : undefined
