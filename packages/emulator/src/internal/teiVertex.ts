/** TEI's `/vertex`: many requests in one, each answered as its own route would. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Engine from "../Engine.ts"
import * as Tei from "./tei.ts"

const decode = Engine.decoder(Schema.Struct({ instances: Schema.Array(Schema.Json) }))

/** The route. What has a query and texts is a rerank, whatever the model. */
export const route = (
  server: Tei.Server,
  works: {
    readonly own: (json: unknown) => Effect.Effect<Tei.Work, Engine.Refusal>
    readonly rerank: (json: unknown) => Effect.Effect<Tei.Work, Engine.Refusal>
  }
): Engine.Routes => ({
  "POST /vertex": Tei.plain(server, (json) =>
    Effect.flatMap(decode(json), ({ instances }) =>
      Effect.map(
        Effect.forEach(instances, (instance) =>
          Predicate.hasProperty(instance, "query") && Predicate.hasProperty(instance, "texts")
            ? works.rerank(instance)
            : works.own(instance)
        ),
        (done) => ({ predictions: done.map(({ output }) => output) })
      )
    )
  )
})
