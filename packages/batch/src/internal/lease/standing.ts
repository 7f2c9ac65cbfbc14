/**
 * Whether a place among the holders stands: where it may run out, nothing is sent on one that has.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { Hold } from "../../Leases.ts"

/** What a request is answered that is not sent: as by an endpoint that is not there, so that it is held and not charged. */
const notSent = () =>
  Response.json(
    { error: "not sent: the lease of the endpoint has run out, and is being taken again" },
    { status: 503 }
  )

export const make = (holdOf: () => Hold | undefined) => {
  const standing = () => holdOf()?.standing
  let losses = 0
  return {
    /** Sends nothing while the place is not known to stand. */
    guarded: (client: HttpClient.HttpClient): HttpClient.HttpClient =>
      standing() === undefined
        ? client
        : HttpClient.transform(client, (execute, request) =>
            Effect.suspend(() =>
              standing()?.isSure() === false
                ? Effect.succeed(HttpClientResponse.fromWeb(request, notSent()))
                : execute
            )
          ),
    /** Waits until the place stands; tells whether it was lost since this was asked last. */
    regained: Effect.suspend(() =>
      Effect.map(standing()?.regained ?? Effect.void, () => {
        const before = losses
        losses = standing()?.losses() ?? 0
        return losses > before
      })
    )
  }
}
