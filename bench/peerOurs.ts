/** A run that embeds many texts: `node bench/peerOurs.ts <url> <count> <"packed" | "single" | texts a request>`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Job, Journal, Limit, Progress, Sink } from "@stint/batch"
import { Effect, FileSystem, Stream } from "effect"
import * as BenchEndpoint from "./endpoint.ts"
import { measure } from "./measured.ts"
import { IN_FLIGHT, type Row, rowsOf } from "./peerWays.ts"

const [, , url = "", count = "", packs = "packed"] = process.argv
const COUNT = Number(count)
const WARM_UP = Math.min(2000, COUNT)

const pack =
  packs === "packed"
    ? undefined
    : packs === "single"
      ? false
      : { maxItems: Number(packs), maxWeight: Infinity }

const job = Job.embed({ key: ({ id }: Row) => id, text: ({ text }) => text })

/** A run with its journal, and the results file that comes of it. */
const run = (directory: string, count: number, prefix: string) =>
  Effect.gen(function* () {
    const report = yield* Stream.fromIterable(rowsOf(count, prefix)).pipe(
      Batch.run(job, {
        limit: Limit.adaptive({ initial: IN_FLIGHT, max: IN_FLIGHT }),
        progress: Progress.make({ total: count }),
        pack
      })
    )
    if (report.succeeded !== count) return yield* Effect.die(`${report.succeeded} of ${count} succeeded`)
    yield* Sink.results(directory)
  }).pipe(
    Effect.provide([
      BenchEndpoint.layer(url, "tei"),
      Journal.layerFile(`${directory}/${prefix}journal.jsonl`)
    ])
  )

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* run(directory, WARM_UP, "warm-")
  yield* measure(run(directory, COUNT, "row-"), COUNT)
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

await Effect.runPromise(program)
