/**
 * An engine is what runs in an endpoint's container: it answers the requests that the proxy let through.
 *
 * Each engine speaks its own dialect, errors included, so this module knows none. It has the parts that every
 * engine needs: a request's route, a body of bounded size decoded through a schema, and refusals as values
 * that a dialect turns into an answer.
 */
import type * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"

/**
 * What runs in an endpoint's container.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { Effect } from "effect"
 * import { HttpServerResponse } from "effect/http"
 *
 * export const echo: Engine.Engine = {
 *   name: "echo",
 *   healthRoute: "/health",
 *   handle: (request) => Effect.succeed(HttpServerResponse.text(Engine.path(request)))
 * }
 * ```
 */
export interface Engine {
  /** What it is, honestly: `wordnet-static`, `guesslang`. */
  readonly name: string
  /** The path that answers 200 once the engine is ready, such as `/health`. */
  readonly healthRoute: string
  /**
   * Answers one request that the proxy let through, on the request's own path. Never fails: what the engine
   * refuses is an HTTP answer in its own body shape.
   */
  readonly handle: (
    request: HttpServerRequest.HttpServerRequest
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse>
}

/**
 * Why an engine refused a request, before any dialect words it.
 *
 * - `NotJson`: no JSON content type. `Unreadable`: the body could not be read, or is no JSON.
 * - `TooLarge`: more bytes than the engine reads. `Malformed`: JSON of another shape.
 * - `Empty`: nothing to work on. `Invalid`: well formed, but outside the engine's bounds.
 * - `UnknownModel`: a model that is not served. `Unsupported`: work that this model does not do.
 * - `Overloaded`: more requests at once than the engine takes.
 */
export type Reason = typeof Reason.Type

const Reason = Schema.Literals([
  "NotJson",
  "Unreadable",
  "TooLarge",
  "Malformed",
  "Empty",
  "Invalid",
  "UnknownModel",
  "Unsupported",
  "Overloaded"
])

/**
 * A request that an engine refuses. It stays inside the engine: a {@link Dialect} turns it into an answer.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 *
 * export const refusal = new Engine.Refusal({ reason: "Empty", message: "`inputs` cannot be empty" })
 * ```
 */
export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  reason: Reason,
  message: Schema.String
}) {}

/**
 * How an engine words its refusals: the status and the body shape.
 *
 * @example
 * ```ts
 * import type { Engine } from "@stint/emulator"
 * import { HttpServerResponse } from "effect/http"
 *
 * export const plain: Engine.Dialect = (refusal) => HttpServerResponse.text(refusal.message, { status: 400 })
 * ```
 */
export type Dialect = (refusal: Refusal) => HttpServerResponse.HttpServerResponse

/**
 * Ends an answer that may be refused: the dialect words what is left in the error channel.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { Effect } from "effect"
 * import { HttpServerResponse } from "effect/http"
 *
 * export const answer = Effect.fail(new Engine.Refusal({ reason: "Empty", message: "nothing" })).pipe(
 *   Engine.refuseWith((refusal) => HttpServerResponse.text(refusal.message, { status: 400 }))
 * )
 * ```
 */
export const refuseWith =
  (dialect: Dialect) =>
  <R>(
    answer: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
    Effect.catch(answer, (refusal) => Effect.succeed(dialect(refusal)))

/** Answers by method and path, such as `"POST /embed"`. */
export type Routes = Readonly<Record<string, Engine["handle"]>>

/**
 * Makes an engine's `handle` of its routes. A `HEAD` is answered as the `GET` of its path; `otherwise`
 * answers what no route does: 405 when the path exists for another method, else 404.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { Effect } from "effect"
 * import { HttpServerResponse } from "effect/http"
 *
 * export const handle = Engine.router(
 *   { "GET /health": () => Effect.succeed(HttpServerResponse.text("Ok")) },
 *   (status) => HttpServerResponse.empty({ status })
 * )
 * ```
 */
export const router = (
  routes: Routes,
  otherwise: (status: 404 | 405) => HttpServerResponse.HttpServerResponse
): Engine["handle"] => {
  const handlers = new Map(Object.entries(routes))
  const paths = new Set(Object.keys(routes).map((route) => route.slice(route.indexOf(" ") + 1)))
  return (request) => {
    const at = path(request)
    const method = request.method === "HEAD" ? "GET" : request.method
    const handler = handlers.get(`${method} ${at}`)
    return handler === undefined ? Effect.succeed(otherwise(paths.has(at) ? 405 : 404)) : handler(request)
  }
}

/**
 * A request's path without its query: `/embed` for `/embed?x=1`.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { HttpServerRequest } from "effect/http"
 *
 * const request = HttpServerRequest.fromWeb(new Request("http://localhost/embed?x=1"))
 * export const path = Engine.path(request) // "/embed"
 * ```
 */
export const path = (request: HttpServerRequest.HttpServerRequest): string => {
  const end = request.url.search(/[?#]/)
  return end === -1 ? request.url : request.url.slice(0, end)
}

/**
 * A request's query as it came, each name's last value; empty when there is none.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { HttpServerRequest } from "effect/http"
 *
 * const request = HttpServerRequest.fromWeb(new Request("http://localhost/?top_k=3"))
 * export const query = Engine.query(request) // { top_k: "3" }
 * ```
 */
export const query = (request: HttpServerRequest.HttpServerRequest): Readonly<Record<string, string>> => {
  const start = request.url.indexOf("?")
  return start === -1 ? {} : Object.fromEntries(new URLSearchParams(request.url.slice(start + 1)))
}

const parseJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

const tooLarge = (limit: ByteSize.ByteSize): Refusal =>
  new Refusal({ reason: "TooLarge", message: `the body is larger than ${limit} bytes` })

/**
 * Reads a request's body as JSON of any shape, at most `limit` bytes of it.
 *
 * Refuses with `TooLarge` when the body is larger and with `Unreadable` when it is no JSON. An empty body is
 * no JSON. The content type is not looked at: engines differ in what they accept.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { ByteSize } from "effect"
 * import { HttpServerRequest } from "effect/http"
 *
 * const request = HttpServerRequest.fromWeb(new Request("http://localhost/", { method: "POST", body: "{}" }))
 * export const body = Engine.json(request, ByteSize.megabytes(2))
 * ```
 */
export const json = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  limit: ByteSize.ByteSize
): Effect.fn.Return<unknown, Refusal> {
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, limit),
    Effect.mapError(({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? tooLarge(limit)
        : new Refusal({ reason: "Unreadable", message: "the body could not be read" })
    )
  )
  // A body that something before the engine has read, under a larger limit, comes from memory.
  if (bytes.byteLength > limit) return yield* tooLarge(limit)
  return yield* parseJson(new TextDecoder().decode(bytes)).pipe(
    Effect.mapError((error) => new Refusal({ reason: "Unreadable", message: error.message }))
  )
})

/**
 * Makes a reader of a body's JSON value: what does not fit the schema is refused as `Malformed`, with the
 * schema's own words for it.
 *
 * @example
 * ```ts
 * import { Engine } from "@stint/emulator"
 * import { Schema } from "effect"
 *
 * const decode = Engine.decoder(Schema.Struct({ inputs: Schema.String }))
 * export const body = decode({ inputs: "a text" })
 * ```
 */
export const decoder = <A, I>(
  schema: Schema.Codec<A, I>
): ((value: unknown) => Effect.Effect<A, Refusal>) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (value) =>
    Effect.mapError(decode(value), (error) => new Refusal({ reason: "Malformed", message: error.message }))
}
