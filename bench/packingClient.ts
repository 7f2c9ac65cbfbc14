/**
 * Runs that embed texts, so many a request each: `node bench/packingClient.ts <url> <"tei" | "vLLM"> <count> <1,8,32,…>`. Prints a
 * line of JSON for all of them.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Job, Journal, Limit } from "@stint/batch"
import { Effect, FileSystem, Schema, Stream } from "effect"
import * as BenchEndpoint from "./endpoint.ts"
import { IN_FLIGHT, type Row, rowsOf } from "./peerWays.ts"
import { Line } from "./packingLine.ts"

const [, , url = "", engine = "tei", count = "", packs = ""] = process.argv
const COUNT = Number(count)
const sizes = packs.split(",").map(Number)

const job = Job.embed({ key: ({ id }: Row) => id, text: ({ text }) => text })

/** A run with its journal. */
const run = (directory: string, size: number, count: number, prefix: string) =>
  Stream.fromIterable(rowsOf(count, prefix)).pipe(
    Batch.run(job, {
      limit: Limit.adaptive({ initial: IN_FLIGHT, max: IN_FLIGHT }),
      pack: size === 1 ? false : { maxItems: size, maxWeight: Infinity }
    }),
    Effect.flatMap(({ succeeded }) =>
      succeeded === count ? Effect.void : Effect.die(`${succeeded} of ${count} succeeded`)
    ),
    Effect.provide([
      BenchEndpoint.layer(url, engine === "vLLM" ? "vLLM" : "tei"),
      Journal.layerFile(`${directory}/${prefix}journal.jsonl`)
    ])
  )

const measured = Effect.fnUntraced(function* (directory: string, size: number) {
  const cpu = process.cpuUsage()
  const from = performance.now()
  yield* run(directory, size, COUNT, `of-${size}-`)
  const seconds = (performance.now() - from) / 1000
  const { system, user } = process.cpuUsage(cpu)
  return { size, microsEach: (system + user) / COUNT, perSecond: COUNT / seconds }
})

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  // All of them first: whichever comes first would warm up the others.
  yield* Effect.forEach(sizes, (size) => run(directory, size, COUNT / 2, `warm-${size}-`))
  const all = yield* Effect.forEach(sizes, (size) => measured(directory, size))
  process.stdout.write(`${yield* Schema.encodeEffect(Line)(all)}\n`)
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

await Effect.runPromise(program)
