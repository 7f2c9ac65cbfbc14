/**
 * Wakes an endpoint, asks it for one vector, and pauses it.
 *
 * On an account: a few minutes of intel-spr x1 at $0.033 an hour, less than a cent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Inference, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect } from "effect"
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

const program = withEndpoint({ name: "quickstart", spec }, ({ acquisition }) =>
  Effect.gen(function* () {
    const vector = yield* Inference.featureExtraction("the sea at night")
    yield* Console.log(`${acquisition}, ${vector.length} numbers`) // => Created, 64 numbers
  })
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
