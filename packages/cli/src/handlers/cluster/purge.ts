/** What `stint cluster purge` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Purge } from "../../commands/cluster/results.ts"
import { InputFlagRefused } from "../../InputFlags.ts"
import * as Database from "./database.ts"

const encode = Schema.encodeEffect(
  Schema.fromJsonString(Schema.Struct({ run: Schema.String, results: Schema.Finite }))
)

/** What the command does. */
export const handle = Effect.fn("cluster purge")(function* (options: Purge) {
  const { ClusterBatch } = yield* Effect.promise(() => import("@stint/cluster"))
  const { json, olderThan } = options
  if (options.run.length === 0 && Option.isNone(olderThan)) {
    return yield* new InputFlagRefused({
      flag: "older-than",
      detail: "name the runs that are to be forgotten, or say how old they must be, as in --older-than 30d"
    })
  }
  const work = Effect.gen(function* () {
    const old = Option.isSome(olderThan) ? yield* ClusterBatch.finishedBefore(olderThan.value) : []
    const names = [...new Set([...options.run, ...old])]
    for (const run of names) {
      const results = yield* ClusterBatch.purge(run)
      if (json) yield* Console.log(yield* Effect.orDie(encode({ run, results })))
      else yield* Console.log(`${run}: forgotten, with ${results.toLocaleString("en-US")} results.`)
    }
    if (names.length === 0 && !json) yield* Console.log("No run has been over for so long.")
  })
  yield* Database.using(options, work)
})
