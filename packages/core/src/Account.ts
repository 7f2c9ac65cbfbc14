/**
 * Whose token it is. The hub limits this question strictly, so it is asked once and remembered.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { ApiError, InvalidRequest } from "./EndpointError.ts"
import * as ApiCall from "./internal/apiCall.ts"
import * as Secret from "./Secret.ts"

/**
 * What `GET /api/whoami-v2` says, as far as it is read here.
 */
export const Whoami = Schema.Struct({
  type: Schema.String,
  name: Schema.String,
  canPay: Schema.optionalKey(Schema.Boolean),
  orgs: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String })))
})

/** What `GET /api/whoami-v2` says, as far as it is read here. */
export type Whoami = typeof Whoami.Type

/** The account behind a token. */
export interface Account {
  /** Asked at most once; a failure is not remembered. */
  readonly whoami: Effect.Effect<Whoami, ApiError>
  /** The user's own name. A token of an organisation has none, and fails with the advice to name a namespace. */
  readonly defaultNamespace: Effect.Effect<string, ApiError>
}

/**
 * Makes an account that asks the hub when it is first needed.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly client: HttpClient.HttpClient
  readonly hubUrl: URL
  readonly token: Redacted.Redacted
}): Effect.fn.Return<Account> {
  const conceal = Secret.conceal(Redacted.value(options.token))
  const request = HttpClientRequest.get(new URL("/api/whoami-v2", options.hubUrl)).pipe(
    HttpClientRequest.acceptJson,
    HttpClientRequest.bearerToken(options.token)
  )
  const ask = options.client
    .execute(request)
    .pipe(
      Effect.flatMap(ApiCall.requireOk(conceal)),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Whoami)),
      ApiCall.toApiError({ method: "whoami" }, conceal),
      ApiCall.retryTransient
    )
  const whoami = yield* Effect.cachedWithTTL(ask, (exit) =>
    Exit.isSuccess(exit) ? Duration.infinity : Duration.zero
  )
  return {
    whoami,
    defaultNamespace: Effect.flatMap(whoami, (who) =>
      who.type === "user"
        ? Effect.succeed(who.name)
        : Effect.fail(
            new ApiError({
              method: "whoami",
              reason: new InvalidRequest({
                detail: `the token belongs to "${who.name}" (${who.type}), which has no namespace of its own: set HF_ENDPOINTS_NAMESPACE`
              })
            })
          )
    )
  }
})
