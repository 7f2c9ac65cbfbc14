/**
 * What is JSON beyond doubt, found by hand: a schema takes as long over each number as its JSON took to parse.
 *
 * Whatever these are not sure of is left to the schema.
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** By index: what walks an array for its members passes over holes, and takes ten times as long. */
const areFinite = (list: ReadonlyArray<unknown>): list is ReadonlyArray<number> => {
  for (let at = 0; at < list.length; at++) if (!Number.isFinite(list[at])) return false
  return true
}

/** An array of finite numbers, as JSON gives it: without holes, and of no other class. */
export const isFiniteList = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype && areFinite(value)

/** As deep as answers are; what goes in a circle ends here. */
const DEPTH = 4

/** JSON, no deeper than `depth`. */
export const isFlatJson = (value: unknown, depth = DEPTH): value is Schema.Json => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value)
    case "object":
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth === 0) return false
  if (Array.isArray(value)) {
    if (typeof value[0] === "number") return areFinite(value)
    for (let at = 0; at < value.length; at++) if (!isFlatJson(value[at], depth - 1)) return false
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  const members: ReadonlyArray<unknown> = Object.values(value)
  return members.every((member) => isFlatJson(member, depth - 1))
}

/** Whether this is `Schema.Array(Schema.Finite)`, and nothing more. */
export const takesFiniteLists = ({ ast }: Schema.Constraint): boolean =>
  SchemaAST.isArrays(ast) &&
  ast.elements.length === 0 &&
  ast.rest.length === 1 &&
  ast.rest[0] === Schema.Finite.ast &&
  [ast.annotations, ast.checks, ast.encodingChecks, ast.encoding].every((each) => each === undefined)

/** Whether this is `Schema.Json`. */
export const takesJson = ({ ast }: Schema.Constraint): boolean => ast === Schema.Json.ast
