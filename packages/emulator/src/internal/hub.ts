/** The hub, as far as endpoints need it: whose token is it? */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Access } from "./access.ts"
import { type Account, whoami } from "./account.ts"

/** The path of the one route. */
export const path = "/api/whoami-v2"

// The hub's own error body has no code.
const unauthorized = HttpServerResponse.jsonUnsafe(
  { error: "Invalid username or password." },
  { status: 401 }
)

/** Adds `GET /api/whoami-v2` to the router. */
export const layer = (options: {
  readonly account: Account
  readonly access: Access
}): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.add("GET", path, (request) =>
    Effect.succeed(
      options.access(request.headers["authorization"]) === undefined
        ? unauthorized
        : HttpServerResponse.jsonUnsafe(whoami(options.account))
    )
  )
