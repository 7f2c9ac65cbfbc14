/**
 * The `HttpClient` for large batches: one callback a request, straight on undici's `dispatch`.
 *
 * It is an ordinary `HttpClient`, made for many small requests to few hosts: no promise, no web stream and no abort
 * signal is made for a request. HTTP/1.1 with one request at a time on a connection, so that a connection that breaks
 * takes one request with it.
 */
import * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Headers from "effect/http/Headers"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type { ConnectionOptions } from "node:tls"
import { Agent, type Dispatcher, EnvHttpProxyAgent } from "undici"
import { Exchange } from "./internal/exchange.ts"
import * as Failure from "./internal/failure.ts"
import * as RequestBody from "./internal/requestBody.ts"
import { Response } from "./internal/response.ts"

export { UnknownEncoding } from "./internal/contentEncoding.ts"
export { RequestAborted, ResponseTooLarge } from "./internal/exchange.ts"

/** Through whom requests go. URLs of proxies may hold a name and a password. */
export interface Proxies {
  /** For `http:` hosts, which are asked for through it. Absent: they are reached directly. */
  readonly http?: Redacted.Redacted | undefined
  /** For `https:` hosts, which are tunnelled through it. Default: `http`. */
  readonly https?: Redacted.Redacted | undefined
  /** Hosts that are reached directly, as in `localhost,.internal,10.0.0.1:8080`; `*` is all of them. */
  readonly except?: string | undefined
}

/** How the client connects. Everything has a default. */
export interface Options {
  /**
   * The most connections to one host; requests beyond it wait for one, and the time counts as the server's. Default: as
   * many as there are requests at once, as with Node's own `fetch`. What bounds the requests bounds the connections.
   */
  readonly connections?: number | undefined
  /** How long connecting may take, TLS included. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How long the head of an answer may take. Default: no end. A model may think for minutes, and whoever sends knows for
   * how long: a batch has a deadline for each attempt of its own.
   */
  readonly headersTimeout?: Duration.Input | undefined
  /** How long a body may stand still. Default: no end. */
  readonly bodyTimeout?: Duration.Input | undefined
  /**
   * How long an unused connection is kept. Default: 4 seconds, less than servers wait before they close it: a request
   * that meets the closing fails. A server that says how long it waits is believed, less a second.
   */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /**
   * The largest body that is read as a whole, after it is decompressed. A larger one fails, and its connection is closed.
   * `HttpIncomingMessage.MaxBodySize` goes before it. Default: `"128 MiB"`. Streamed bodies have no bound.
   */
  readonly maxResponseSize?: ByteSize.Input | undefined
  /** Certificates, as Node's `tls.connect` takes them. */
  readonly tls?:
    | Pick<ConnectionOptions, "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized">
    | undefined
  /** Default: none. Variables of the environment are read by {@link layerConfig} alone. */
  readonly proxies?: Proxies | undefined
}

const millis = (duration: Duration.Input | undefined, otherwise: number) =>
  duration === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(duration))

/** `proxy:3128` is meant as `http://proxy:3128`. */
const proxyUrl = (proxy: Redacted.Redacted | undefined) => {
  const url = proxy === undefined ? "" : Redacted.value(proxy).trim()
  return url === "" || url.includes("://") ? url : `http://${url}`
}

const makeDispatcher = (options: Options): Dispatcher => {
  const connectTimeout = millis(options.connectTimeout, 10_000)
  const tls = { ...options.tls, allowH2: false, timeout: connectTimeout }
  const agent: Agent.Options = {
    connections: options.connections ?? null,
    pipelining: 1,
    allowH2: false,
    connectTimeout,
    keepAliveTimeout: millis(options.keepAliveTimeout, 4000),
    connect: tls
  }
  const { proxies } = options
  const httpProxy = proxyUrl(proxies?.http)
  const httpsProxy = proxyUrl(proxies?.https) || httpProxy
  // Empty is none; absent would have undici look into the environment.
  return httpsProxy === ""
    ? new Agent(agent)
    : new EnvHttpProxyAgent({
        ...agent,
        requestTls: tls,
        proxyTls: {
          ...(options.tls?.ca === undefined ? {} : { ca: options.tls.ca }),
          timeout: connectTimeout
        },
        httpProxy,
        httpsProxy,
        noProxy: proxies?.except ?? ""
      })
}

interface Target {
  readonly origin: string
  readonly path: string
  readonly href: string
}

/** Where a request goes. A batch sends all of its requests to one place, so the last one is remembered. */
const locator = () => {
  let last: { readonly url: string; readonly target: Target } | undefined
  return (request: HttpClientRequest.HttpClientRequest): Target | undefined => {
    const isPlain = request.urlParams.params.length === 0 && Option.isNone(request.hash)
    if (isPlain && last?.url === request.url) return last.target
    const url = Option.getOrUndefined(HttpClientRequest.toUrl(request))
    if (url === undefined) return undefined
    const path = url.pathname + url.search
    const target = { origin: url.origin, path, href: url.origin + path }
    if (isPlain) last = { url: request.url, target }
    return target
  }
}

type Answer = Effect.Effect<HttpClientResponse, HttpClientError>
type Sendable = Exclude<Dispatcher.DispatchOptions["body"], undefined>

/**
 * Makes the client. Its connections are closed with the scope.
 *
 * Every failure of the wire is an `HttpClientError` with the reason `TransportError`, whose message holds the code, as in
 * `ECONNREFUSED`: no connection, a reset, a timeout, a body that is cut short or too large. An answer whose head has
 * arrived is always given; what is wrong with its body is said when it is read. Redirects are answers like any other.
 * Interruption closes the connection. No compression is asked for; what comes compressed is decompressed.
 *
 * Requests are traced only where a `Tracer` is provided, and as `HttpClient.TracerDisabledWhen` says; untraced, a
 * request is ended by what reads it and not by `HttpClient.withScope`.
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<HttpClient.HttpClient, never, Scope.Scope> {
  const dispatcher = yield* Effect.acquireRelease(
    Effect.sync(() => makeDispatcher(options)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  )
  const headersTimeout = millis(options.headersTimeout, 0)
  const bodyTimeout = millis(options.bodyTimeout, 0)
  const { maxResponseSize } = options
  const sizeLimit = ByteSize.toNumberUnsafe(
    maxResponseSize === undefined ? ByteSize.mebibytes(128) : ByteSize.fromInputUnsafe(maxResponseSize)
  )
  const locate = locator()

  const dispatch = (
    request: HttpClientRequest.HttpClientRequest,
    target: Target,
    body: Sendable,
    limitBytes: number,
    signal: AbortSignal | undefined
  ): Answer =>
    Effect.callback((resume) => {
      const exchange = new Exchange(limitBytes, (exchange) =>
        resume(
          exchange.status === 0 && exchange.failure !== undefined
            ? Effect.fail(Failure.transport(request, exchange.failure))
            : Effect.succeed(new Response(request, target.href, exchange, limitBytes))
        )
      )
      signal?.addEventListener("abort", () => exchange.abort(), { once: true })
      dispatcher.dispatch(
        {
          origin: target.origin,
          path: target.path,
          method: request.method,
          // Undici writes the type of a form itself, with the boundary that it draws.
          headers:
            request.body._tag === "FormData"
              ? Headers.remove(request.headers, "content-type")
              : request.headers,
          body,
          headersTimeout,
          bodyTimeout
        },
        exchange
      )
      return Effect.sync(() => exchange.abort())
    })

  const send = (
    request: HttpClientRequest.HttpClientRequest,
    fiber: Fiber.Fiber<unknown, unknown>,
    signal?: AbortSignal
  ): Answer => {
    const target = locate(request)
    if (target === undefined) return Effect.fail(Failure.invalidUrl(request))
    const asked = fiber.getRef(HttpIncomingMessage.MaxBodySize)
    const limitBytes = asked === undefined ? sizeLimit : ByteSize.toNumberUnsafe(asked)
    const { body } = request
    if (body._tag === "Stream") {
      return Effect.flatMap(RequestBody.streamed(body), (readable) =>
        dispatch(request, target, readable, limitBytes, signal)
      )
    }
    const ready = RequestBody.ready(body)
    return ready === undefined
      ? Effect.fail(Failure.encoding(request, `a body of ${describeRaw(body)} cannot be sent`))
      : dispatch(request, target, ready, limitBytes, signal)
  }

  const traced = HttpClient.make((request, _url, signal, fiber) => send(request, fiber, signal))
  return HttpClient.makeWith(
    (request: Effect.Effect<HttpClientRequest.HttpClientRequest>) =>
      Effect.flatMap(request, (request) =>
        Effect.withFiber<HttpClientResponse, HttpClientError>((fiber) =>
          fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer ? send(request, fiber) : traced.execute(request)
        )
      ),
    Effect.succeed
  )
})

const describeRaw = (body: HttpBody.HttpBody) =>
  body._tag === "Raw" ? Object.prototype.toString.call(body.body) : body._tag

/**
 * The client as a layer: its connections live as long as the layer.
 *
 * **Example** (A client for a company's own certificate authority)
 *
 * ```ts
 * import { UndiciClient } from "@stint/batch/node"
 * import { Endpoints } from "@stint/core"
 * import { Layer } from "effect"
 *
 * declare const authority: string
 * const live = Endpoints.layerConfig().pipe(Layer.provide(UndiciClient.layer({ tls: { ca: authority } })))
 * ```
 */
export const layer = (options?: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient, make(options))

const variable = (name: string) =>
  Config.option(
    Config.Redacted(name.toLowerCase()).pipe(Config.orElse(() => Config.Redacted(name.toUpperCase())))
  )

const proxies = Config.map(
  Config.all({ http: variable("http_proxy"), https: variable("https_proxy"), except: variable("no_proxy") }),
  ({ except, http, https }): Proxies => ({
    http: Option.getOrUndefined(http),
    https: Option.getOrUndefined(https),
    except: Option.getOrUndefined(Option.map(except, Redacted.value))
  })
)

/** A proxy's address may hold a password, so a wrong one is not quoted. */
const refuseWrong = Effect.fnUntraced(function* ({ http, https }: Proxies) {
  for (const [name, given] of [
    ["http_proxy", http],
    ["https_proxy", https]
  ] as const) {
    const url = proxyUrl(given)
    if (url !== "" && !/^https?:\/\/[^/]/.test(URL.parse(url)?.href ?? "")) {
      const message = `${name} (or ${name.toUpperCase()}) is no address of a proxy. Write it as in http://proxy:3128, or unset it.`
      return yield* Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message })))
    }
  }
})

/**
 * The same, with the proxies that the configuration names. Of two spellings the lower one wins, as with curl.
 *
 * | variable | meaning |
 * | --- | --- |
 * | `https_proxy`, `HTTPS_PROXY` | the proxy for `https:` hosts; else that for `http:` hosts |
 * | `http_proxy`, `HTTP_PROXY` | the proxy for `http:` hosts |
 * | `no_proxy`, `NO_PROXY` | hosts that are reached directly |
 *
 * **Example** (As the command is set up)
 *
 * ```ts
 * import { UndiciClient } from "@stint/batch/node"
 * import { Endpoints } from "@stint/core"
 * import { Layer } from "effect"
 *
 * const live = Endpoints.layerConfig().pipe(Layer.provide(UndiciClient.layerConfig()))
 * ```
 */
export const layerConfig = (
  options?: Omit<Options, "proxies">
): Layer.Layer<HttpClient.HttpClient, Config.ConfigError> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.flatMap(Effect.tap(proxies, refuseWrong), (found) => make({ ...options, proxies: found }))
  )
