/**
 * A job of one's own: how alike are two texts?
 *
 * Two calls for each item, one number as the output.
 *
 * On an account: a few minutes of intel-spr x1 at $0.033 an hour, less than a cent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Inference, Job, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, Schema, Stream } from "effect"
import { endpoints } from "./setup/endpoints.ts"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

interface Pair {
  readonly id: string
  readonly texts: readonly [string, string]
}

const alike = Job.make({
  name: "alike",
  key: (pair: Pair) => pair.id,
  // Whatever decides the answer: when it changes, a journal does not take the item for done.
  fingerprint: (pair) => pair.texts,
  // How an answer is written down and read back.
  output: Schema.Finite,
  isDeterministic: true,
  // One attempt. Where a call fails, all of it is tried again, as the policy for rows says.
  run: ({ texts: [one, other] }) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([Inference.featureExtraction(one), Inference.featureExtraction(other)])
      const dot = (x: ReadonlyArray<number>, y: ReadonlyArray<number>) =>
        x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
    })
})

const pairs = Stream.make<ReadonlyArray<Pair>>(
  { id: "dog and puppy", texts: ["a young dog", "a puppy"] },
  { id: "dog and invoice", texts: ["a young dog", "an itemised bill for goods"] }
)

const program = withEndpoint({ name: "example-custom-job", spec }, () =>
  pairs.pipe(
    Batch.stream(alike),
    Stream.runForEach((outcome) =>
      Console.log(
        `${outcome.key}: ${outcome._tag === "Succeeded" ? outcome.output.toFixed(2) : outcome._tag}`
      )
    )
  )
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
