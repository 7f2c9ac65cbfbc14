/**
 * A server on the user's machine behind an emulated endpoint: anything that speaks HTTP, such as Ollama, LM
 * Studio, llama.cpp or vLLM at its OpenAI-compatible address. Requests and answers pass through as they come.
 *
 * Whose token opens the endpoint is nobody's business behind it: `authorization` and cookies are not passed on.
 * The server's own token is an option.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpMethod from "effect/http/HttpMethod"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

/** What stands behind the endpoint. */
export interface Options {
  /**
   * Where it is: `http://127.0.0.1:11434`, or `http://127.0.0.1:11434/v1` as OpenAI's clients spell it. The
   * endpoint's `/v1/models` is its `/v1/models` either way.
   */
  readonly url: string | URL
  /** Its own token, if it has one. */
  readonly token?: Redacted.Redacted | undefined
}

// For one connection, not for what is sent over it (RFC 9110, 7.6.1).
const perConnection = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
]

// The endpoint's own: who asks it, how long it is waited for, and what is measured anew.
const ofTheEndpoint = [
  "authorization",
  "cookie",
  "host",
  "content-length",
  "accept-encoding",
  "expect",
  "x-scale-up-timeout"
]

const without = (headers: Headers.Headers, names: ReadonlyArray<string>): Headers.Headers => {
  const listed = (headers["connection"] ?? "").split(",").map((name) => name.trim().toLowerCase())
  const dropped = new Set([...perConnection, ...names, ...listed])
  return Headers.fromInput(Object.entries(headers).filter(([name]) => !dropped.has(name)))
}

const badGateway = (url: string) => (error: HttpClientError.HttpClientError) =>
  HttpServerResponse.text(`Bad Gateway: no answer from ${url} (${error.reason._tag})`, { status: 502 })

/** Whether a request may have a body that nothing has read yet. */
const bodyOf = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<HttpBody.HttpBody, Engine.Refusal> => {
  if (request.method === "GET" || request.method === "HEAD") return Effect.succeed(HttpBody.empty)
  const type = request.headers["content-type"]
  if (type?.includes("json") !== true)
    return Effect.succeed(HttpBody.stream(request.stream, type ?? "application/octet-stream"))
  // What counts inputs before an engine runs has read it, and keeps it.
  return Effect.mapBoth(request.arrayBuffer, {
    onSuccess: (bytes) => HttpBody.uint8Array(new Uint8Array(bytes), type),
    onFailure: () => new Engine.Refusal({ reason: "Unreadable", message: "the body could not be read" })
  })
}

/**
 * Makes the engine. What the server cannot be asked is 502 in plain text; the endpoint is healthy when the
 * server's `/v1/models` answers 200.
 *
 * @example
 * ```ts
 * import { Proxy } from "@stint/emulator"
 * import { Effect } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * export const engine = Proxy.make({ url: "http://127.0.0.1:11434/v1" }).pipe(
 *   Effect.provide(FetchHttpClient.layer)
 * )
 * ```
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Engine.Engine, never, HttpClient.HttpClient> {
  const client = yield* HttpClient.HttpClient
  const base = String(options.url).replace(/\/+$/, "").replace(/\/v1$/, "")
  const named = { name: `proxy ${base}`, healthRoute: "/health" }
  const failed = badGateway(base)

  const authorized = (request: HttpClientRequest.HttpClientRequest) =>
    options.token === undefined ? request : HttpClientRequest.bearerToken(request, options.token)

  const healthy = client.execute(authorized(HttpClientRequest.get(`${base}/v1/models`))).pipe(
    Effect.map(({ status }) =>
      status === 200
        ? HttpServerResponse.text("Ok")
        : HttpServerResponse.text(`${base}/v1/models answers ${status}`, { status: 503 })
    ),
    Effect.catch((error) => Effect.succeed(failed(error)))
  )

  const pass = Effect.fnUntraced(function* (
    method: HttpMethod.HttpMethod,
    request: HttpServerRequest.HttpServerRequest
  ) {
    const body = yield* bodyOf(request)
    const sent = HttpClientRequest.make(method)(`${base}${request.url}`, {
      // A compressed answer would be opened on the way, and its headers would lie.
      headers: Headers.set(without(request.headers, ofTheEndpoint), "accept-encoding", "identity")
    })
    const answer = yield* Effect.result(client.execute(authorized(HttpClientRequest.setBody(sent, body))))
    if (answer._tag === "Failure") return failed(answer.failure)
    const response = answer.success
    const headers = without(response.headers, ["content-length"])
    if (method === "HEAD" || response.status === 204 || response.status === 304)
      return HttpServerResponse.empty({ status: response.status, headers })
    return HttpServerResponse.stream(
      Stream.catchIf(
        response.stream,
        (error) => error.reason._tag === "EmptyBodyError",
        () => Stream.empty
      ),
      { status: response.status, headers, contentType: response.headers["content-type"] }
    )
  })

  return {
    ...named,
    handle: (request) => {
      const { method } = request
      if (Engine.path(request) === "/health" && (method === "GET" || method === "HEAD")) return healthy
      return HttpMethod.isHttpMethod(method)
        ? pass(method, request).pipe(
            Engine.refuseWith(({ message }) => HttpServerResponse.text(message, { status: 400 }))
          )
        : Effect.succeed(HttpServerResponse.text("Method Not Allowed", { status: 405 }))
    }
  }
})
