/** An answer that is a stream of server-sent events, each with one line of data. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

const toJson = Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** What ends a stream of OpenAI's protocol. */
export const done = "[DONE]"

/** An event's bytes: JSON, or {@link done} as it is. */
const event = (data: unknown): Effect.Effect<string> =>
  data === done
    ? Effect.succeed(`data: ${done}\n\n`)
    : Effect.map(Effect.orDie(toJson(data)), (json) => `data: ${json}\n\n`)

/** Answers 200 at once; the events follow as they come. */
export const answer = (
  events: Stream.Stream<unknown>,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  // The body is sent by the server, after the request's fiber is done: it takes the clock along.
  Effect.map(Effect.context<never>(), (context: Context.Context<never>) =>
    HttpServerResponse.stream(
      events.pipe(
        Stream.mapEffect((data) => event(data)),
        Stream.encodeText,
        Stream.provideContext(context)
      ),
      { contentType: "text/event-stream", headers: { "cache-control": "no-cache", ...headers } }
    )
  )
