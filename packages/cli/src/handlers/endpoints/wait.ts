/** What `stint endpoints wait` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { withNear } from "../../EndpointMissing.ts"
import * as Attended from "./attended.ts"
import * as Namespace from "../../Namespace.ts"
import * as Waiting from "./waiting.ts"
import type { Given } from "../../commands/endpoints/wait.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** What the command does. */
export const handle = Effect.fn("endpoints.wait")(function* (given: Given) {
  const { name, state, timeout } = given
  const endpoints = yield* Namespace.service(given)
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
