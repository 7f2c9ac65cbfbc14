/**
 * A request that is answered by server-sent events.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Sse from "effect/encoding/Sse"
import * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Record from "effect/Record"
import { Fault, classify, transport } from "../../Fault.ts"
import type { Request } from "../../Inference.ts"
import type { CurrentEndpoint } from "../../ManagedEndpoint.ts"

type Held = CurrentEndpoint["Service"]

const failed =
  ({ conceal }: Held) =>
  ({ reason }: HttpClientError.HttpClientError): Fault => {
    const { cause, description } = reason
    const said = conceal(description ?? (Predicate.isError(cause) ? cause.message : ""))
    return transport(said === "" ? reason._tag : `${reason._tag}: ${said}`)
  }

/** What a refusal means is said in its body. */
const refused = (held: Held, { headers, status, text }: HttpClientResponse.HttpClientResponse) =>
  Effect.matchEffect(text, {
    onFailure: (error) => Effect.fail(failed(held)(error)),
    onSuccess: (body) =>
      Effect.fail(
        classify({
          status,
          headers: Headers.fromInput(Record.map(headers, held.conceal)),
          body: held.conceal(body)
        })
      )
  })

/** What ends a stream of OpenAI's protocol. */
const done = "[DONE]"

/** The data of events. A wish about when to connect again is passed over: an answer is not taken up in its middle. */
const dataOf = (text: Stream.Stream<string, Fault>): Stream.Stream<string, Fault> =>
  Stream.suspend(() => {
    let found: Array<string> = []
    const parser = Sse.makeParser((event) => {
      if (event._tag === "Event") found.push(event.data)
    })
    return text.pipe(
      Stream.mapEffect((piece) => {
        found = []
        const error = parser.feed(piece)
        return error === undefined ? Effect.succeed(found) : Effect.fail(transport(error.message))
      }),
      Stream.flattenIterable
    )
  })

/** Sends a request, and gives the data of the events that answer it, up to their end. One attempt: nothing is retried here. */
export const ask = (held: Held, { body, path }: Request): Stream.Stream<string, Fault> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const request = HttpClientRequest.post(path, {
        headers: { accept: "text/event-stream", "x-scale-up-timeout": "60" }
      }).pipe(HttpClientRequest.bodyJsonUnsafe(body))
      const response = yield* Effect.mapError(held.client.execute(request), failed(held))
      if (response.status < 200 || response.status > 299) return yield* refused(held, response)
      const type = response.headers["content-type"] ?? ""
      if (!type.startsWith("text/event-stream")) {
        return yield* new Fault({
          reason: "config",
          detail: `the endpoint does not stream: it answers ${held.conceal(type) || "nothing named"}`
        })
      }
      return response.stream.pipe(
        Stream.mapError(failed(held)),
        Stream.decodeText,
        dataOf,
        Stream.takeWhile((data) => data !== done)
      )
    })
  )
