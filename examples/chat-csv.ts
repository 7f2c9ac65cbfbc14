/**
 * A chat over a CSV file, with a prompt made of its columns.
 *
 * The answers are a CSV file again. The whole input is checked before anything is woken.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, Journal, Sink, Source, Table } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, FileSystem, Path, Schema, Stream } from "effect"
import { endpoints } from "./setup/endpoints.ts"

const spec = EndpointSpec.make({
  repository: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
  task: "text-generation",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000, healthRoute: "/health" } }
})

const Review = Schema.Struct({ id: Schema.String, lang: Schema.String, text: Schema.String })

const job = Job.chat({
  key: (review: typeof Review.Type) => review.id,
  messages: ({ lang, text }) => [
    { role: "system", content: `You answer customers in the language "${lang}", in one sentence.` },
    { role: "user", content: text }
  ],
  parameters: { max_tokens: 40, temperature: 0 }
})

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* path.fromFileUrl(new URL("data/reviews.csv", import.meta.url))
  const { items } = Source.checkedCsv(file, Review, { key: (review) => review.id })
  // A folder of your own keeps the journal, and with it the answers, for the next run.
  const out = yield* fs.makeTempDirectoryScoped()

  yield* Effect.gen(function* () {
    const report = yield* items.pipe(Batch.runOn({ name: "example-chat", spec, maxCost: 0.5 }, job))
    const order = Stream.map(items, job.key)
    yield* Sink.results(out, { format: "csv", table: Table.outputs("chat"), order })
    yield* Console.log(`${report.succeeded} answered, ${report.failed} failed`)
    yield* Console.log(yield* fs.readFileString(path.join(out, "results.csv")))
  }).pipe(Effect.provide(Journal.layerFile(path.join(out, "journal.jsonl"))))
})

NodeRuntime.runMain(Effect.scoped(program).pipe(Effect.provide(endpoints())))
