/**
 * The rows of the command, over many machines: `stint cluster run INPUT` works without any code, because every worker has this
 * definition.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type CurrentEndpoint, Row, StructuredOutput, Template } from "@stint/batch"
import * as ClusterBatch from "./ClusterBatch.ts"
import * as Readers from "./internal/chunk/readers.ts"
import { ParametersRefused } from "./RunError.ts"

const Mapping = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  input: Schema.optionalKey(Schema.String),
  /** A text with columns in braces, instead of `input`. */
  template: Schema.optionalKey(Schema.String)
})

/**
 * What is done with each row: the options of `Row.job` that can be written down. Rows are numbered within a chunk only, so that
 * their numbers cannot be ids; and rows may not refer to files.
 */
export const Parameters = Schema.Struct({
  kind: Row.Kind,
  mapping: Schema.optionalKey(Mapping),
  /** What the engine takes beside the input, as in `{ temperature: 0 }`. */
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  maxTokens: Schema.optionalKey(Schema.Int),
  system: Schema.optionalKey(Schema.String),
  /** JSON Schema that answers must fit. */
  schema: Schema.optionalKey(Schema.Json),
  reasks: Schema.optionalKey(Schema.Int),
  onLength: Schema.optionalKey(Schema.Literals(["fail", "keep"]))
})

/** What is done with each row. */
export type Parameters = typeof Parameters.Type

const name = "rows"

const refused = (error: { readonly message: string }) =>
  new ParametersRefused({ definition: name, detail: error.message })

/**
 * The definition of rows: batch lines of OpenAI, or `{"id", "input"}`, for any kind of job.
 *
 * **Example** (Embedding a file)
 *
 * ```ts
 * import { ClusterRows, InputRef } from "@stint/cluster"
 *
 * const start = ClusterRows.rows.start({
 *   run: "nightly",
 *   input: InputRef.file("/mnt/data/rows.jsonl"),
 *   endpoint: { name: "batch-endpoint" },
 *   parameters: { kind: "embed" }
 * })
 * ```
 */
export const rows: ClusterBatch.ClusterBatch<Parameters, CurrentEndpoint> = ClusterBatch.custom({
  name,
  parameters: Parameters,
  make: Effect.fnUntraced(function* ({ kind, mapping, schema, ...options }: Parameters) {
    const template =
      mapping?.template === undefined
        ? undefined
        : yield* Effect.mapError(Template.make(mapping.template), refused)
    const shape =
      schema === undefined
        ? undefined
        : yield* Effect.mapError(StructuredOutput.fromJsonSchema(schema), refused)
    return {
      job: Row.job(kind, { ...options, schema: shape }),
      read: Readers.ofRows(kind, mapping && { id: mapping.id, input: mapping.input, template })
    }
  })
})
