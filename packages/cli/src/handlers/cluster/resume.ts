/** What `stint cluster resume` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Resume } from "../../commands/cluster/steer.ts"
import * as Database from "./database.ts"
import * as Waiting from "./waiting.ts"

/** What the command does. */
export const handle = Effect.fn("cluster resume")(function* (options: Resume) {
  const { ClusterBatch, Engine } = yield* Effect.promise(() => import("@stint/cluster"))
  const work = Effect.gen(function* () {
    yield* ClusterBatch.resume(options.run)
    yield* Console.error(`The run "${options.run}" goes on.`)
    yield* Waiting.afterStart(options.run, options)
  })
  yield* Database.using(options, Effect.provide(work, Engine.layerClient))
})
