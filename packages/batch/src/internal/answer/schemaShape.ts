/**
 * Whether JSON is a JSON Schema: a misspelled one would accept everything.
 */
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { fromIssue } from "./misfits.ts"

const Type = Schema.Literals(["string", "number", "integer", "boolean", "object", "array", "null"])
const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)

/** What a schema is beside its keywords, which are looked at one by one. */
interface Shape extends Schema.Codec<unknown, unknown> {}

const Node: Shape = Schema.Union([Schema.Boolean, Schema.suspend((): Shape => Keywords)])
const Nodes = Schema.Record(Schema.String, Node)
const Some = Schema.NonEmptyArray(Node)

const Keywords: Shape = Schema.Struct({
  $ref: optional(Schema.String),
  $defs: optional(Nodes),
  definitions: optional(Nodes),
  type: optional(Schema.Union([Type, Schema.NonEmptyArray(Type)])),
  enum: optional(Schema.NonEmptyArray(Schema.Json)),
  properties: optional(Nodes),
  patternProperties: optional(Nodes),
  additionalProperties: optional(Node),
  propertyNames: optional(Node),
  required: optional(Schema.Array(Schema.String)),
  items: optional(Schema.Union([Node, Schema.Array(Node)])),
  prefixItems: optional(Schema.Array(Node)),
  allOf: optional(Some),
  anyOf: optional(Some),
  oneOf: optional(Some),
  minLength: optional(Natural),
  maxLength: optional(Natural),
  pattern: optional(Schema.String),
  minItems: optional(Natural),
  maxItems: optional(Natural),
  uniqueItems: optional(Schema.Boolean),
  minProperties: optional(Natural),
  maxProperties: optional(Natural),
  minimum: optional(Schema.Finite),
  maximum: optional(Schema.Finite),
  exclusiveMinimum: optional(Schema.Finite),
  exclusiveMaximum: optional(Schema.Finite),
  multipleOf: optional(Schema.Finite.check(Schema.isGreaterThan(0)))
})

const fits = SchemaParser.decodeUnknownEffect(Keywords)
const isObject = Schema.is(Schema.JsonObject)

/** The schema itself, or what is wrong with it. */
export const check = Effect.fnUntraced(function* (
  json: Schema.Json
): Effect.fn.Return<Schema.JsonObject, string> {
  if (!isObject(json)) return yield* Effect.fail("a JSON Schema is an object")
  yield* Effect.mapError(fits(json), (issue) => fromIssue(issue).join("; "))
  return json
})

const Document = Schema.Struct({
  schema: Schema.Json,
  definitions: Schema.Record(Schema.String, Schema.Json)
})

/** A document that was made of a schema, as JSON. */
export const toJson: (document: JsonSchema.Document<"draft-2020-12">) => typeof Document.Type =
  Schema.decodeUnknownSync(Document)
