/** What `stint endpoints get` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { withNear } from "../../EndpointMissing.ts"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as EndpointView from "../../ui/EndpointView.ts"
import * as Namespace from "../../Namespace.ts"
import type { Given } from "../../commands/endpoints/get.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** What the command does. */
export const handle = Effect.fn("endpoints.get")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const endpoint = yield* withNear(endpoints)(endpoints.get(given.name))
  if (given.json) return yield* Console.log(yield* Effect.orDie(encode(endpoint.raw)))
  const listed = yield* EndpointPrice.listed(endpoints)
  yield* Console.log(EndpointView.format(endpoint, EndpointPrice.priceOf(endpoint, listed)))
})
