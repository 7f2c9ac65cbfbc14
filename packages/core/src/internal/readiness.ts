/**
 * When is an endpoint ready? State `running`, a URL, and 200 from its health route; and what ends the wait otherwise.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { Endpoint } from "../Endpoint.ts"
import * as EndpointError from "../EndpointError.ts"
import * as Policy from "../Policy.ts"

/** Whether nothing that a watcher cares about has changed between two looks. */
export const sameStatus = (a: Endpoint, b: Endpoint): boolean =>
  a.state === b.state &&
  a.readyReplica === b.readyReplica &&
  a.status.targetReplica === b.status.targetReplica &&
  a.status.message === b.status.message &&
  a.status.errorMessage === b.status.errorMessage &&
  a.status.url === b.status.url &&
  a.status.updatedAt === b.status.updatedAt

/** A batch sends the same headers with every request, so the last ones are remembered with the token among them. */
const authoriser = (authorization: string) => {
  let last: { readonly given: Headers.Headers; readonly authorised: Headers.Headers } | undefined
  return (given: Headers.Headers): Headers.Headers => {
    if (last?.given !== given) {
      last = { given, authorised: Headers.set(given, "authorization", authorization) }
    }
    return last.authorised
  }
}

/**
 * A client whose requests are relative to the endpoint's URL. The token is added only where the request, parsed,
 * goes to that same origin; a public endpoint gets none.
 */
export const clientFor =
  (http: HttpClient.HttpClient, token: Redacted.Redacted) =>
  (endpoint: Endpoint): HttpClient.HttpClient => {
    const base = endpoint.url
    if (base === undefined) return http
    const prefix = base.href.replace(/\/$/, "")
    const authorization = `Bearer ${Redacted.value(token)}`
    const authorise = authoriser(authorization)
    return HttpClient.mapRequest(http, (request) => {
      const url = request.url
      if (url.startsWith("/") && !url.startsWith("//")) {
        const headers = endpoint.isPublic ? request.headers : authorise(request.headers)
        return HttpClientRequest.makeWith(
          request.method,
          prefix + url,
          request.urlParams,
          request.hash,
          headers,
          request.body
        )
      }
      return !endpoint.isPublic && URL.parse(url)?.origin === base.origin
        ? HttpClientRequest.setHeader(request, "authorization", authorization)
        : request
    })
  }

/** The change as an event of the span that waits. */
const noted = (endpoint: Endpoint): Effect.Effect<void> =>
  Effect.flatMap(Effect.option(Effect.currentSpan), (span) =>
    Option.isNone(span)
      ? Effect.void
      : Effect.map(Clock.currentTimeNanos, (now) =>
          span.value.event("stint.endpoint.state", now, {
            "stint.endpoint.state": endpoint.state,
            "stint.endpoint.ready_replicas": endpoint.readyReplica
          })
        )
  )

/** How long an endpoint that is asked to start may still call itself paused before that counts as an answer. */
const pausedGrace = Duration.seconds(10)

/**
 * Waits for an endpoint as the design promises: always a deadline, and a different error for each way not to get there.
 */
export const awaitReady = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly namespace: Effect.Effect<string, EndpointError.ApiError>
  readonly get: Effect.Effect<Endpoint, EndpointError.NotFound | EndpointError.ApiError>
  /** The last lines of the log, for the error of an endpoint that failed. */
  readonly lastWords: Effect.Effect<string>
  readonly clientFor: (endpoint: Endpoint) => HttpClient.HttpClient
  /** Takes the token out of what a server says. */
  readonly redact: <T extends string | undefined>(text: T) => T | string
  readonly timeout: Duration.Duration
  readonly wasAwake: boolean
  readonly onChange: (endpoint: Endpoint) => Effect.Effect<void>
  /** Told at each look what was seen. */
  readonly onSeen: (endpoint: Endpoint) => Effect.Effect<void>
  /** Told at each look whether the endpoint was ready. */
  readonly onLook: (isReady: boolean) => void
}): Effect.fn.Return<Endpoint, EndpointError.NotReady> {
  const namespace = yield* options.namespace
  const schedule = yield* Policy.CurrentPolling
  const callTimeout = yield* Policy.CurrentCallTimeout
  const id = { namespace, name: options.name }
  yield* Effect.annotateCurrentSpan({
    "stint.endpoint.namespace": namespace,
    "stint.endpoint.name": options.name
  })
  const last = yield* Ref.make<Endpoint | undefined>(undefined)
  const started = yield* Clock.currentTimeMillis
  let wasAwake = options.wasAwake

  const isHealthy = Effect.fnUntraced(function* (endpoint: Endpoint, url: URL) {
    const status = yield* options
      .clientFor(endpoint)
      .get(url)
      .pipe(
        Effect.map((response) => response.status),
        Effect.timeout(callTimeout),
        Effect.orElseSucceed(() => 0)
      )
    if (status === 401 || status === 403) return yield* new EndpointError.CallForbidden({ ...id, status })
    return status === 200
  })

  const look = Effect.gen(function* () {
    const endpoint = yield* options.get
    yield* options.onSeen(endpoint)
    const before = yield* Ref.getAndSet(last, endpoint)
    if (before === undefined || !sameStatus(before, endpoint)) {
      yield* noted(endpoint)
      yield* options.onChange(endpoint)
    }
    const { state } = endpoint
    if (state === "failed" || state === "updateFailed") {
      const detail = options.redact(endpoint.status.errorMessage ?? endpoint.status.message ?? undefined)
      const log = options.redact(yield* options.lastWords)
      return yield* new EndpointError.EndpointFailed({
        ...id,
        state,
        detail,
        log: log === "" ? undefined : log
      })
    }
    if (state === "paused") {
      const waited = (yield* Clock.currentTimeMillis) - started
      if (wasAwake || waited >= Duration.toMillis(pausedGrace))
        return yield* new EndpointError.PausedByOther({
          ...id,
          by: options.redact(endpoint.status.updatedBy?.name ?? undefined)
        })
      return undefined
    }
    wasAwake = true
    const url = endpoint.healthUrl
    // A sleeping endpoint is probed as well: an authorised request is what wakes it.
    if (url === undefined || !(endpoint.isRunning || state === "scaledToZero")) return undefined
    return (yield* isHealthy(endpoint, url)) && endpoint.isRunning ? endpoint : undefined
  })

  return yield* look.pipe(
    Effect.tap((endpoint) => Effect.sync(() => options.onLook(endpoint !== undefined))),
    // An outage of the API is outlasted, as long as there is time.
    Effect.catchIf(
      (error) => error._tag === "ApiError" && error.isTransient,
      () => Effect.undefined
    ),
    Effect.repeat({ schedule, until: (endpoint) => endpoint !== undefined }),
    Effect.flatMap((endpoint) => (endpoint === undefined ? Effect.never : Effect.succeed(endpoint))),
    Effect.timeoutOrElse({
      duration: options.timeout,
      orElse: () =>
        Effect.flatMap(Ref.get(last), (endpoint) =>
          Effect.fail(
            new EndpointError.Timeout({
              ...id,
              waited: Duration.format(options.timeout),
              state: endpoint?.state ?? "unknown",
              detail: options.redact(endpoint?.status.message ?? undefined)
            })
          )
        )
    })
  )
})
