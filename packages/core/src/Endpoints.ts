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
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import type { Whoami } from "./Account.ts"
import type { Replica } from "./ControlPlane.ts"
import * as Credentials from "./Credentials.ts"
import type { Endpoint } from "./Endpoint.ts"
import type * as EndpointError from "./EndpointError.ts"
import type { AllGraphs } from "./EndpointMetrics.ts"
import type * as EndpointSpec from "./EndpointSpec.ts"
import * as Hardware from "./HardwareCatalogue.ts"
import * as ChangeRoutes from "./internal/changeRoutes.ts"
import * as Connection from "./internal/connection.ts"
import * as ListRoute from "./internal/listRoute.ts"
import * as ObservationRoutes from "./internal/observationRoutes.ts"
import * as Readiness from "./internal/readiness.ts"
import type * as Logs from "./Logs.ts"
import * as Policy from "./Policy.ts"

type ApiError = EndpointError.ApiError
type NotFound = EndpointError.NotFound

/** What to list. `search` is a part of the name; `pageSize` is at most 100. */
export interface ListOptions {
  /** Another namespace than the service's own; `"*"` is the user's and every organisation that lets the token in. */
  readonly namespace?: string | undefined
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
  /** Called with the endpoint at each look, changed or not. */
  readonly onSeen?: ((endpoint: Endpoint) => Effect.Effect<void>) | undefined
  /** Told at each look at the endpoint whether it was ready. */
  readonly onLook?: ((isReady: boolean) => void) | undefined
}

/** What the service does. Every method has a deadline and typed errors. */
export interface Service {
  /** Base of the management API, with the version. */
  readonly apiUrl: URL
  /** The namespace that names are looked up in; asks the hub once when none was configured. */
  readonly namespace: Effect.Effect<string, ApiError>
  /** The same service for another namespace, on the same connection. */
  readonly in: (namespace: string) => Service
  /** Whose token it is, asked from the hub once. */
  readonly account: Effect.Effect<Whoami, ApiError>
  /** All endpoints, page by page on demand; each knows its namespace. */
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
  /** Starts a paused or sleeping endpoint. One that runs already is returned as it is, unless that should fail. */
  readonly resume: (
    name: string,
    options?: { readonly failIfRunning?: boolean | undefined }
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
  /** The replicas there are. */
  readonly replicas: (name: string) => Effect.Effect<ReadonlyArray<Replica>, NotFound | ApiError>
  /** The log as text. `lineMaxLength` is in characters. */
  readonly logs: (
    name: string,
    options?: {
      readonly replica?: string | undefined
      readonly tail?: number | undefined
      readonly lineMaxLength?: number | undefined
    }
  ) => Effect.Effect<string, NotFound | ApiError>
  /** The log as records, filtered by the server. */
  readonly logRecords: (
    name: string,
    options?: Logs.Options
  ) => Effect.Effect<ReadonlyArray<Logs.LogRecord>, NotFound | ApiError>
  /** The log as it grows; ends when the server ends it. */
  readonly followLogs: (
    name: string,
    options?: Logs.Options
  ) => Stream.Stream<Logs.LogRecord, NotFound | ApiError>
  /** Graphs of a stretch of time, both ends RFC 3339. */
  readonly metrics: (
    name: string,
    window: { readonly start: string; readonly stop: string }
  ) => Effect.Effect<AllGraphs, NotFound | ApiError>
  /** The metrics now, as OpenMetrics text; for Team and Enterprise accounts. */
  readonly openMetrics: (name: string) => Effect.Effect<string, NotFound | ApiError>
  /** Every instance that the namespace can see, with price and quota. */
  readonly hardware: Effect.Effect<ReadonlyArray<Hardware.Instance>, ApiError>
  /** The quotas of the namespace, in accelerators. */
  readonly quotas: Effect.Effect<typeof Hardware.Quotas.Type, ApiError>
  /** The repositories of the catalog. */
  readonly catalog: Effect.Effect<ReadonlyArray<string>, ApiError>
  /** Deploys a repository of the catalog with Hugging Face's own settings. Never retried: it starts a bill. */
  readonly deploy: (
    repository: string,
    options?: { readonly name?: string | undefined; readonly accelerator?: string | undefined }
  ) => Effect.Effect<Endpoint, EndpointError.QuotaExceeded | ApiError>
  /** The client for the endpoint's own URL: the token goes to that origin and to no other. */
  readonly clientFor: (endpoint: Endpoint) => HttpClient.HttpClient
  /** Takes the token out of a text, as `Secret.conceal` does: for what a server said. */
  readonly conceal: (text: string) => string
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
export class Endpoints extends Context.Service<Endpoints, Service>()("@stint/core/Endpoints") {}

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
  /** Default: `https://endpoints.huggingface.co/api/catalog`. */
  readonly catalogUrl?: URL | undefined
  /** Last word on the client: proxies, extra headers, recording. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/** The service within one namespace; `in` makes it for another on the same connection. */
const within = (connection: Connection.Connection, namespace: Effect.Effect<string, ApiError>): Service => {
  const calls = Connection.calls(namespace, connection.conceal)
  const changing = ChangeRoutes.make(connection, calls)
  const { lastWords, ...observing } = ObservationRoutes.make(connection, calls)
  const { providers } = connection.api
  const clientFor = Readiness.clientFor(connection.http, connection.token)

  return Endpoints.of({
    apiUrl: connection.apiUrl,
    namespace,
    in: (other) => within(connection, Effect.succeed(other)),
    account: connection.account.whoami,
    list: ListRoute.make(connection, namespace),
    ...changing,
    ...observing,
    changes: (name) =>
      Stream.unwrap(
        Effect.map(Policy.CurrentPolling, (schedule) =>
          Stream.fromEffectSchedule(changing.get(name), schedule).pipe(
            Stream.changesWith(Readiness.sameStatus)
          )
        )
      ),
    awaitReady: Effect.fn("Endpoints.awaitReady")((name, options) =>
      Readiness.awaitReady({
        name,
        namespace,
        get: changing.get(name),
        lastWords: lastWords(name),
        redact: connection.conceal,
        clientFor,
        timeout: Duration.fromInputUnsafe(options?.timeout ?? "20 minutes"),
        wasAwake: options?.wasAwake ?? false,
        onChange: options?.onChange ?? (() => Effect.void),
        onSeen: options?.onSeen ?? (() => Effect.void),
        onLook: options?.onLook ?? (() => undefined)
      })
    ),
    clientFor,
    conceal: connection.conceal,
    hardware: Effect.map(
      calls.inNamespace("hardware", (ns) => providers.list({ params: { namespace: ns } })),
      Hardware.instances
    ),
    quotas: calls.inNamespace("quotas", (ns) => providers.quotas({ params: { namespace: ns } })),
    catalog: Effect.map(
      calls.inNamespace("catalog", () => connection.catalog.list()),
      ({ models }) => models
    ),
    deploy: Effect.fn("Endpoints.deploy")(function* (repository, options) {
      const payload = {
        repoId: repository,
        ...(options?.name === undefined ? {} : { endpointName: options.name }),
        ...(options?.accelerator === undefined ? {} : { accelerator: options.accelerator })
      }
      const { endpoint } = yield* calls
        .inNamespaceOnce("deploy", (ns) =>
          connection.catalog.deploy({ payload: { ...payload, namespace: ns } })
        )
        .pipe(Effect.mapError(Connection.quotaExceeded(options?.name ?? repository)))
      return endpoint
    })
  })
}

/**
 * Makes the service on the `HttpClient` of the environment.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Service, never, HttpClient.HttpClient> {
  const http = (options.transformClient ?? identity)(yield* HttpClient.HttpClient)
  const { token, apiUrl, hubUrl, catalogUrl, namespace } = options
  const connection = yield* Connection.make({ http, token, apiUrl, hubUrl, catalogUrl })
  return within(
    connection,
    namespace === undefined ? connection.account.defaultNamespace : Effect.succeed(namespace)
  )
})

/**
 * The service, with everything given in code.
 */
export const layer = (options: Options): Layer.Layer<Endpoints, never, HttpClient.HttpClient> =>
  Layer.effect(Endpoints, make(options))

const inAddress =
  "its address holds a name or a password, which are not sent: the token alone says who asks. Leave them out."

const WebAddress = Schema.URL.check(
  Schema.makeFilter(({ protocol }) =>
    /^https?:$/.test(protocol) ? undefined : "Expected an address with http:// or https://"
  )
)

const settings = Config.all({
  apiUrl: Config.option(Config.schema(WebAddress, "STINT_API_URL")),
  hubUrl: Config.option(Config.schema(WebAddress, "HF_ENDPOINT")),
  catalogUrl: Config.option(Config.schema(WebAddress, "STINT_CATALOG_URL")),
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
 * | `STINT_CATALOG_URL` | the catalog | Hugging Face's |
 */
export const layerConfig = (
  options?: Pick<Options, "transformClient">
): Layer.Layer<
  Endpoints,
  Config.ConfigError | Credentials.TokenMissing | Credentials.CredentialsRefused,
  HttpClient.HttpClient
> =>
  Layer.effect(
    Endpoints,
    Effect.gen(function* () {
      const { apiUrl, catalogUrl, hubUrl, namespace } = yield* settings
      for (const [variable, url] of [
        ["STINT_API_URL", apiUrl],
        ["HF_ENDPOINT", hubUrl],
        ["STINT_CATALOG_URL", catalogUrl]
      ] as const) {
        if (Option.exists(url, ({ password, username }) => username !== "" || password !== "")) {
          return yield* new Credentials.CredentialsRefused({ variable, detail: inAddress })
        }
      }
      return yield* make({
        token: yield* Credentials.token,
        apiUrl: Option.getOrUndefined(apiUrl),
        hubUrl: Option.getOrUndefined(hubUrl),
        catalogUrl: Option.getOrUndefined(catalogUrl),
        namespace: Option.getOrUndefined(namespace),
        transformClient: options?.transformClient
      })
    })
  )
