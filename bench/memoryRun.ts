/** A run as the command makes it, of the rows in a folder: `node bench/memoryRun.ts <folder> <url> <count>`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Inference, Job, Journal, Progress, Sink, Source } from "@stint/batch"
import { Effect, Schema } from "effect"
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

const [, , directory = "", url = "", count = ""] = process.argv

const run = Effect.gen(function* () {
  const items = Source.jsonl(`${directory}/rows.jsonl`, Row)
  const plan = yield* Batch.prepare(items, job)
  yield* Batch.run(items, job, { progress: Progress.make({ total: plan.items }) })
  const written = yield* Sink.results(directory)
  if (written.results !== Number(count)) return yield* Effect.die(`${written.results} results of ${count}`)
}).pipe(Effect.provide([BenchEndpoint.layer(url), Journal.layerFile(`${directory}/journal.jsonl`)]))

await Effect.runPromise(measure(run, Number(count)).pipe(Effect.provide(NodeServices.layer)))
