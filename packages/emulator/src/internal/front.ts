/** Management API and hub as one application, with every failure in the API's own error body. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import type * as Etag from "effect/http/Etag"
import type * as HttpPlatform from "effect/http/HttpPlatform"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import { ControlPlane } from "@stint/core/ControlPlane"
import * as Engine from "../Engine.ts"
import type { Access } from "./access.ts"
import type { Account } from "./account.ts"
import type { App } from "./dataPlane.ts"
import type { Choose } from "./engines.ts"
import * as Hub from "./hub.ts"
import type { Lifecycle } from "./lifecycle.ts"
import * as Management from "./management.ts"
import * as Refusal from "./refusal.ts"
import type { RequestLog } from "./requestLog.ts"
import type { Store } from "./store.ts"

const endpointIn = (path: string): string | undefined => /^\/v\d+\/endpoint\/[^/]+\/([^/]+)/.exec(path)?.[1]

const broken = Refusal.refusal(500, "500 Internal Server Error", "INTERNAL_SERVER_ERROR")

const explain = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (isHttpServerError(error) && error.reason._tag === "RouteNotFound")
    return Effect.succeed(Refusal.notFound)
  if (HttpApiSchemaError.is(error) && (error.kind === "Query" || error.kind === "Params"))
    return Effect.succeed(Refusal.refusal(400, `${error.kind}: ${error.cause.message}`, "VALIDATION_FAILED"))
  return Effect.as(Effect.logError("the emulator failed to answer", cause), broken)
}

/** Builds the application. */
export const make = Effect.fnUntraced(function* (options: {
  readonly account: Account
  readonly access: Access
  readonly choose: Choose
  readonly lifecycle: Lifecycle
  readonly store: Store
  readonly log: RequestLog
}): Effect.fn.Return<
  App,
  never,
  Etag.Generator | FileSystem.FileSystem | HttpPlatform.HttpPlatform | Path.Path | Scope.Scope
> {
  const routed = yield* HttpRouter.toHttpEffect(
    Layer.merge(
      Layer.provide(HttpApiBuilder.layer(ControlPlane), Management.layer(options)),
      Hub.layer(options)
    )
  )
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = Engine.path(request)
    const plane = path === Hub.path ? "hub" : "management"
    return yield* Effect.scoped(routed).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : explain(cause)
      ),
      Effect.orDie,
      options.log.around({ plane, request, endpoint: endpointIn(path) })
    )
  })
})
