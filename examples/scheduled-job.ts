/** A nightly batch: what came in during the day is done at two, and a night without new rows wakes nothing. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, Journal, Scheduled } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Console, DateTime, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const job = Job.embed({ key: (text: string) => text, text: (text) => text })

const program = Effect.gen(function* () {
  // Stands for the table that rows are written to by day.
  const table: Array<string> = []

  const nightly = Stream.suspend(() => Stream.fromIterable([...table])).pipe(
    Batch.runOn({ name: "nightly", spec }, job),
    Effect.tap(({ bill, skipped, succeeded }) =>
      Effect.flatMap(DateTime.now, (now) =>
        Console.log(
          `${DateTime.formatIso(now).slice(0, 16)}  ${succeeded} done, ${skipped} before, ` +
            `${bill?.billedMinutes ?? 0} minutes billed`
        )
      )
    ),
    // One run at a time, six hours at most; a night that the machine slept through is made up for in the morning.
    Scheduled.run({ cron: "0 2 * * *", timeZone: "UTC", missed: "once", deadline: "6 hours" })
  )
  const fiber = yield* Effect.forkChild(nightly, { startImmediately: true })

  // Four days in two seconds: this clock moves when it is told to. In small steps, so that the answers, which come over
  // (pretended) HTTP, keep up with it.
  const days = [["the sea", "the shore"], ["a boat"], [], ["the harbour"]]
  for (const rows of days) {
    table.push(...rows)
    yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 24 * 360 - 1 })
  }
  yield* Fiber.interrupt(fiber)
})

const emulated = Layer.provide(Emulator.layerEndpoints, Emulator.layerMemory({ boot: "3 minutes" }))
const layer = Layer.merge(Journal.layerMemory, emulated).pipe(Layer.provideMerge(TestClock.layer()))

NodeRuntime.runMain(Effect.provide(program, layer))
