/** Answers that are none: what a transport does when the connection is to break. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** The connection breaks without an answer. Each transport breaks it in its own way. */
export class Cut extends Data.TaggedError("Cut") {}

/** What a transport serves. */
export type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Cut,
  HttpServerRequest.HttpServerRequest
>

/** An answer whose bytes are taken through something on their way; one without bytes stays as it is. */
const through = (
  response: HttpServerResponse.HttpServerResponse,
  change: (bytes: Stream.Stream<Uint8Array, unknown>) => Stream.Stream<Uint8Array, unknown>
): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (body._tag !== "Uint8Array" && body._tag !== "Stream" && body._tag !== "Empty") return response
  const { contentLength, contentType } = body._tag === "Empty" ? empty : body
  const bytes =
    body._tag === "Stream" ? body.stream : body._tag === "Empty" ? Stream.empty : Stream.succeed(body.body)
  return HttpServerResponse.setBody(response, HttpBody.stream(change(bytes), contentType, contentLength))
}

const empty = { contentLength: undefined, contentType: undefined }

const pieces = (size: number) => (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size)
  )

/** The connection breaks after so many bytes of the body. A body that is shorter breaks at its end. */
export const cutAfter = (
  response: HttpServerResponse.HttpServerResponse,
  size: number
): HttpServerResponse.HttpServerResponse => {
  let left = size
  const take = (bytes: Uint8Array) => {
    const part = bytes.subarray(0, left)
    left -= part.length
    return part
  }
  return through(response, (bytes) =>
    bytes.pipe(
      Stream.map(take),
      Stream.takeUntil(() => left <= 0),
      Stream.filter((part) => part.length > 0),
      // What was written has to leave before the connection goes: it does in the next turn of the event loop.
      Stream.concat(Stream.fromEffect(Effect.andThen(Effect.yieldNow, new Cut())))
    )
  )
}

/** The body comes in pieces of so many bytes, a pause before each. */
export const slowed = (
  response: HttpServerResponse.HttpServerResponse,
  size: number,
  pause: Effect.Effect<void>
): HttpServerResponse.HttpServerResponse =>
  through(response, (bytes) =>
    bytes.pipe(
      Stream.flatMap((whole) => Stream.fromIterable(pieces(size)(whole))),
      Stream.rechunk(1),
      Stream.mapEffect((piece) => Effect.as(pause, piece))
    )
  )
