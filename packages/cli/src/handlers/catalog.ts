/** What `stint catalog` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Namespace from "../Namespace.ts"
import type { Given } from "../commands/catalog.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Schema.String)))

/** What the command does. */
export const handle = Effect.fn("catalog")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const all = yield* endpoints.catalog
  const part = Option.getOrElse(given.query, () => "").toLowerCase()
  const found = all.filter((repository) => repository.toLowerCase().includes(part)).toSorted()
  if (given.json) return yield* Console.log(yield* Effect.orDie(encode(found)))
  if (found.length === 0) {
    return yield* Console.error(`None of the ${all.length} models of the catalog has "${part}" in its name.`)
  }
  yield* Console.log(found.join("\n"))
})
