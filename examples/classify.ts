/**
 * Which programming language is it?
 *
 * Outcome by outcome, and one row that fails while the others do not.
 *
 * On an account: a few minutes of intel-spr x2 at $0.067 an hour, about a cent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, Stream } from "effect"
import { endpoints } from "./setup/endpoints.ts"

const spec = EndpointSpec.make({
  repository: "huggingface/CodeBERTa-language-id",
  task: "text-classification",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x2",
  // Text Embeddings Inference, an engine that refuses an empty text.
  image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:cpu-1.8" } }
})

interface Snippet {
  readonly id: string
  readonly code: string
}

const snippets: ReadonlyArray<Snippet> = [
  { id: "a", code: 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("sum", 1+2)\n}' },
  { id: "b", code: "<?php\nforeach ($rows as $row) {\n    echo $row['name'] . PHP_EOL;\n}" },
  { id: "c", code: "def mean(xs):\n    return sum(xs) / len(xs)\n\nprint(mean([1, 2, 3]))" },
  { id: "d", code: "" }
]

const job = Job.classify({ key: (snippet: Snippet) => snippet.id, text: (snippet) => snippet.code })

const program = withEndpoint({ name: "example-classify", spec }, ({ bill }) =>
  Stream.fromIterable(snippets).pipe(
    // Outcomes in the order in which they come. `Batch.run` has counts in their place.
    Batch.stream(job),
    Stream.runForEach((outcome) =>
      Console.log(
        outcome._tag === "Succeeded"
          ? `${outcome.key}: ${outcome.output[0]?.label}`
          : `${outcome.key}: ${outcome._tag === "Failed" ? outcome.error.message : outcome._tag}`
      )
    ),
    Effect.andThen(bill),
    Effect.tap(({ billedMinutes }) => Console.log(`${billedMinutes} minutes billed`))
  )
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
