/**
 * What was asked for and is not there: the server drops a field it does not know without a word.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Endpoint } from "../Endpoint.ts"
import { toCreateBody } from "../EndpointBody.ts"
import type { EndpointSpec } from "../EndpointSpec.ts"

/** One field: where it is in the API's body, what was asked, and what the server has (`undefined`: nothing). */
export interface Drift {
  readonly path: string
  readonly asked: Schema.Json
  readonly answered: Schema.Json | undefined
}

/** Answered otherwise on purpose: revisions are resolved, secrets and passwords are kept back. */
const resolved = new Set(["name", "model.revision", "model.secrets"])

const isObject = (json: Schema.Json | undefined): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

const isSame = Schema.toEquivalence(Schema.Json)

const compare = (
  path: string,
  asked: Schema.Json,
  answered: Schema.Json | undefined
): ReadonlyArray<Drift> => {
  if (asked === null || resolved.has(path) || path.endsWith(".credentials")) return []
  if (isObject(asked) && (answered === undefined || isObject(answered))) {
    return Object.entries(asked).flatMap(([key, value]) =>
      value === undefined ? [] : compare(path === "" ? key : `${path}.${key}`, value, answered?.[key])
    )
  }
  if (answered !== undefined && isSame(asked, answered)) return []
  if (path === "type" && asked === "authenticated" && answered === "protected") return []
  return [{ path, asked, answered }]
}

/**
 * The fields of a spec that an endpoint does not have as asked. Empty: nothing was dropped.
 *
 * **Example** (Warning about what was dropped)
 *
 * ```ts
 * import { type Endpoint, EndpointSpec } from "@stint/core"
 *
 * const warn = (spec: EndpointSpec.EndpointSpec, endpoint: Endpoint.Endpoint) =>
 *   EndpointSpec.drift(spec, endpoint).map(({ path, asked }) => `${path}: ${asked} was dropped`)
 * ```
 */
export const drift = (spec: EndpointSpec, endpoint: Endpoint): ReadonlyArray<Drift> => {
  const body = toJson(toCreateBody(endpoint.name, spec))
  return compare("", body, endpoint.raw)
}

const toJson = Schema.decodeUnknownSync(Schema.Json)
