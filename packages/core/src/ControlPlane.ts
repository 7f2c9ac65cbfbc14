/**
 * The wire contract of the management API, written once: the client in `Endpoints` is derived from it, and the
 * emulator implements it.
 *
 * @source https://api.endpoints.huggingface.cloud/openapi.json, as recorded by its users
 */
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Endpoint from "./Endpoint.ts"
import * as EndpointMetrics from "./EndpointMetrics.ts"
import { CreateBody } from "./EndpointSpec.ts"
import * as Hardware from "./HardwareCatalogue.ts"
import * as Logs from "./Logs.ts"

const body = { error: Schema.String, code: Schema.String }

/** 400: validation, capacity, or "already running". */
export class BadRequest extends Schema.Error<BadRequest>("@stint/core/ControlPlane/BadRequest")(
  { _tag: Schema.tagDefaultOmit("BadRequest"), ...body },
  { httpApiStatus: 400 }
) {}
/** 401: no token, or a wrong one. */
export class Unauthorized extends Schema.Error<Unauthorized>("@stint/core/ControlPlane/Unauthorized")(
  { _tag: Schema.tagDefaultOmit("Unauthorized"), ...body },
  { httpApiStatus: 401 }
) {}
/** 403: the token lacks a permission, or the namespace a payment method. */
export class Forbidden extends Schema.Error<Forbidden>("@stint/core/ControlPlane/Forbidden")(
  { _tag: Schema.tagDefaultOmit("Forbidden"), ...body },
  { httpApiStatus: 403 }
) {}
/** 404: no such endpoint. */
export class Missing extends Schema.Error<Missing>("@stint/core/ControlPlane/Missing")(
  { _tag: Schema.tagDefaultOmit("Missing"), ...body },
  { httpApiStatus: 404 }
) {}
/** 409: the name exists, or the quota is used up; the text tells which. */
export class Conflict extends Schema.Error<Conflict>("@stint/core/ControlPlane/Conflict")(
  { _tag: Schema.tagDefaultOmit("Conflict"), ...body },
  { httpApiStatus: 409 }
) {}

/** The refusals that the contract declares. */
export type Rejection = BadRequest | Unauthorized | Forbidden | Missing | Conflict | NotSupported

const refusals = [BadRequest, Unauthorized, Forbidden, Missing, Conflict] as const

const namespace = { namespace: Schema.String }
const named = { namespace: Schema.String, name: Schema.String }

/** One page of a list: 20 endpoints unless `limit` says otherwise, and a cursor while there are more. */
export const Page = Schema.Struct({
  items: Schema.Array(Endpoint.FromJson),
  nextCursor: Schema.optionalKey(Schema.NullOr(Schema.String)),
  totalItems: Schema.optionalKey(Schema.NullOr(Schema.Finite))
})

const answer = { success: Endpoint.FromJson, error: refusals }

/** The routes below `/v2/endpoint`. */
export const group = HttpApiGroup.make("endpoints")
  .add(
    HttpApiEndpoint.get("list", "/:namespace", {
      params: namespace,
      query: {
        search: Schema.optionalKey(Schema.String),
        tags: Schema.optionalKey(Schema.String),
        cursor: Schema.optionalKey(Schema.String),
        limit: Schema.optionalKey(Schema.FiniteFromString)
      },
      success: Page,
      error: refusals
    }),
    HttpApiEndpoint.post("create", "/:namespace", { params: namespace, payload: CreateBody, ...answer }),
    HttpApiEndpoint.get("get", "/:namespace/:name", { params: named, ...answer }),
    HttpApiEndpoint.put("update", "/:namespace/:name", {
      params: named,
      payload: Schema.Record(Schema.String, Schema.Json),
      ...answer
    }),
    HttpApiEndpoint.delete("delete", "/:namespace/:name", {
      params: named,
      success: Schema.Struct({}),
      error: refusals
    }),
    HttpApiEndpoint.post("pause", "/:namespace/:name/pause", { params: named, ...answer }),
    HttpApiEndpoint.post("resume", "/:namespace/:name/resume", { params: named, ...answer }),
    HttpApiEndpoint.post("scaleToZero", "/:namespace/:name/scale-to-zero", { params: named, ...answer })
  )
  .prefix("/v2/endpoint")

const text = Schema.String.pipe(HttpApiSchema.asText())
const eventStream = HttpApiSchema.StreamUint8Array({ contentType: "text/event-stream" })

/** One replica: a running container. */
export const Replica = Schema.Struct({
  id: Schema.String,
  status: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        stage: Schema.optionalKey(Schema.NullOr(Schema.String)),
        live: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
      })
    )
  )
})

/** One replica: a running container. */
export type Replica = typeof Replica.Type

/** 501: this deployment keeps no structured log. */
export class NotSupported extends Schema.Error<NotSupported>("@stint/core/ControlPlane/NotSupported")(
  { _tag: Schema.tagDefaultOmit("NotSupported"), ...body },
  { httpApiStatus: 501 }
) {}

/** What can be watched of an endpoint: replicas, logs, metrics. */
export const observation = HttpApiGroup.make("observation").add(
  HttpApiEndpoint.get("replicas", "/v2/endpoint/:namespace/:name/replica", {
    params: named,
    success: Schema.Struct({ items: Schema.Array(Replica) }),
    error: refusals
  }),
  HttpApiEndpoint.get("logs", "/v2/endpoint/:namespace/:name/logs", {
    params: named,
    query: Logs.TextQuery,
    success: text,
    error: refusals
  }),
  HttpApiEndpoint.get("followLogs", "/v2/endpoint/:namespace/:name/logs/sse", {
    params: named,
    query: Logs.TextQuery,
    success: eventStream,
    error: refusals
  }),
  HttpApiEndpoint.get("records", "/v3/endpoint/:namespace/:name/logs", {
    params: named,
    query: Logs.RecordQuery,
    success: Schema.Array(Logs.LogRecord),
    error: [...refusals, NotSupported] as const
  }),
  HttpApiEndpoint.get("followRecords", "/v3/endpoint/:namespace/:name/logs/sse", {
    params: named,
    query: Logs.FollowQuery,
    success: eventStream,
    error: [...refusals, NotSupported] as const
  }),
  HttpApiEndpoint.post("metrics", "/v2/endpoint/:namespace/:name/metrics", {
    params: named,
    payload: EndpointMetrics.Window,
    success: EndpointMetrics.AllGraphs,
    error: refusals
  }),
  HttpApiEndpoint.get("openMetrics", "/v2/endpoint/:namespace/:name/open-metrics", {
    params: named,
    success: text,
    error: refusals
  })
)

/** The hardware catalogue and the quotas. */
export const providers = HttpApiGroup.make("providers").add(
  HttpApiEndpoint.get("public", "/v2/provider", { success: Hardware.Vendors, error: refusals }),
  HttpApiEndpoint.get("list", "/v2/provider/:namespace", {
    params: namespace,
    success: Hardware.Vendors,
    error: refusals
  }),
  HttpApiEndpoint.get("quotas", "/v2/provider/quotas/:namespace", {
    params: namespace,
    success: Hardware.Quotas,
    error: refusals
  })
)

/** The management API. Its base URL is the host alone; the version is part of each path. */
export class ControlPlane extends HttpApi.make("@stint/core/ControlPlane")
  .add(group)
  .add(observation)
  .add(providers) {}

/** Hugging Face's own management API. */
export const defaultApiUrl = new URL("https://api.endpoints.huggingface.cloud/v2")

/** The hub, which knows whose token it is. */
export const defaultHubUrl = new URL("https://huggingface.co")
