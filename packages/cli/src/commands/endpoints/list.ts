/** `stint endpoints list`: what there is, what it costs now, and whose it is. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as EndpointPrice from "../../EndpointPrice.ts"
import * as EndpointTable from "../../ui/EndpointTable.ts"
import * as Width from "../../ui/Width.ts"
import * as Target from "./Target.ts"

const flags = {
  ...Target.flags,
  allNamespaces: Flag.Boolean("all-namespaces").pipe(
    Flag.withAlias("A"),
    Flag.withDescription("Also those of every organisation that lets the token in"),
    Flag.withDefault(false)
  ),
  tag: Flag.String("tag").pipe(
    Flag.withDescription("Only those that have this tag; given again, all of them"),
    Flag.atLeast(0)
  ),
  state: Flag.String("state").pipe(
    Flag.withDescription("Only those in this state, as in running or paused; given again, in any of them"),
    Flag.atLeast(0)
  ),
  search: Flag.String("search").pipe(
    Flag.withDescription("Only those whose name has this in it"),
    Flag.optional
  ),
  json: Target.json
}

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

/** `stint endpoints list` */
export const list = Command.make(
  "list",
  flags,
  Effect.fn("endpoints.list")(function* (given) {
    const endpoints = yield* Target.service(given)
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
).pipe(
  Command.withDescription("List the endpoints, and what each costs an hour now"),
  Command.withExamples([
    { command: "stint endpoints list --state running", description: "What is billed" },
    {
      command: "stint endpoints list --tag stint --json",
      description: "What runs of Stint made, for a program"
    }
  ])
)
