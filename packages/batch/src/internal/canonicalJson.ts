import type * as Schema from "effect/Schema"

/**
 * JSON with the keys of every object in order, so that two spellings of one request have one fingerprint.
 */
export const canonicalJson = (json: Schema.Json): string => {
  if (typeof json !== "object" || json === null) return JSON.stringify(json)
  if (isArray(json)) return `[${json.map(canonicalJson).join(",")}]`
  const members = Object.keys(json)
    .toSorted()
    .flatMap((key) => {
      const value = json[key]
      return value === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(value)}`]
    })
  return `{${members.join(",")}}`
}

const isArray = (json: Schema.JsonArray | Schema.JsonObject): json is Schema.JsonArray => Array.isArray(json)
