/**
 * The clients of the management API, and what every call has in common: a namespace, a deadline, retries, typed errors.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as Account from "../Account.ts"
import { CatalogApi, defaultCatalogUrl } from "../Catalog.ts"
import { ControlPlane, defaultApiUrl, defaultHubUrl } from "../ControlPlane.ts"
import { InvalidRequest, NotFound, QuotaExceeded } from "../EndpointError.ts"
import type { ApiError } from "../EndpointError.ts"
import * as EndpointName from "../EndpointName.ts"
import * as Secret from "../Secret.ts"
import * as ApiCall from "./apiCall.ts"

/** Where and as whom. */
export interface Options {
  readonly http: HttpClient.HttpClient
  readonly token: Redacted.Redacted
  readonly apiUrl: URL | undefined
  readonly hubUrl: URL | undefined
  readonly catalogUrl: URL | undefined
}

const trimmed = (url: URL) => url.href.replace(/\/$/, "")
const withoutVersion = (url: URL) => trimmed(url).replace(/\/v2$/, "")

/** The token alone says who asks; what else an address holds of names and passwords would be printed and recorded. */
const withoutUser = (given: URL): URL => {
  const url = new URL(given)
  url.username = ""
  url.password = ""
  return url
}

/** The API's clients and the account; shared by all namespaces. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const conceal = Secret.conceal(Redacted.value(options.token))
  const authorised = options.http.pipe(
    HttpClient.mapRequest(HttpClientRequest.bearerToken(options.token)),
    HttpClient.transformResponse(Effect.flatMap(ApiCall.requireOk(conceal)))
  )
  const apiUrl = withoutUser(options.apiUrl ?? defaultApiUrl)
  const api = yield* HttpApiClient.makeWith(ControlPlane, {
    baseUrl: withoutVersion(apiUrl),
    httpClient: authorised
  })
  const { catalog } = yield* HttpApiClient.makeWith(CatalogApi, {
    baseUrl: trimmed(withoutUser(options.catalogUrl ?? defaultCatalogUrl)),
    httpClient: authorised
  })
  const account = yield* Account.make({
    client: options.http,
    hubUrl: withoutUser(options.hubUrl ?? defaultHubUrl),
    token: options.token
  })
  return { api, apiUrl, catalog, account, http: options.http, token: options.token, conceal }
})

/** The API's clients and the account. */
export type Connection = Effect.Success<ReturnType<typeof make>>

/** What a route about one endpoint is called with. */
export interface Named {
  readonly params: { readonly namespace: string; readonly name: string }
}

/** Calls within one namespace. */
export const calls = (namespace: Effect.Effect<string, ApiError>, conceal: ApiCall.Conceal) => {
  /** A call about the namespace as a whole, sent once. */
  const inNamespaceOnce = <A, E extends ApiCall.CallFailure>(
    method: string,
    send: (namespace: string) => Effect.Effect<A, E>
  ): Effect.Effect<A, ApiError> =>
    Effect.flatMap(namespace, (ns) => ApiCall.toApiError({ method, namespace: ns }, conceal)(send(ns)))

  /** The same, tried again while it may help. */
  const inNamespace = <A, E extends ApiCall.CallFailure>(
    method: string,
    send: (namespace: string) => Effect.Effect<A, E>
  ): Effect.Effect<A, ApiError> => ApiCall.retryTransient(inNamespaceOnce(method, send))

  /** A call about one endpoint, sent once. The name is checked before it. */
  const once = <A, E extends ApiCall.CallFailure>(
    method: string,
    name: string,
    send: (request: Named) => Effect.Effect<A, E>
  ): Effect.Effect<A, ApiError> =>
    Effect.flatMap(namespace, (ns) => {
      const call = { method, namespace: ns, name }
      return EndpointName.isValid(name)
        ? Effect.andThen(
            Effect.annotateCurrentSpan({ "stint.endpoint.namespace": ns, "stint.endpoint.name": name }),
            ApiCall.toApiError(call, conceal)(send({ params: { namespace: ns, name } }))
          )
        : Effect.fail(
            ApiCall.apiError(
              call,
              new InvalidRequest({ detail: "a name is 1 to 32 lowercase letters, digits or hyphens" })
            )
          )
    })

  /** A call about one endpoint, tried again while it may help. */
  const call = <A, E extends ApiCall.CallFailure>(
    method: string,
    name: string,
    send: (request: Named) => Effect.Effect<A, E>
  ): Effect.Effect<A, ApiError> => ApiCall.retryTransient(once(method, name, send))

  /** The same, of an endpoint that should exist. */
  const existing = <A, E extends ApiCall.CallFailure>(
    method: string,
    name: string,
    send: (request: Named) => Effect.Effect<A, E>
  ): Effect.Effect<A, NotFound | ApiError> => Effect.mapError(call(method, name, send), notFound(name))

  return { inNamespace, inNamespaceOnce, once, call, existing }
}

/** Calls within one namespace. */
export type Calls = ReturnType<typeof calls>

/** Whether a 409 speaks of the quota rather than of the name. */
export const isQuota = (error: ApiError): boolean =>
  error.reason.status === 409 && /quota/i.test(error.reason.detail ?? "")

/** What the server said, for an error that is more than its reason. */
export const answerOf = ({ reason: { status, detail, requestId } }: ApiError) => ({
  status,
  detail,
  requestId
})

/** A 409 about the quota, as the error that it is. */
export const quotaExceeded =
  (name: string) =>
  (error: ApiError): ApiError | QuotaExceeded =>
    isQuota(error) ? new QuotaExceeded({ namespace: error.namespace, name, ...answerOf(error) }) : error

/** A 404 about an endpoint, as the error that it is. */
export const notFound =
  (name: string) =>
  (error: ApiError): ApiError | NotFound =>
    error.reason.status === 404
      ? new NotFound({ namespace: error.namespace, name, ...answerOf(error) })
      : error

/** A 400 that says that there is nothing to do. */
export const isAlreadyRunning = (error: ApiError): boolean =>
  error.reason.status === 400 && /already running/i.test(error.reason.detail ?? "")
