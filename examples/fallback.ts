/**
 * A plan for when the hardware is taken: another kind is next.
 *
 * The two share a journal, so that what the first has done is not done again.
 *
 * On an account: a few minutes of nvidia-t4 x1 at $0.50 an hour, some 5 cents, or a cent where it falls back to the CPU.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, CurrentEndpoint, Job, Journal, ManagedEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, Effect, ExecutionPlan, Layer, Stream } from "effect"
import { endpoints } from "./setup/endpoints.ts"

const model = { repository: "intfloat/e5-small", task: "feature-extraction" }
const cloud = { vendor: "aws", region: "us-east-1" }

// One endpoint for each kind of hardware, because an endpoint does not change its kind.
const onGpu = ManagedEndpoint.layer({
  name: "example-fallback-gpu",
  spec: EndpointSpec.make({
    ...model,
    ...cloud,
    accelerator: "gpu",
    instanceType: "nvidia-t4",
    instanceSize: "x1"
  }),
  readyTimeout: "15 minutes"
})
const onCpu = ManagedEndpoint.layer({
  name: "example-fallback-cpu",
  spec: EndpointSpec.make({
    ...model,
    ...cloud,
    accelerator: "cpu",
    instanceType: "intel-spr",
    instanceSize: "x1"
  })
})

const job = Job.embed({ key: (text: string) => text, text: (text) => text })

const batch = Effect.gen(function* () {
  const { endpoint } = yield* CurrentEndpoint
  const report = yield* Stream.make("the sea", "the shore", "a boat").pipe(Batch.run(job))
  yield* Console.log(`${report.succeeded} done on ${endpoint.name}`)
})

/** What other hardware may mend. A token that may not, or a spec that is refused, is the same everywhere. */
const isForWantOfHardware = (error: ManagedEndpoint.AcquireError | Effect.Error<typeof batch>) =>
  error._tag === "QuotaExceeded" ||
  error._tag === "Timeout" ||
  error._tag === "EndpointFailed" ||
  (error._tag === "ApiError" && error.reason._tag === "NoCapacity")

const plan = ExecutionPlan.make({ provide: onGpu }, { provide: onCpu, while: isForWantOfHardware })

// The emulator has none of these GPUs to give.
const layer = Layer.merge(Journal.layerMemory, endpoints({ unavailable: ["nvidia-t4"] }))

NodeRuntime.runMain(batch.pipe(Effect.withExecutionPlan(plan), Effect.provide(layer)))
