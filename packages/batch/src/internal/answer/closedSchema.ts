/**
 * A JSON Schema as engines take it: bounds in one place instead of `allOf`, no bounds that are those of numbers as such, an
 * object at the root.
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"

type Json = Schema.Json
type Members = Record<string, Json>

const isObject = (json: Json | undefined): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)
const isList = (json: Json | undefined): json is Schema.JsonArray => Array.isArray(json)

/** How two bounds of one kind are one. */
const joined: Record<string, (a: number, b: number) => number> = {
  minimum: Math.max,
  exclusiveMinimum: Math.max,
  minLength: Math.max,
  minItems: Math.max,
  maximum: Math.min,
  exclusiveMaximum: Math.min,
  maxLength: Math.min,
  maxItems: Math.min
}

const alone = new Set(["pattern", "format", "multipleOf", "uniqueItems"])

/** Takes a part of `allOf` into the schema itself; `false` where that would change what it says. */
const absorb = (into: Members, part: Schema.JsonObject): boolean => {
  const keys = Object.keys(part).filter((key) => key !== "description" && key !== "title")
  if (!keys.every((key) => key in joined || (alone.has(key) && !(key in into)))) return false
  for (const key of keys) {
    const mine = into[key]
    const theirs = part[key]
    const join = joined[key]
    if (theirs === undefined) continue
    into[key] =
      join !== undefined && typeof mine === "number" && typeof theirs === "number"
        ? join(mine, theirs)
        : theirs
  }
  if (into["description"] === undefined && part["description"] !== undefined) {
    into["description"] = part["description"]
  }
  return true
}

/** The same schema, simpler. */
const simplified = (json: Json): Json => {
  if (isList(json)) return json.map(simplified)
  if (!isObject(json)) return json
  const out: Members = {}
  for (const [key, value] of Object.entries(json)) {
    if (value === undefined || (key === "allOf" && isList(value))) continue
    out[key] = key === "enum" || key === "const" || key === "default" ? value : simplified(value)
  }
  const parts = json["allOf"]
  if (isList(parts)) {
    const rest = parts.map(simplified).filter((part) => !isObject(part) || !absorb(out, part))
    if (rest.length > 0) out["allOf"] = rest
  }
  // Every number that JSON can hold exactly: for a grammar nothing but work.
  if (out["minimum"] === Number.MIN_SAFE_INTEGER) delete out["minimum"]
  if (out["maximum"] === Number.MAX_SAFE_INTEGER) delete out["maximum"]
  return out
}

const isStrictHere = (schema: Schema.JsonObject): boolean => {
  if (schema["type"] !== "object" && schema["properties"] === undefined) return true
  const properties = schema["properties"]
  const required = schema["required"]
  if (schema["additionalProperties"] !== false) return false
  const names = isObject(properties) ? Object.keys(properties) : []
  return names.every((name) => isList(required) && required.includes(name))
}

/** Whether every object is closed and has all its properties: what OpenAI calls strict. */
export const isStrict = (json: Json): boolean => {
  if (isList(json)) return json.every(isStrict)
  if (!isObject(json)) return true
  return isStrictHere(json) && Object.values(json).every((value) => value === undefined || isStrict(value))
}

/** Puts definitions beside a schema, and what stands at its root in the root's place. */
export const rooted = (schema: Json, definitions: { readonly [name: string]: Json }): Schema.JsonObject => {
  const root = simplified(schema)
  const shared = Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, simplified(definition)])
  )
  const reference = isObject(root) ? root["$ref"] : undefined
  const target = typeof reference === "string" ? shared[reference.replace("#/$defs/", "")] : undefined
  const base = isObject(target) ? target : isObject(root) ? root : {}
  return Object.keys(shared).length === 0 ? base : { ...base, $defs: shared }
}
