/** Rows, a job, a report: which programming language is it? One row fails, and the others do not. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Console, Effect, Layer, Stream } from "effect"

const spec = EndpointSpec.make({
  repository: "stint/guesslang",
  task: "text-classification",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  // Text Embeddings Inference, an engine that refuses an empty text.
  image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8" } }
})

interface Snippet {
  readonly id: string
  readonly code: string
}

const snippets: ReadonlyArray<Snippet> = [
  { id: "a", code: "fn main() {\n    let mut total = 0;\n    for i in 0..10 { total += i; }\n}" },
  { id: "b", code: "SELECT name, count(*) FROM runs\nWHERE state = 'done'\nGROUP BY name;" },
  { id: "c", code: "def mean(xs):\n    return sum(xs) / len(xs)\n\nprint(mean([1, 2, 3]))" },
  { id: "d", code: "" }
]

const job = Job.classify({ key: (snippet: Snippet) => snippet.id, text: (snippet) => snippet.code })

const program = withEndpoint({ name: "guess-language", spec }, () =>
  Effect.gen(function* () {
    const rows = Stream.fromIterable(snippets)

    // Outcome by outcome, in the order in which they finish.
    yield* rows.pipe(
      Batch.stream(job),
      Stream.runForEach((outcome) =>
        Console.log(
          outcome._tag === "Succeeded"
            ? `${outcome.key}: ${outcome.output[0]?.label}`
            : `${outcome.key}: ${outcome._tag === "Failed" ? outcome.error.message : outcome._tag}`
        )
      )
    )

    // Or the whole of it. Nothing was journalled above, so everything is done again.
    return yield* rows.pipe(Batch.run(job))
  })
).pipe(
  Effect.flatMap((report) =>
    Console.log(
      `${report.succeeded} succeeded, ${report.failed} failed, ${report.bill?.billedMinutes} minute billed`
    )
  )
)

const emulated = Layer.provide(Emulator.layerEndpoints, Emulator.layerMemory())

NodeRuntime.runMain(Effect.provide(program, emulated))
