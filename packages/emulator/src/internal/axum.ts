/** What the web framework under TGI and TEI says before the server's own code runs: plain text, no JSON. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

const bodyLimit = ByteSize.bytes(2_000_000)

/** Reads a JSON body of at most 2 MB. */
export const json = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<unknown, Engine.Refusal> => {
  const contentType = request.headers["content-type"] ?? ""
  return /^application\/([^;]+\+)?json\s*(;|$)/i.test(contentType)
    ? Engine.json(request, bodyLimit)
    : Effect.fail(
        new Engine.Refusal({
          reason: "NotJson",
          message: "Expected request with `Content-Type: application/json`"
        })
      )
}

/** Words for a body that no server's own code saw; nothing for what it did see. */
export const refuse = ({
  message,
  reason
}: Engine.Refusal): HttpServerResponse.HttpServerResponse | undefined => {
  switch (reason) {
    case "NotJson":
      return HttpServerResponse.text(message, { status: 415 })
    case "Unreadable":
      return HttpServerResponse.text(`Failed to parse the request body as JSON: ${message}`, { status: 400 })
    case "TooLarge":
      return HttpServerResponse.text("Failed to buffer the request body: length limit exceeded", {
        status: 413
      })
    case "Malformed":
      return HttpServerResponse.text(
        `Failed to deserialize the JSON body into the target type: ${message.slice(0, 1000)}`,
        { status: 422 }
      )
    default:
      return undefined
  }
}
