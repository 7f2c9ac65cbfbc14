/**
 * From an HTTP answer to a typed error, in one place.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as EndpointError from "../EndpointError.ts"
import type { Rejection } from "../ControlPlane.ts"
import * as Policy from "../Policy.ts"
import type * as Secret from "../Secret.ts"

/** An answer outside 2xx, with what it said. */
export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  status: Schema.Int,
  detail: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String),
  retryAfter: Schema.optional(Schema.Duration)
}) {}

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

/** What an error's JSON says, no deeper than anybody puts it: a body may be nested deeper than the stack goes. */
const firstText = (json: Schema.Json | undefined, depth = 0): string | undefined => {
  if (json === undefined || depth > 8) return undefined
  if (typeof json === "string") return json
  if (Array.isArray(json)) {
    const texts = json.map((item: Schema.Json) => firstText(item, depth + 1))
    return texts.filter(Predicate.isNotUndefined).join("; ") || undefined
  }
  return isObject(json)
    ? ["error", "errors", "message"]
        .map((key) => firstText(json[key], depth + 1))
        .find(Predicate.isNotUndefined)
    : undefined
}

/**
 * What an error body says: the `error` of JSON, or plain text; HTML and nothing say nothing.
 */
export const detailOf = (text: string): string | undefined => {
  const json = Option.getOrUndefined(decodeJson(text))
  const said = json === undefined ? (/^\s*</.test(text) ? undefined : text.trim()) : firstText(json)
  return said === undefined || said === "" ? undefined : said.slice(0, 2000)
}

const requestIdOf = (headers: Headers.Headers): string | undefined =>
  headers["x-request-id"] ?? headers["x-amzn-trace-id"] ?? headers["x-amz-cf-id"]

/** Takes the token out of what a server says. */
export type Conceal = ReturnType<typeof Secret.conceal>

const refuse = Effect.fnUntraced(function* (
  response: HttpClientResponse.HttpClientResponse,
  conceal: Conceal
) {
  const text = conceal(yield* Effect.orElseSucceed(response.text, () => ""))
  return yield* new Refusal({
    status: response.status,
    detail: conceal(response.headers["x-error-message"]) ?? detailOf(text),
    requestId: conceal(requestIdOf(response.headers)),
    retryAfter: Policy.retryAfterOf(response.headers)
  })
})

/**
 * Lets a 2xx through, any other 2xx read as 200 (the contract promises 200, older documents 201), its empty body as `{}`;
 * fails with a {@link Refusal} otherwise.
 */
export const requireOk =
  (conceal: Conceal) =>
  (
    response: HttpClientResponse.HttpClientResponse
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, Refusal | HttpClientError.HttpClientError> => {
    if (response.status < 200 || response.status >= 300) return refuse(response, conceal)
    // Nothing is promised of the body of a DELETE, least of all that there is one.
    if (response.status === 200 && response.request.method !== "DELETE") return Effect.succeed(response)
    return Effect.map(response.text, (text) =>
      HttpClientResponse.fromWeb(
        response.request,
        new Response(text === "" ? "{}" : text, {
          status: 200,
          headers: { "content-type": "application/json" }
        })
      )
    )
  }

const reasonOf = (refusal: Refusal): EndpointError.Reason => {
  const { status, detail, requestId } = refusal
  const answer = { status, detail, requestId }
  if (status === 401) return new EndpointError.Unauthorized(answer)
  if (status === 402 || (status === 403 && /payment/i.test(detail ?? "")))
    return new EndpointError.PaymentRequired(answer)
  if (status === 403) return new EndpointError.Forbidden(answer)
  if (status === 429) return new EndpointError.RateLimited({ ...answer, retryAfter: refusal.retryAfter })
  // 501 is no trouble of the moment: this deployment will never do it.
  if (status === 408 || (status >= 500 && status !== 501)) return new EndpointError.ServerError(answer)
  if (status === 400 && /not available yet/i.test(detail ?? "")) return new EndpointError.NoCapacity(answer)
  return status >= 400 ? new EndpointError.InvalidRequest(answer) : new EndpointError.DecodeError(answer)
}

/** The call that failed, for the message. */
export interface Call {
  readonly method: string
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

/** What a call can fail with before it is an `ApiError`. */
export type CallFailure = Rejection | Refusal | HttpClientError.HttpClientError | Schema.SchemaError

const transportDetail = (error: HttpClientError.HttpClientError) => {
  const cause = error.reason.cause
  const inner = Predicate.isError(cause) && Predicate.isError(cause.cause) ? cause.cause : cause
  return Predicate.isError(inner) ? `${error.message}: ${inner.message}` : error.message
}

const toReason = (error: CallFailure, conceal: Conceal): EndpointError.Reason => {
  if (error._tag === "Refusal") return reasonOf(error)
  if (error._tag === "SchemaError") return new EndpointError.DecodeError({ detail: conceal(error.message) })
  // `requireOk` has read every refusal before the contract's own decoding could.
  if (error._tag !== "HttpClientError")
    return new EndpointError.InvalidRequest({ detail: conceal(error.error) })
  return error.reason._tag === "TransportError"
    ? new EndpointError.TransportError({ detail: conceal(transportDetail(error)) })
    : new EndpointError.DecodeError({ detail: conceal(error.message) })
}

/** An {@link EndpointError.ApiError} of the given call. */
export const apiError = (call: Call, reason: EndpointError.Reason): EndpointError.ApiError =>
  new EndpointError.ApiError({
    method: call.method,
    namespace: call.namespace,
    name: call.name,
    reason
  })

/**
 * Maps every failure of a call to an `ApiError`, and ends it at the deadline of `Policy.CurrentCallTimeout`.
 */
export const toApiError =
  (call: Call, conceal: Conceal) =>
  <A, R>(effect: Effect.Effect<A, CallFailure, R>): Effect.Effect<A, EndpointError.ApiError, R> =>
    Effect.flatMap(Policy.CurrentCallTimeout, (duration) =>
      effect.pipe(
        Effect.mapError((error) => apiError(call, toReason(error, conceal))),
        Effect.timeoutOrElse({
          duration,
          orElse: () =>
            Effect.fail(
              apiError(
                call,
                new EndpointError.TransportError({
                  detail: `no answer within ${Duration.format(Duration.fromInputUnsafe(duration))}`
                })
              )
            )
        })
      )
    )

/** Tries again what may pass in a moment, as `Policy.CurrentTransient` says. */
export const retryTransient = <A, R>(
  effect: Effect.Effect<A, EndpointError.ApiError, R>
): Effect.Effect<A, EndpointError.ApiError, R> =>
  Effect.flatMap(Policy.CurrentTransient, (schedule) =>
    Effect.retry(effect, { schedule, while: (error) => error.isTransient })
  )
