/** What `stint endpoints resume` does. */
import * as Effect from "effect/Effect"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as Steer from "./steer.ts"
import * as Namespace from "../../Namespace.ts"
import * as Target from "../../commands/endpoints/Target.ts"
import * as Waiting from "./waiting.ts"
import type { Given } from "../../commands/endpoints/resume.ts"

/** What the command does. */
export const handle = Effect.fn("endpoints.resume")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const listed = yield* EndpointPrice.listed(endpoints)
  yield* Steer.each({
    endpoints,
    names: given.names,
    json: given.json,
    stops: false,
    change: Effect.fnUntraced(function* (name: string) {
      const resumed = yield* endpoints.resume(name)
      const endpoint = given.wait ? yield* Waiting.untilReady(endpoints, name, given.timeout) : resumed
      const { perReplica } = EndpointPrice.priceOf(endpoint, listed)
      const price =
        perReplica === undefined
          ? "billed from now on"
          : `$${EndpointPrice.dollars(perReplica)} an hour a replica`
      return {
        state: endpoint.state,
        words: `${endpoint.state}, ${price}. To stop it: ${Target.commandLine("pause", name, given)}`
      }
    })
  })
})
