/** What `stint endpoints list` does. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as EndpointTable from "../../ui/EndpointTable.ts"
import * as Width from "../../ui/Width.ts"
import * as Namespace from "../../Namespace.ts"
import type { Given } from "../../commands/endpoints/list.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Schema.Json)))

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

/** What the server says, and beside it what it does not: whose it is and what it costs. */
const toJson = ({ endpoint, price }: EndpointTable.Listed): Schema.Json => {
  const stint = {
    namespace: endpoint.namespace ?? null,
    pricePerHour: price.perReplica ?? null,
    billedReplicas: price.replicas,
    pricePerHourNow: price.now ?? null
  }
  const { raw } = endpoint
  return isObject(raw) ? { ...raw, stint } : { stint }
}

/** What the command does. */
export const handle = Effect.fn("endpoints.list")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const states = new Set(given.state)
  const found = yield* endpoints
    .list({
      namespace: given.allNamespaces ? "*" : undefined,
      search: Option.getOrUndefined(given.search),
      tags: given.tag.length === 0 ? undefined : given.tag
    })
    .pipe(
      Stream.filter(({ state }) => states.size === 0 || states.has(state)),
      Stream.runCollect
    )
  const listed = found.length === 0 ? [] : yield* EndpointPrice.listed(endpoints)
  const all = found.map((endpoint) => ({ endpoint, price: EndpointPrice.priceOf(endpoint, listed) }))
  if (given.json) return yield* Console.log(yield* Effect.orDie(encode(all.map(toJson))))
  if (all.length === 0) {
    const isAll = states.size === 0 && given.tag.length === 0 && Option.isNone(given.search)
    const where = given.allNamespaces ? "any namespace of this token" : yield* endpoints.namespace
    return yield* Console.error(`There is no ${isAll ? "" : "such "}endpoint in ${where}.`)
  }
  const now = yield* Clock.currentTimeMillis
  const width = yield* Width.ofStdout
  yield* Console.log(EndpointTable.format(all, { now, width, namespaces: given.allNamespaces }))
  yield* Console.error(EndpointTable.total(all))
})
