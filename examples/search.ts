/**
 * Search by meaning: each question finds its definition.
 *
 * Definitions and questions are embedded in one batch.
 *
 * On an account: a few minutes of intel-spr x1 at $0.033 an hour, less than a cent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, Stream } from "effect"
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

const definitions = {
  thunderstorm: "a storm resulting from strong rising air currents; heavy rain or hail along with thunder",
  adz: "an edge tool used to cut and shape wood",
  dinner: "the main meal of the day served in the evening or at midday",
  lullaby: "a quiet song intended to lull a child to sleep",
  composer: "someone who composes music as a profession",
  harbour: "a sheltered port where ships can take on or discharge cargo"
}
const questions = ["heavy rain with thunder", "a tool for cutting wood", "the last meal of the day"]

// The text is its own key: the same text is not sent twice. e5 was trained on texts that say what they are.
const job = Job.embed({ key: (text: string) => text, text: (text) => `query: ${text}` })

type Vector = ReadonlyArray<number>
const dot = (a: Vector, b: Vector) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)
const cosine = (a: Vector, b: Vector) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

const program = Effect.gen(function* () {
  const vectors = new Map<string, Vector>()
  yield* withEndpoint({ name: "example-search", spec }, () =>
    Stream.fromIterable([...Object.values(definitions), ...questions]).pipe(
      Batch.stream(job),
      Stream.runForEach((outcome) =>
        outcome._tag === "Succeeded"
          ? Effect.sync(() => vectors.set(outcome.key, outcome.output))
          : Console.error(`${outcome.key} has no vector`)
      )
    )
  )
  // The endpoint is paused by now: comparing costs nothing.
  const score = (a: string, b: string) => cosine(vectors.get(a) ?? [], vectors.get(b) ?? [])
  for (const question of questions) {
    const [best] = Object.entries(definitions).toSorted(
      ([, a], [, b]) => score(question, b) - score(question, a)
    )
    yield* Console.log(`${question}: ${best?.[0]}`)
  }
})

NodeRuntime.runMain(Effect.provide(program, endpoints()))
