/** `stint endpoints wait`: until it is ready, or in another state. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { withNear } from "../../EndpointMissing.ts"
import * as Attended from "./attended.ts"
import * as Target from "./Target.ts"
import * as Waiting from "./waiting.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** `stint endpoints wait` */
export const wait = Command.make(
  "wait",
  {
    name: Target.name,
    ...Target.flags,
    state: Flag.String("state").pipe(
      Flag.withDescription("The state to wait for; running also waits until the endpoint answers requests"),
      Flag.withDefault("running")
    ),
    timeout: Waiting.timeout,
    json: Target.json
  },
  Effect.fn("endpoints.wait")(function* (given) {
    const { name, state, timeout } = given
    const endpoints = yield* Target.service(given)
    const waiting = Effect.gen(function* () {
      const near = withNear(endpoints)
      const endpoint =
        state === "running"
          ? yield* near(Waiting.untilReady(endpoints, name, timeout))
          : yield* near(Waiting.untilState(endpoints, name, state, timeout))
      // The address is what a script wants that waited for it.
      yield* Console.log(
        given.json ? yield* Effect.orDie(encode(endpoint.raw)) : (endpoint.status.url ?? endpoint.state)
      )
    })
    yield* Attended.untilSignal(waiting, () => `no longer waiting; ${name} goes on as it is.`)
  })
).pipe(
  Command.withDescription("Wait until an endpoint is ready, and print its URL"),
  Command.withExamples([
    {
      command: "stint endpoints wait batch --timeout 10m",
      description: "Exit code 6 when it is not ready then"
    },
    { command: "stint endpoints wait batch --state scaledToZero", description: "Until it has fallen asleep" }
  ])
)
