/**
 * A nightly batch: a night without new rows wakes nothing.
 *
 * On an account it waits for the night, until Ctrl-C: a few minutes of intel-spr x1 at $0.033 an hour, less than a cent. On
 * the emulator four days pass in seconds.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Batch, Job, Journal, Scheduled } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import { Console, DateTime, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { endpoints, place } from "./setup/endpoints.ts"

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

// Stands for the table that rows are written to by day.
const table = ["the sea", "the shore"]

const nightly = Stream.suspend(() => Stream.fromIterable([...table])).pipe(
  Batch.runOn({ name: "example-nightly", spec }, job),
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

/** This clock moves when it is told to. In small steps, so that answers over (pretended) HTTP keep up with it. */
const fourDays = Effect.gen(function* () {
  const fiber = yield* Effect.forkChild(nightly, { startImmediately: true })
  for (const more of [["a boat"], [], ["the harbour"], []]) {
    yield* Effect.repeat(TestClock.adjust("30 seconds"), { times: 24 * 120 - 1 })
    table.push(...more)
  }
  yield* Fiber.interrupt(fiber)
}).pipe(Effect.provide(Layer.provideMerge(endpoints({ boot: "3 minutes" }), TestClock.layer())))

const program = Effect.flatMap(place, (where) =>
  where === "account" ? Effect.provide(nightly, endpoints()) : fourDays
)

NodeRuntime.runMain(Effect.provide(program, Journal.layerMemory))
