/**
 * Where two specs ask for different endpoints.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import { canonicalJson } from "../canonicalJson.ts"

/** The first field that differs, and what each asks for: as a text for a person, without secrets. */
export interface Difference {
  readonly field: string
  readonly held: string
  readonly wanted: string
}

/** Values that may be secrets are compared and never shown. */
const isPrivate = (path: string) => /(^|\.)(secrets|env|credentials)(\.|$)/.test(path)

const toJson = Schema.decodeUnknownSync(Schema.Json)

const isObject = (json: Schema.Json | undefined): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

const show = (path: string, json: Schema.Json | undefined) =>
  json === undefined || json === null ? "nothing" : isPrivate(path) ? "(hidden)" : canonicalJson(json)

const compare = (
  path: string,
  held: Schema.Json | undefined,
  wanted: Schema.Json | undefined
): Difference | undefined => {
  if (isObject(held) && isObject(wanted)) {
    const keys = [...new Set([...Object.keys(held), ...Object.keys(wanted)])].toSorted()
    for (const key of keys) {
      const difference = compare(path === "" ? key : `${path}.${key}`, held[key], wanted[key])
      if (difference !== undefined) return difference
    }
    return undefined
  }
  const [left, right] = [held ?? null, wanted ?? null]
  return canonicalJson(left) === canonicalJson(right)
    ? undefined
    : { field: path, held: show(path, held), wanted: show(path, wanted) }
}

/** The first difference between what two specs would send; `undefined` where they ask for the same. */
export const between = (
  held: EndpointSpec.EndpointSpec,
  wanted: EndpointSpec.EndpointSpec
): Difference | undefined =>
  compare("", toJson(EndpointSpec.toCreateBody("", held)), toJson(EndpointSpec.toCreateBody("", wanted)))
