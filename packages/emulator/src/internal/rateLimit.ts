/** How often a token may call the management API, told on every answer. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Refusal from "./refusal.ts"

/** So many calls in a window of so long. */
export interface Limit {
  readonly calls: number
  readonly window: Duration.Duration
}

/** Counts a request, refuses it when there are too many, and writes the headers onto the answer. */
export type RateLimit = (
  request: HttpServerRequest.HttpServerRequest
) => <E, R>(
  answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>

const refused = Refusal.refusal(429, "429 Too Many Requests", "TOO_MANY_REQUESTS")

/** Makes a limit. One that is not enforced is told all the same, and always has something left. */
export const make = (limit: Limit, isEnforced: boolean): RateLimit => {
  const window = Duration.toMillis(limit.window)
  const policy = `"fixed window";"api";q=${limit.calls};w=${Math.round(window / 1000)}`
  const used = new Map<string, { readonly since: number; calls: number }>()
  return (request) => (answer) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const token = request.headers["authorization"] ?? ""
      const found = used.get(token)
      const counter = found !== undefined && now < found.since + window ? found : { since: now, calls: 0 }
      if (counter !== found) {
        // Only windows that are open are of interest; tokens that nobody knows come and go.
        for (const [other, { since }] of used) if (now >= since + window) used.delete(other)
        used.set(token, counter)
      }
      counter.calls += 1
      const isOver = isEnforced && counter.calls > limit.calls
      const left = Math.max(isEnforced ? 0 : 1, limit.calls - counter.calls)
      const reset = Math.ceil((counter.since + window - now) / 1000)
      return Effect.map(isOver ? Effect.succeed(refused) : answer, (response) =>
        // A scenario's own headers stand.
        HttpServerResponse.setHeaders(response, {
          ratelimit: `"api";r=${left};t=${reset}`,
          "ratelimit-policy": policy,
          ...response.headers
        })
      )
    })
}
