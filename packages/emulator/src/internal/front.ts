/** Management API and hub as one application, with every failure in the API's own error body. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
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
import { type Account, stranger } from "./account.ts"
import { unreadable } from "./body.ts"
import * as Catalog from "./catalog.ts"
import type { Datasets } from "./datasets.ts"
import type { Choose } from "./engines.ts"
import type { Faults } from "./faults.ts"
import * as Graph from "./graphRoute.ts"
import * as Hub from "./hub.ts"
import type { Lifecycle } from "./lifecycle.ts"
import * as Management from "./management.ts"
import * as Observation from "./observation.ts"
import * as Permit from "./permit.ts"
import * as Providers from "./providers.ts"
import type { RateLimit } from "./rateLimit.ts"
import * as Refusal from "./refusal.ts"
import type { RequestLog } from "./requestLog.ts"
import * as Route from "./route.ts"
import type { Store } from "./store.ts"
import type { App } from "./wire.ts"

const broken = Refusal.refusal(500, "500 Internal Server Error", "INTERNAL_SERVER_ERROR")

const explain = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (isHttpServerError(error) && error.reason._tag === "RouteNotFound")
    return Effect.succeed(Refusal.notFound)
  if (HttpApiSchemaError.is(error)) {
    if (error.kind === "Query" || error.kind === "Params")
      return Effect.succeed(
        Refusal.refusal(400, `${error.kind}: ${error.cause.message}`, "VALIDATION_FAILED")
      )
    if (error.kind === "Payload") {
      const { code, error: text } = unreadable(error.cause.message)
      return Effect.succeed(Refusal.refusal(400, text, code))
    }
  }
  return Effect.as(Effect.logError("the emulator failed to answer", cause), broken)
}

/** Builds the application. */
export const make = Effect.fnUntraced(function* (options: {
  readonly account: Account
  readonly access: Access
  readonly choose: Choose
  readonly datasets: Datasets
  readonly origins: () => { readonly hub: string; readonly cdn: string }
  readonly faults: Faults
  readonly lifecycle: Lifecycle
  readonly rateLimit: RateLimit
  readonly store: Store
  readonly log: RequestLog
}): Effect.fn.Return<
  App,
  never,
  Etag.Generator | FileSystem.FileSystem | HttpPlatform.HttpPlatform | Path.Path | Scope.Scope
> {
  const { faults, lifecycle, log, rateLimit, store } = options
  const parts = { ...options, limits: store.limits, permit: Permit.make(options) }
  const routed = yield* HttpRouter.toHttpEffect(
    Layer.mergeAll(
      Layer.provide(HttpApiBuilder.layer(ControlPlane), [
        Management.layer(parts),
        Observation.layer(parts),
        Providers.layer(parts)
      ]),
      Layer.provide(HttpApiBuilder.layer(Catalog.api), Catalog.layer(parts)),
      Graph.layer(parts),
      Hub.layer(options)
    )
  )
  const answered: App = Effect.catchCause(Effect.scoped(routed), (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : explain(cause)
  )

  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = Engine.path(request)
    const subject = { ...Route.of(request.method, path), method: request.method, path }
    const { endpoint, plane } = subject
    const blows = {
      setState: (state: string, message: string | undefined) =>
        Effect.gen(function* () {
          const namespace = path.split("/")[3] ?? ""
          const held = yield* store.get(namespace, endpoint ?? "")
          yield* lifecycle.force(held, stranger, { state, message })
        }).pipe(Effect.ignore)
    }
    return yield* answered.pipe(
      faults.around(subject, blows),
      plane === "hub" ? identity : rateLimit(request),
      log.around({ plane, request, endpoint })
    )
  })
})
