/** The proxy's and the management API's error body, `{"error", "code"}`, in one place. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** An answer that refuses. */
export const refusal = (status: number, error: string, code: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ error, code }, { status })

/** 401, on every plane and route. */
export const unauthorized = refusal(401, "401 Unauthorized", "UNAUTHORIZED")

/** 404 of a path that means nothing, or of an endpoint that is gone. */
export const notFound = refusal(404, "404 Not Found", "NOT_FOUND")

/** 403 of a real token that lacks a permission. */
export const missingPermission = (permission: string): HttpServerResponse.HttpServerResponse =>
  refusal(403, `missing permissions: ${permission}`, "FORBIDDEN")

/** 503 while there is no replica: at once, and without a hint how long. */
export const cold = refusal(503, "503 Service Unavailable", "SERVICE_UNAVAILABLE")

/** 502 of a request whose replica went away. */
export const badGateway = refusal(502, "502 Bad Gateway", "BAD_GATEWAY")

/** 400 of a request to a paused endpoint. */
export const paused = refusal(
  400,
  "Bad Request: The endpoint is paused, ask a maintainer to restart it",
  "BAD_REQUEST"
)
