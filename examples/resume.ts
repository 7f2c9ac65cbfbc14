/**
 * A run that is cut off and started again.
 *
 * The journal knows what is done, and the endpoint is paused both times.
 *
 * On an account: ten minutes of intel-spr x1 at $0.033 an hour, a cent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, Journal, Limit, Progress } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Console, Effect, FileSystem, Layer, Stream } from "effect"
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

const count = 3000
const rows = Stream.range(1, count)
const job = Job.embed({ key: (n: number) => `row-${n}`, text: (n) => `The number ${n}` })
const endpoint = { name: "example-resume", spec }
const limit = Limit.fixed(2)

const program = Effect.gen(function* () {
  const { get } = yield* Endpoints.Endpoints
  const state = Effect.map(get(endpoint.name), (found) => found.state)
  const journal = yield* Journal.Journal

  // The first run is cut off as soon as some rows are done. A process that dies leaves the same journal behind, but not the
  // same endpoint: nobody pauses it then. See "What happens to the endpoint" in the README.
  const progress = Progress.make({ total: count })
  const someAreDone = progress.snapshot.pipe(
    Effect.delay("10 millis"),
    Effect.repeat({ until: ({ succeeded }) => succeeded >= 100 })
  )
  yield* rows.pipe(Batch.runOn(endpoint, job, { limit, progress }), Effect.raceFirst(someAreDone))
  const { succeeded } = yield* journal.counts
  yield* Console.log(
    `interrupted: ${succeeded >= 100 && succeeded < count ? "some" : succeeded} rows are done`
  )
  yield* Console.log(`the endpoint is ${yield* state}`)

  // The second does the rest. What was done is skipped: nothing is sent for it.
  const second = yield* rows.pipe(Batch.runOn(endpoint, job, { limit }))
  const isRest = second.skipped === succeeded && second.succeeded === count - succeeded
  yield* Console.log(`second run: ${isRest ? "did the rest" : "lost rows"}, the endpoint is ${yield* state}`)

  // The third finds nothing to do: it does not wake the endpoint.
  const third = yield* rows.pipe(Batch.runOn(endpoint, job, { limit }))
  yield* Console.log(`third run: ${third.skipped} skipped, ${third.bill?.billedMinutes ?? 0} minutes billed`)
})

const journal = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    return Journal.layerFile(`${directory}/journal.jsonl`)
  })
)

NodeRuntime.runMain(Effect.provide(program, Layer.provideMerge(journal, endpoints({ boot: "200 millis" }))))
