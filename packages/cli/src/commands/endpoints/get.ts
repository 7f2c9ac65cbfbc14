/** `stint endpoints get`: everything about one endpoint. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import { withNear } from "../../EndpointMissing.ts"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as EndpointView from "../../ui/EndpointView.ts"
import * as Target from "./Target.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** `stint endpoints get` */
export const get = Command.make(
  "get",
  { name: Target.name, ...Target.flags, json: Target.json },
  Effect.fn("endpoints.get")(function* (given) {
    const endpoints = yield* Target.service(given)
    const endpoint = yield* withNear(endpoints)(endpoints.get(given.name))
    if (given.json) return yield* Console.log(yield* Effect.orDie(encode(endpoint.raw)))
    const listed = yield* EndpointPrice.listed(endpoints)
    yield* Console.log(EndpointView.format(endpoint, EndpointPrice.priceOf(endpoint, listed)))
  })
).pipe(
  Command.withDescription("Show one endpoint: state, URL, price, scaling"),
  Command.withExamples([
    { command: "stint endpoints get batch --json", description: "What the server says, as it says it" }
  ])
)
