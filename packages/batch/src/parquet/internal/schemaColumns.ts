/**
 * Which columns a schema is decoded from.
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as RowGroups from "./rowGroups.ts"

/** The columns that a schema names; all of them if it names none. */
export const of = (schema: Schema.ConstraintCodec<unknown, unknown>): RowGroups.Options => {
  const encoded = SchemaAST.toEncoded(schema.ast)
  if (!SchemaAST.isObjects(encoded) || encoded.indexSignatures.length > 0) return {}
  const named = (isOptional: boolean) =>
    encoded.propertySignatures.flatMap(({ name, type }) =>
      typeof name === "string" && SchemaAST.isOptional(type) === isOptional ? [name] : []
    )
  return { wanted: named(false), optional: named(true) }
}
