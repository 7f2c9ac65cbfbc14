/** Wakes an endpoint, asks it for one vector, and pauses it: the program of the README. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Inference, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Console, Effect, Layer } from "effect"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const program = withEndpoint({ name: "hello", spec }, ({ acquisition }) =>
  Effect.gen(function* () {
    const vector = yield* Inference.featureExtraction("the sea at night")
    yield* Console.log(`${acquisition}, ${vector.length} numbers`) // => Created, 64 numbers
  })
)

const emulated = Layer.provide(Emulator.layerEndpoints, Emulator.layerMemory())

NodeRuntime.runMain(Effect.provide(program, emulated))
