/**
 * Answers that are JSON of a given shape: the schema is sent to the engine, and the answer is decoded with it.
 */
import * as Effect from "effect/Effect"
import * as JsonSchema from "effect/JsonSchema"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as AnswerJson from "./internal/answer/answerJson.ts"
import * as ClosedSchema from "./internal/answer/closedSchema.ts"
import * as Misfits from "./internal/answer/misfits.ts"
import { safe } from "./internal/input/problemText.ts"
import * as SelfReference from "./internal/answer/selfReference.ts"
import * as SchemaShape from "./internal/answer/schemaShape.ts"

/**
 * A shape that answers have: the JSON Schema that is sent, and how an answer is read.
 */
export interface StructuredOutput<A> {
  readonly jsonSchema: Schema.JsonObject
  /** Whether every object is closed and requires all its properties, as OpenAI's `strict` wants it. */
  readonly isStrict: boolean
  /** How a value is written down. */
  readonly codec: Schema.ConstraintCodec<A, unknown>
  /** The value that a model's text holds, or what does not fit, the first three problems. */
  readonly read: (said: string) => Result.Result<A, ReadonlyArray<string>>
}

/**
 * The model's answer does not fit the schema, after all that was asked again. `problem` is what does not fit, `said` the
 * first 200 characters of the last answer.
 */
export class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", {
  problem: Schema.String,
  /** How often the model was asked. */
  asks: Schema.Int,
  said: Schema.String
}) {
  override get message() {
    const asks = this.asks === 1 ? "once" : `${this.asks} times`
    return `The answer does not fit the schema, asked ${asks}: ${this.problem.replace(/\.?$/, ".")} The model said "${this.said}". Make the prompt clearer, or the schema simpler.`
  }
}

/**
 * A JSON Schema says something that answers cannot be checked against here, or is none. Nothing was sent.
 */
export class SchemaRefused extends Schema.TaggedError<SchemaRefused>()("SchemaRefused", {
  detail: Schema.String
}) {
  override get message() {
    return `The schema of the answers cannot be used: ${this.detail.replace(/\.?$/, ".")} Every answer is checked, so write it without what cannot be; nothing was sent. Correct it and run again.`
  }
}

const strict = { onExcessProperty: "error", errors: "all" } as const

const reading = <A>(codec: Schema.ConstraintCodec<A, unknown>): StructuredOutput<A>["read"] => {
  const decode = SchemaParser.decodeUnknownResult(codec, strict)
  return (said) => {
    const found = AnswerJson.find(said)
    if (Option.isNone(found)) return Result.fail([Misfits.notOne(said)])
    const { lost, value } = found.value
    return lost === undefined ? Result.mapError(decode(value), Misfits.fromIssue) : Result.fail([lost])
  }
}

/**
 * The shape that a schema describes.
 *
 * Objects are closed: a member that the schema does not name is a mismatch. The JSON Schema is what the schema's canonical
 * JSON looks like; checks that JSON Schema has no words for are made on the answer all the same.
 *
 * **Example** (What is sent)
 *
 * ```ts
 * import { StructuredOutput } from "@stint/batch"
 * import { Schema } from "effect"
 *
 * const City = StructuredOutput.make(Schema.Struct({ name: Schema.String }))
 * console.log(City.jsonSchema["additionalProperties"]) // => false
 * ```
 */
export const make = <A>(schema: Schema.ConstraintCodec<A, unknown>): StructuredOutput<A> => {
  const codec = Schema.toCodecJson(schema)
  const document = Schema.toJsonSchemaDocument(schema, {
    onExcessProperty: "error",
    generateDescriptions: true
  })
  const { definitions, schema: root } = SchemaShape.toJson(document)
  const jsonSchema = ClosedSchema.rooted(root, definitions)
  return { jsonSchema, isStrict: ClosedSchema.isStrict(jsonSchema), codec, read: reading(codec) }
}

// What JSON Schema says of JSON needs no service, and gives JSON back.
const isCodec = (schema: Schema.Constraint): schema is Schema.Codec<Schema.Json> => Schema.isSchema(schema)

const isOlder = (json: Schema.JsonObject) =>
  /draft-0[67]/.test(String(json["$schema"] ?? "")) ||
  (json["definitions"] !== undefined && json["$defs"] === undefined)

const detailOf = (cause: unknown) =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/\s*\n\s*/g, " ")

/**
 * The shape that a JSON Schema describes (draft 2020-12, or draft-07 where it says so). It is sent as it is.
 *
 * Fails with {@link SchemaRefused} for what cannot be checked: conditions (`if`, `not`, `dependentSchemas`), `contains`,
 * objects in `enum`, references outside `$defs`, a definition that refers to itself outside of members and items. `format` is sent and not checked, as is any keyword that JSON Schema
 * does not know. Patterns are run as they are: the schema must come from somebody who is trusted.
 */
export const fromJsonSchema = Effect.fnUntraced(function* (
  json: Schema.Json
): Effect.fn.Return<StructuredOutput<Schema.Json>, SchemaRefused> {
  const checked = yield* Effect.mapError(SchemaShape.check(json), (detail) => new SchemaRefused({ detail }))
  const endless = SelfReference.find(checked)
  if (endless !== undefined) {
    return yield* new SchemaRefused({
      detail: `its definition ${safe(endless, 40)} refers to itself, outside of any member or item`
    })
  }
  const schema = yield* Effect.try({
    try: () => {
      const document = isOlder(checked)
        ? JsonSchema.fromSchemaDraft07({ ...checked })
        : JsonSchema.fromSchemaDraft2020_12({ ...checked })
      return SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "apply" })
    },
    catch: (cause) => new SchemaRefused({ detail: detailOf(cause) })
  })
  if (!isCodec(schema)) return yield* new SchemaRefused({ detail: "it is no schema" })
  if (SchemaAST.isNever(schema.ast)) return yield* new SchemaRefused({ detail: "no answer can fit it" })
  const read = reading(schema)
  // Once, before anything is woken: what is wrong with a schema may show only when it is used.
  yield* Effect.try({
    try: () => read("null"),
    catch: (cause) => new SchemaRefused({ detail: detailOf(cause) })
  })
  return { jsonSchema: checked, isStrict: ClosedSchema.isStrict(checked), codec: schema, read }
})
