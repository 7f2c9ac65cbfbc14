/**
 * A run as the command makes it, of the rows in a folder: `node bench/memoryRun.ts <folder> <url> <count>`. With `again` after
 * that it only reads what is left of them, which has to be nothing.
 */
// Before all others, as the command does.
// oxlint-disable-next-line import/no-unassigned-import
import "@stint/cli/Heap"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Batch from "@stint/batch/Batch"
import * as Inference from "@stint/batch/Inference"
import * as Job from "@stint/batch/Job"
import * as Journal from "@stint/batch/Journal"
import * as Progress from "@stint/batch/Progress"
import * as Sink from "@stint/batch/Sink"
import * as Source from "@stint/batch/Source"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as BenchEndpoint from "./endpoint.ts"
import { measure } from "./measured.ts"

const Row = Schema.Struct({ id: Schema.String, inputs: Schema.String })

const job = Job.make({
  name: "echo",
  key: ({ id }: typeof Row.Type) => id,
  fingerprint: ({ inputs }) => inputs,
  output: Schema.Json,
  run: (row) => Effect.map(Inference.request({ path: "/", body: row }), ({ body }) => body)
})

const [, , directory = "", url = "", count = "", again] = process.argv

const items = Source.jsonl(`${directory}/rows.jsonl`, Row)

const run = Effect.gen(function* () {
  const plan = yield* Batch.prepare(items, job)
  if (again !== undefined) {
    return plan.remaining === 0 ? undefined : yield* Effect.die(`${plan.remaining} are left`)
  }
  yield* Batch.run(items, job, { progress: Progress.make({ total: plan.items }) })
  const written = yield* Sink.results(directory)
  if (written.results !== Number(count)) return yield* Effect.die(`${written.results} results of ${count}`)
}).pipe(Effect.provide([BenchEndpoint.layer(url), Journal.layerFile(`${directory}/journal.jsonl`)]))

const left = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  let bytes = 0
  for (const file of yield* fs.readDirectory(directory)) {
    if (file !== "rows.jsonl") bytes += Number((yield* fs.stat(`${directory}/${file}`)).size)
  }
  return bytes
})

await Effect.runPromise(
  measure(run, Number(count), Effect.orDie(left)).pipe(Effect.provide(NodeServices.layer))
)
