/** The hub: whose token is it, and its datasets. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Access } from "./access.ts"
import { type Account, whoami } from "./account.ts"
import type { Datasets } from "./datasets.ts"
import * as HubDatasets from "./hubDatasets.ts"

/** The path of the question whose a token is. */
export const path = "/api/whoami-v2"

// The hub's own error body has no code.
const unauthorized = HttpServerResponse.jsonUnsafe(
  { error: "Invalid username or password." },
  { status: 401 }
)

/** Adds `GET /api/whoami-v2` and the routes of datasets to the router. */
export const layer = (options: {
  readonly account: Account
  readonly access: Access
  readonly datasets: Datasets
  readonly origins: () => { readonly hub: string; readonly cdn: string }
}): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  Layer.merge(
    HubDatasets.layer(options),
    HttpRouter.add("GET", path, (request) =>
      Effect.succeed(
        options.access(request.headers["authorization"]) === undefined
          ? unauthorized
          : HttpServerResponse.jsonUnsafe(whoami(options.account))
      )
    )
  )
