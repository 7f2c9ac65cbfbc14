/** `stint endpoints resume`: the bill begins again. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as Steer from "./steer.ts"
import * as Target from "./Target.ts"
import * as Waiting from "./waiting.ts"

/** `stint endpoints resume` */
export const resume = Command.make(
  "resume",
  {
    names: Target.names,
    ...Target.flags,
    wait: Flag.Boolean("wait").pipe(
      Flag.withDescription("Wait until they answer requests"),
      Flag.withDefault(false)
    ),
    timeout: Waiting.timeout,
    json: Target.json
  },
  Effect.fn("endpoints.resume")(function* (given) {
    const endpoints = yield* Target.service(given)
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
).pipe(
  Command.withDescription("Start endpoints that are paused or asleep, and their bill"),
  Command.withExamples([
    { command: "stint endpoints resume batch --wait", description: "Start it, and wait until it answers" }
  ])
)
