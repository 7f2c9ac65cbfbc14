/**
 * Facts out of texts: answers that follow a schema, or fail.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, Schema, Stream } from "effect"
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

const Review = Schema.Struct({
  sentiment: Schema.Literals(["good", "bad", "mixed"]),
  stars: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  isAboutDelivery: Schema.Boolean
})

const job = Job.object({
  key: (row: { readonly id: string; readonly text: string }) => row.id,
  prompt: (row) => `What does this customer think?\n\n${row.text}`,
  schema: Review,
  parameters: { max_tokens: 200, temperature: 0 }
})

const rows = Stream.make(
  { id: "1", text: "Late, but lovely." },
  { id: "2", text: "Two cups were broken." },
  { id: "3", text: "Just what I wanted." }
)

const program = withEndpoint({ name: "example-structured", spec, maxCost: 0.5 }, () =>
  rows.pipe(
    Batch.stream(job),
    Stream.runForEach((outcome) =>
      outcome._tag === "Succeeded"
        ? Console.log(
            `${outcome.key}: ${outcome.output.sentiment}, ${outcome.output.stars} of 5, ` +
              `delivery: ${outcome.output.isAboutDelivery}`
          )
        : Console.log(`${outcome.key}: ${outcome._tag === "Failed" ? outcome.error.message : outcome._tag}`)
    )
  )
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
