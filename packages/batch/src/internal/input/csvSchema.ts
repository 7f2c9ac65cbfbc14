/**
 * What a schema asks of the columns of CSV, whose cells are all text.
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

const isText = (name: PropertyKey): name is string => typeof name === "string"

/** The schema as it reads texts: a number from its digits, a date from its text. */
export const ofTexts = <S extends Schema.ConstraintCodec<unknown, unknown>>(schema: S) => {
  const codec = Schema.toCodecStringTree(schema)
  const encoded = SchemaAST.toEncoded(codec.ast)
  const columns =
    SchemaAST.isObjects(encoded) && encoded.indexSignatures.length === 0
      ? encoded.propertySignatures
      : undefined
  return {
    codec,
    /** The columns that must be there; nothing if the schema does not say. */
    wanted: columns
      ?.filter(({ type }) => !SchemaAST.isOptional(type))
      .map(({ name }) => name)
      .filter(isText),
    optional: columns
      ?.filter(({ type }) => SchemaAST.isOptional(type))
      .map(({ name }) => name)
      .filter(isText)
  }
}
