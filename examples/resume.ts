/** A run that is interrupted and started again: the journal knows what is done, and the endpoint is paused both times. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Job, Journal, Limit, Progress } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Console, Effect, FileSystem, Layer, Stream } from "effect"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const count = 5000
const rows = Stream.range(1, count)
const job = Job.embed({ key: (n: number) => `row-${n}`, text: (n) => `The number ${n}` })
const endpoint = { name: "resume", spec }
const limit = Limit.fixed(2)

const program = Effect.gen(function* () {
  const { get } = yield* Endpoints.Endpoints
  const state = Effect.map(get(endpoint.name), (found) => found.state)
  const journal = yield* Journal.Journal

  // The first run is interrupted as soon as some rows are done: by a timeout, a signal, a fiber that lost a race.
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
const emulated = Layer.provide(Emulator.layerEndpoints, Emulator.layerMemory({ boot: "200 millis" }))
const layer = Layer.merge(journal, emulated).pipe(Layer.provide(NodeServices.layer))

NodeRuntime.runMain(Effect.provide(program, layer))
