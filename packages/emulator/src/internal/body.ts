/** Reading and merging the JSON bodies of the management API. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import { BadRequest } from "@stint/core/ControlPlane"

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Schema.Json }

const isJsonObject = Schema.is(Schema.JsonObject)

/** A value if it is an object, else an empty one. */
export const objectOf = (json: Schema.Json | undefined): JsonObject => (isJsonObject(json) ? json : {})

const parseJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

/** The 400 of a body that is no JSON, or JSON of another shape. */
export const unreadable = (reason: string) =>
  new BadRequest({ error: `Failed to parse the request body as JSON: ${reason}`, code: "BAD_REQUEST" })

const limit = ByteSize.mebibytes(2)

/** Reads a request's body as a JSON object. */
export const read = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest
): Effect.fn.Return<JsonObject, BadRequest> {
  const text = yield* request.text.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, limit),
    Effect.mapError(() => unreadable("the body could not be read, or is larger than 2 MiB"))
  )
  const json = yield* Effect.mapError(parseJson(text), (error) => unreadable(error.message))
  return isJsonObject(json) ? json : yield* unreadable("invalid type, expected a map")
})

const replacedWhole = new Set([
  "model.image",
  "model.args",
  "model.command",
  "model.env",
  "model.secrets",
  "compute.scaling.measure"
])

/** Fields that an endpoint always has. Older clients send `null` for those they leave alone. */
const neverNull = new Set([
  "compute.accelerator",
  "compute.instanceType",
  "compute.instanceSize",
  "compute.scaling.minReplica",
  "compute.scaling.maxReplica",
  "model.repository",
  "model.framework"
])

/** Merges a PUT's body into what was sent before: objects by field, some as a whole. */
export const merge = (base: JsonObject, patch: JsonObject, at = ""): JsonObject => {
  const merged: Record<string, Schema.Json> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    const path = at === "" ? key : `${at}.${key}`
    if (value === null && neverNull.has(path)) continue
    const old = base[key]
    merged[key] =
      isJsonObject(value) && isJsonObject(old) && !replacedWhole.has(path) ? merge(old, value, path) : value
  }
  return merged
}
