/**
 * What went wrong on the wire, as the errors of an `HttpClient`.
 */
import * as Predicate from "effect/Predicate"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"

const codeOf = (error: unknown) =>
  Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : undefined

/** A host with several addresses fails with one error for each and no words of its own. */
const spokesman = (error: Error): unknown =>
  error.message === "" && error instanceof AggregateError ? error.errors[0] : error

/** The words of an error with its code in them, as in `UND_ERR_SOCKET: other side closed`. */
export const describe = (error: Error): string => {
  const speaking = spokesman(error)
  const words = Predicate.isError(speaking) ? speaking.message : String(speaking)
  const code = codeOf(error) ?? codeOf(speaking)
  return code === undefined || words.includes(code) ? words : `${code}: ${words}`
}

/** No answer, or not all of one. */
export const transport = (request: HttpClientRequest, cause: Error): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, cause, description: describe(cause) })
  })

/** The answer is all there, and is not what it was read as. */
export const decoding = (response: HttpClientResponse, cause: unknown): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.DecodeError({
      request: response.request,
      response,
      cause,
      ...(Predicate.isError(cause) ? { description: describe(cause) } : {})
    })
  })

/** The body of the request is of no kind that can be sent. */
export const encoding = (request: HttpClientRequest, description: string): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, description }) })

/** The address is none. */
export const invalidUrl = (request: HttpClientRequest): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.InvalidUrlError({ request }) })

/** Nothing was upgraded. */
export const notUpgraded = (response: HttpClientResponse): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.StatusCodeError({
      request: response.request,
      response,
      description: "this client does not hand over connections"
    })
  })
