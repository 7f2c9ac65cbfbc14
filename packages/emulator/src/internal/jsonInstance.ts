/** The smallest JSON that a simple JSON Schema allows: what stands in for a model that follows a schema. */
import * as Schema from "effect/Schema"

const isObject = Schema.is(Schema.JsonObject)
const isString = Schema.is(Schema.String)
const isNumber = Schema.is(Schema.Finite)

// Deeper than any schema that is not recursive.
const deepest = 16

const pointed = (root: Schema.Json, reference: string): Schema.Json | undefined => {
  let at: Schema.Json | undefined = root
  for (const key of reference.replace(/^#\/?/, "").split("/")) {
    if (key === "") continue
    at = isObject(at) ? at[key.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined
  }
  return at
}

const lengthened = (least: Schema.Json | undefined): string =>
  isNumber(least) ? "a".repeat(Math.max(0, Math.min(1000, Math.ceil(least)))) : ""

const formats: Readonly<Record<string, string>> = {
  "date-time": "2000-01-01T00:00:00Z",
  date: "2000-01-01",
  time: "00:00:00Z",
  email: "a@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000"
}

/**
 * Makes the instance: of `const`, `default`, the first of `enum`, `anyOf` and `oneOf`, `allOf` merged,
 * `$ref` within the schema, required properties, as many items and characters as are asked for, and numbers
 * within their bounds. Patterns and conditions are not looked at.
 */
export const make = (schema: Schema.Json): Schema.Json => {
  const build = (at: Schema.Json | undefined, depth: number): Schema.Json => {
    if (!isObject(at) || depth > deepest) return null
    const reference = at["$ref"]
    if (isString(reference)) return build(pointed(schema, reference), depth + 1)
    for (const key of ["const", "default"]) if (at[key] !== undefined) return at[key]
    for (const key of ["enum", "anyOf", "oneOf", "allOf"]) {
      const options = at[key]
      if (!Array.isArray(options) || options.length === 0) continue
      const [first = null]: ReadonlyArray<Schema.Json> = options
      if (key === "enum") return first
      if (key !== "allOf") return build(first, depth + 1)
      const made = options.map((option: Schema.Json) => build(option, depth + 1))
      return made.every(isObject) ? Object.assign({}, ...made) : (made[0] ?? null)
    }
    const types = at["type"]
    const type: Schema.Json | undefined = Array.isArray(types) ? types[0] : types
    if (type === "object" || (type === undefined && isObject(at["properties"]))) return object(at, depth)
    if (type === "array") {
      const least = at["minItems"]
      const length = isNumber(least) ? Math.min(1000, least) : 0
      return Array.from({ length }, () => build(at["items"], depth + 1))
    }
    if (type === "string") {
      const format = at["format"]
      return (isString(format) ? formats[format] : undefined) ?? lengthened(at["minLength"])
    }
    if (type === "number" || type === "integer") return number(at)
    return type === "boolean" ? false : null
  }

  const object = (at: Schema.JsonObject, depth: number): Schema.Json => {
    const required = at["required"]
    const properties = at["properties"]
    const names = Array.isArray(required) ? required.filter(isString) : []
    return Object.fromEntries(
      names.map((name) => [name, build(isObject(properties) ? properties[name] : undefined, depth + 1)])
    )
  }

  const number = (at: Schema.JsonObject): number => {
    const { exclusiveMaximum, exclusiveMinimum, maximum, minimum } = at
    const least = isNumber(exclusiveMinimum) ? exclusiveMinimum + 1 : isNumber(minimum) ? minimum : -Infinity
    const most = isNumber(exclusiveMaximum) ? exclusiveMaximum - 1 : isNumber(maximum) ? maximum : Infinity
    const nearest = Math.max(least, Math.min(most, 0))
    return at["type"] === "integer" ? Math.ceil(nearest) : nearest
  }

  return build(schema, 0)
}
