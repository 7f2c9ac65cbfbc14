/** What `stint cluster cancel` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Cancel } from "../../commands/cluster/steer.ts"
import * as Database from "./database.ts"
import * as StatusJson from "./statusJson.ts"

/** What the command does. */
export const handle = Effect.fn("cluster cancel")(function* (options: Cancel) {
  const { ClusterBatch, Engine } = yield* Effect.promise(() => import("@stint/cluster"))
  const work = Effect.gen(function* () {
    const before = yield* ClusterBatch.status(options.run)
    yield* ClusterBatch.cancel(options.run)
    const after = yield* ClusterBatch.status(options.run)
    if (options.json) return yield* StatusJson.print(after)
    const isLive = before.state === "enqueuing" || before.state === "running"
    yield* Console.log(
      isLive && after.state === "cancelled"
        ? `The run "${options.run}" is cancelled: workers finish what is in flight and release endpoint ${after.endpoint}. What is done is kept: stint cluster resume ${options.run}`
        : `The run "${options.run}" was over already: ${after.state}. Nothing was changed.`
    )
  })
  yield* Database.using(options, Effect.provide(work, Engine.layerClient))
})
