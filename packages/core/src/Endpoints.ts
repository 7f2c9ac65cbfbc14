/**
 * The management API as a service.
 *
 * Every call has a deadline, is retried while the failure is transient, and fails with a typed error that names the
 * endpoint and the next step.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as Account from "./Account.ts"
import { ControlPlane, defaultApiUrl, defaultHubUrl } from "./ControlPlane.ts"
import * as Credentials from "./Credentials.ts"
import type { Endpoint } from "./Endpoint.ts"
import * as EndpointError from "./EndpointError.ts"
import * as EndpointSpec from "./EndpointSpec.ts"
import * as ApiCall from "./internal/apiCall.ts"
import * as Readiness from "./internal/readiness.ts"
import * as Policy from "./Policy.ts"

type ApiError = EndpointError.ApiError
type NotFound = EndpointError.NotFound

/** What to list. `search` is a part of the name; `pageSize` is at most 100. */
export interface ListOptions {
  readonly search?: string | undefined
  readonly tags?: ReadonlyArray<string> | undefined
  readonly pageSize?: number | undefined
}

/** How long to wait for an endpoint. Default: 20 minutes. There is always a deadline. */
export interface AwaitReadyOptions {
  readonly timeout?: Duration.Input | undefined
  /** Whether the endpoint was awake before: then "paused" is somebody's decision at first sight, and no start-up lag. */
  readonly wasAwake?: boolean | undefined
  /** Called with the endpoint at first sight and each time that its status changes. */
  readonly onChange?: ((endpoint: Endpoint) => Effect.Effect<void>) | undefined
}

/**
 * The management API of Hugging Face Inference Endpoints.
 *
 * **Example** (Pausing everything that runs)
 *
 * ```ts
 * import { Endpoints } from "@stint/core"
 * import { Effect, Stream } from "effect"
 *
 * const pauseAll = Effect.gen(function* () {
 *   const endpoints = yield* Endpoints.Endpoints
 *   yield* endpoints.list().pipe(
 *     Stream.filter((endpoint) => endpoint.isRunning),
 *     Stream.runForEach((endpoint) => endpoints.pause(endpoint.name))
 *   )
 * })
 * ```
 */
export class Endpoints extends Context.Service<
  Endpoints,
  {
    /** The namespace that names are looked up in; asks the hub once when none was configured. */
    readonly namespace: Effect.Effect<string, ApiError>
    /** All endpoints, page by page on demand. */
    readonly list: (options?: ListOptions) => Stream.Stream<Endpoint, ApiError>
    /** One endpoint, by name. */
    readonly get: (name: string) => Effect.Effect<Endpoint, NotFound | ApiError>
    /** Creates an endpoint. A transient failure is retried only after a `get` shows that it did not happen. */
    readonly create: (
      name: string,
      spec: EndpointSpec.EndpointSpec
    ) => Effect.Effect<Endpoint, EndpointError.Conflict | EndpointError.QuotaExceeded | ApiError>
    /** Changes what is given and nothing else. */
    readonly update: (
      name: string,
      change: EndpointSpec.Change
    ) => Effect.Effect<Endpoint, NotFound | EndpointError.QuotaExceeded | ApiError>
    /** Deletes for good: configuration, logs and metrics. */
    readonly delete: (name: string) => Effect.Effect<void, NotFound | ApiError>
    /** Stops billing at once. The endpoint stays paused until it is resumed. */
    readonly pause: (name: string) => Effect.Effect<Endpoint, NotFound | ApiError>
    /** Starts a paused or sleeping endpoint. One that runs already is returned as it is. */
    readonly resume: (
      name: string
    ) => Effect.Effect<Endpoint, NotFound | EndpointError.QuotaExceeded | ApiError>
    /** Stops billing at once. The next request wakes it. */
    readonly scaleToZero: (name: string) => Effect.Effect<Endpoint, NotFound | ApiError>
    /** The endpoint now, and each time that its status changes; polled as `Policy.CurrentPolling` says. */
    readonly changes: (name: string) => Stream.Stream<Endpoint, NotFound | ApiError>
    /** Waits until the endpoint runs, has a URL, and answers 200 on its health route. */
    readonly awaitReady: (
      name: string,
      options?: AwaitReadyOptions
    ) => Effect.Effect<Endpoint, EndpointError.NotReady>
    /** The client for the endpoint's own URL: the token goes to that origin and to no other. */
    readonly clientFor: (endpoint: Endpoint) => HttpClient.HttpClient
  }
>()("@stint/core/Endpoints") {}

/**
 * How to reach the management API.
 */
export interface Options {
  readonly token: Redacted.Redacted
  /** User or organisation. Default: the token's own user, asked from the hub once. */
  readonly namespace?: string | undefined
  /** With the version, as in `https://api.endpoints.huggingface.cloud/v2` (the default). */
  readonly apiUrl?: URL | undefined
  /** Default: `https://huggingface.co`. */
  readonly hubUrl?: URL | undefined
  /** Last word on the client: proxies, extra headers, recording. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

const withoutVersion = (url: URL) => url.href.replace(/\/$/, "").replace(/\/v2$/, "")

const isQuota = (error: ApiError) => error.reason.status === 409 && /quota/i.test(error.reason.detail ?? "")

const quotaExceeded = (name: string) => (error: ApiError) =>
  isQuota(error)
    ? new EndpointError.QuotaExceeded({ namespace: error.namespace, name, detail: error.reason.detail })
    : error

const notFound = (name: string) => (error: ApiError) =>
  error.reason.status === 404 ? new EndpointError.NotFound({ namespace: error.namespace, name }) : error

const isAlreadyRunning = (error: ApiError) =>
  error.reason.status === 400 && /already running/i.test(error.reason.detail ?? "")

const matches = (endpoint: Endpoint, spec: EndpointSpec.EndpointSpec) =>
  endpoint.model?.repository === spec.repository &&
  endpoint.compute?.instanceType === spec.instanceType &&
  endpoint.compute?.instanceSize === spec.instanceSize

/**
 * Makes the service on the `HttpClient` of the environment.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Endpoints["Service"], never, HttpClient.HttpClient> {
  const http = (options.transformClient ?? identity)(yield* HttpClient.HttpClient)
  const client = yield* HttpApiClient.makeWith(ControlPlane, {
    baseUrl: withoutVersion(options.apiUrl ?? defaultApiUrl),
    httpClient: http.pipe(
      HttpClient.mapRequest(HttpClientRequest.bearerToken(options.token)),
      HttpClient.transformResponse(Effect.flatMap(ApiCall.requireOk))
    )
  })
  const account = yield* Account.make({
    client: http,
    hubUrl: options.hubUrl ?? defaultHubUrl,
    token: options.token
  })
  const namespace =
    options.namespace === undefined ? account.defaultNamespace : Effect.succeed(options.namespace)
  const routes = client.endpoints

  const params = (name: string) => Effect.map(namespace, (ns) => ({ params: { namespace: ns, name } }))
  type Params = Effect.Success<ReturnType<typeof params>>

  const once = <A, E extends ApiCall.CallFailure>(
    method: string,
    name: string,
    call: (request: Params) => Effect.Effect<A, E>
  ) =>
    Effect.flatMap(params(name), (request) =>
      ApiCall.toApiError({ method, namespace: request.params.namespace, name })(call(request))
    )

  const call = <A, E extends ApiCall.CallFailure>(
    method: string,
    name: string,
    send: (request: Params) => Effect.Effect<A, E>
  ) => ApiCall.retryTransient(once(method, name, send))

  const get = (name: string) =>
    call("get", name, (request) => routes.get(request)).pipe(Effect.mapError(notFound(name)))

  const existing = (name: string, spec: EndpointSpec.EndpointSpec) =>
    get(name).pipe(
      Effect.map((endpoint) => (matches(endpoint, spec) ? Option.some(endpoint) : Option.none())),
      Effect.catchTag("NotFound", () => Effect.succeedNone)
    )

  const create = Effect.fn("Endpoints.create")(function* (name: string, spec: EndpointSpec.EndpointSpec) {
    const payload = EndpointSpec.toCreateBody(name, spec)
    const attempt = once("create", name, ({ params: { namespace } }) =>
      routes.create({ params: { namespace }, payload })
    )
    const lookThenAttempt = Effect.flatMap(existing(name, spec), (found) =>
      Option.isSome(found) ? Effect.succeed(found.value) : attempt
    )
    return yield* attempt.pipe(
      Effect.catchIf(
        (error) => error.isTransient,
        () => ApiCall.retryTransient(lookThenAttempt)
      ),
      Effect.mapError((error) =>
        error.reason.status === 409 && !isQuota(error)
          ? new EndpointError.Conflict({ namespace: error.namespace, name, detail: error.reason.detail })
          : quotaExceeded(name)(error)
      )
    )
  })

  const changes = (name: string) =>
    Stream.unwrap(
      Effect.map(Policy.CurrentPolling, (schedule) =>
        Stream.fromEffectSchedule(get(name), schedule).pipe(Stream.changesWith(Readiness.sameStatus))
      )
    )

  const clientFor = Readiness.clientFor(http, options.token)

  return Endpoints.of({
    namespace,
    list: (listOptions) => {
      const query = {
        ...(listOptions?.search === undefined ? {} : { search: listOptions.search }),
        ...(listOptions?.tags === undefined ? {} : { tags: listOptions.tags.join(",") }),
        limit: listOptions?.pageSize ?? 100
      }
      return Stream.paginate(undefined as string | undefined, (cursor) =>
        Effect.flatMap(namespace, (ns) =>
          routes
            .list({ params: { namespace: ns }, query: cursor === undefined ? query : { ...query, cursor } })
            .pipe(ApiCall.toApiError({ method: "list", namespace: ns }), ApiCall.retryTransient)
        ).pipe(
          Effect.map(
            (page) =>
              [
                page.items,
                page.items.length === 0 ? Option.none() : Option.fromNullishOr(page.nextCursor)
              ] as const
          )
        )
      )
    },
    get: Effect.fn("Endpoints.get")(get),
    create,
    update: Effect.fn("Endpoints.update")(function* (name, change) {
      return yield* call("update", name, (request) =>
        routes.update({ ...request, payload: EndpointSpec.toUpdateBody(change) })
      ).pipe(
        Effect.mapError(quotaExceeded(name)),
        Effect.catchTag("ApiError", (e) => Effect.fail(notFound(name)(e)))
      )
    }),
    delete: Effect.fn("Endpoints.delete")(function* (name) {
      yield* call("delete", name, (request) => routes.delete(request)).pipe(Effect.mapError(notFound(name)))
    }),
    pause: Effect.fn("Endpoints.pause")(function* (name) {
      return yield* call("pause", name, (request) => routes.pause(request)).pipe(
        Effect.mapError(notFound(name))
      )
    }),
    resume: Effect.fn("Endpoints.resume")(function* (name) {
      return yield* call("resume", name, (request) => routes.resume(request)).pipe(
        Effect.catchIf(isAlreadyRunning, () => get(name)),
        Effect.catchTag("ApiError", (error) => Effect.fail(notFound(name)(error))),
        Effect.catchTag("ApiError", (error) => Effect.fail(quotaExceeded(name)(error)))
      )
    }),
    scaleToZero: Effect.fn("Endpoints.scaleToZero")(function* (name) {
      return yield* call("scale-to-zero", name, (request) => routes.scaleToZero(request)).pipe(
        Effect.mapError(notFound(name))
      )
    }),
    changes,
    awaitReady: Effect.fn("Endpoints.awaitReady")((name, waitOptions) =>
      Readiness.awaitReady({
        name,
        namespace,
        get: get(name),
        clientFor,
        timeout: Duration.fromInputUnsafe(waitOptions?.timeout ?? "20 minutes"),
        wasAwake: waitOptions?.wasAwake ?? false,
        onChange: waitOptions?.onChange ?? (() => Effect.void)
      })
    ),
    clientFor
  })
})

/**
 * The service, with everything given in code.
 */
export const layer = (options: Options): Layer.Layer<Endpoints, never, HttpClient.HttpClient> =>
  Layer.effect(Endpoints, make(options))

const settings = Config.all({
  apiUrl: Config.option(Config.URL("STINT_API_URL")),
  hubUrl: Config.option(Config.URL("HF_ENDPOINT")),
  namespace: Config.option(Config.NonEmptyString("HF_ENDPOINTS_NAMESPACE"))
})

/**
 * The service, configured as Hugging Face's own tools are.
 *
 * | variable | meaning | default |
 * | --- | --- | --- |
 * | `HF_TOKEN` | the token; else the token file, see `Credentials.token` | none |
 * | `HF_ENDPOINTS_NAMESPACE` | user or organisation | the token's user |
 * | `STINT_API_URL` | the management API, with `/v2` | Hugging Face's |
 * | `HF_ENDPOINT` | the hub | `https://huggingface.co` |
 */
export const layerConfig = (
  options?: Pick<Options, "transformClient">
): Layer.Layer<Endpoints, Config.ConfigError | Credentials.TokenMissing, HttpClient.HttpClient> =>
  Layer.effect(
    Endpoints,
    Effect.gen(function* () {
      const { apiUrl, hubUrl, namespace } = yield* settings
      return yield* make({
        token: yield* Credentials.token,
        apiUrl: Option.getOrUndefined(apiUrl),
        hubUrl: Option.getOrUndefined(hubUrl),
        namespace: Option.getOrUndefined(namespace),
        transformClient: options?.transformClient
      })
    })
  )
