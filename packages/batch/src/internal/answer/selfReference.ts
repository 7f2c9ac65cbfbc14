/**
 * Definitions of a JSON Schema that refer to themselves with nothing in between: to check an answer against one has no end.
 */
import * as Schema from "effect/Schema"

const isObject = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** The definitions that a schema is, or may be, without a step into a member or an item. */
const referredBy = (node: unknown): ReadonlyArray<string> => {
  if (!isObject(node)) return []
  const { $ref, allOf, anyOf, oneOf } = node
  const name = typeof $ref === "string" ? /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec($ref)?.[1] : undefined
  const others = [...listOf(allOf), ...listOf(anyOf), ...listOf(oneOf)].flatMap(referredBy)
  return name === undefined ? others : [name.replaceAll("~1", "/").replaceAll("~0", "~"), ...others]
}

/** The first definition that refers to itself; nothing where there is none. */
export const find = (schema: Schema.JsonObject): string | undefined => {
  const definitions = new Map(
    [schema["definitions"], schema["$defs"]].flatMap((some) => (isObject(some) ? Object.entries(some) : []))
  )
  const referred = new Map([...definitions].map(([name, node]) => [name, referredBy(node)]))
  return [...definitions.keys()].find((name) => {
    const seen = new Set<string>()
    const open = [...(referred.get(name) ?? [])]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === name) return true
      if (seen.has(next)) continue
      seen.add(next)
      open.push(...(referred.get(next) ?? []))
    }
    return false
  })
}
