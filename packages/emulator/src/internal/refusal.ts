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
