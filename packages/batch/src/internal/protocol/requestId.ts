import type * as Headers from "effect/http/Headers"

/** By which id the endpoint's side knows an answer. */
export const requestIdOf = (headers: Headers.Headers): string | undefined =>
  headers["x-request-id"] ?? headers["x-amzn-trace-id"]
