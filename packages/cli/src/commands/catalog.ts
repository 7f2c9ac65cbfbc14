/**
 * `stint catalog`: models that Hugging Face deploys with settings of its own.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Endpoints from "@stint/core/Endpoints"
import * as Target from "./endpoints/Target.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Schema.String)))

/** `stint catalog` */
export const catalog = Command.make(
  "catalog",
  {
    query: Argument.String("query").pipe(
      Argument.withDescription("Only repositories that have this in their name, in capitals or not"),
      Argument.optional
    ),
    ...Target.flags,
    json: Target.json
  },
  Effect.fn("catalog")(function* (given) {
    const endpoints = yield* Target.service(given)
    const all = yield* endpoints.catalog
    const part = Option.getOrElse(given.query, () => "").toLowerCase()
    const found = all.filter((repository) => repository.toLowerCase().includes(part)).toSorted()
    if (given.json) return yield* Console.log(yield* Effect.orDie(encode(found)))
    if (found.length === 0) {
      return yield* Console.error(
        `None of the ${all.length} models of the catalog has "${part}" in its name.`
      )
    }
    yield* Console.log(found.join("\n"))
  })
).pipe(
  Command.provide(Endpoints.layerConfig()),
  Command.withDescription("List the models of Hugging Face's catalog, by name"),
  Command.withExamples([{ command: "stint catalog qwen", description: "Those of a family" }])
)
