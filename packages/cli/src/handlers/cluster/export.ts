/** What `stint cluster export` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type { Export } from "../../commands/cluster/results.ts"
import { describe } from "@stint/batch/FileProblem"
import * as OutputFlags from "../../OutputFlags.ts"
import { FolderRefused } from "../../OutputFolder.ts"
import * as Database from "./database.ts"

const encode = Schema.encodeEffect(
  Schema.fromJsonString(
    Schema.Struct({ run: Schema.String, directory: Schema.String, results: Schema.Int, errors: Schema.Int })
  )
)

const count = (n: number) => n.toLocaleString("en-US")

/** Makes the folder, which must be nobody else's. */
const made = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(directory, { recursive: true })
  // Its results are made of its journal; these are not.
  if (yield* fs.exists(path.join(directory, "journal.jsonl"))) {
    return yield* new FolderRefused({ directory, detail: "it is the output folder of a run of stint run" })
  }
})

/** What the command does. */
export const handle = Effect.fn("cluster export")(function* (options: Export) {
  const { ClusterBatch, FleetStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const { json, out: directory, run } = options
  const work = Effect.gen(function* () {
    const kind = (yield* FleetStatus.kindOf(run)) ?? "http"
    const { images, kinds, table } = yield* OutputFlags.toOutput({ ...options, order: "finished" }, kind)
    yield* made(directory)
    const written = yield* ClusterBatch.exportTo(run, directory, { format: kinds, table, images })
    if (json) return yield* Console.log(yield* Effect.orDie(encode({ run, directory, ...written })))
    yield* Console.log(
      `${run}: ${count(written.results)} results and ${count(written.errors)} errors are in ${directory}.`
    )
    const { state } = yield* ClusterBatch.status(run)
    if (state === "enqueuing" || state === "running") {
      yield* Console.error(`The run "${run}" goes on: that is what there is by now.`)
    }
  })
  // Of the folder, as it is made.
  const refused = (error: unknown) =>
    error instanceof PlatformError ? new FolderRefused({ directory, detail: describe(error) }) : error
  yield* Database.using(options, Effect.mapError(work, refused))
})
