/**
 * A small program on the library, run by plain Node: `program.ts rows.jsonl spec.json out`. A line on its standard input
 * is an order: how to end in the middle of whatever it does, or to drain.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Journal, Limit, Row, Sink } from "@stint/batch"
import { LeaseRecords, UndiciClient } from "@stint/batch/node"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Console, Deferred, Effect, FileSystem, Layer, Schema } from "effect"
import * as readline from "node:readline"

class Stopped extends Schema.TaggedError<Stopped>()("Stopped", {}) {
  override get message() {
    return "stopped by an error of its own"
  }
}

const [input = "", specFile = "", out = ""] = process.argv.slice(2)

const decodeSpec = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

const batch = (drain: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const spec = yield* Effect.flatMap(
      Effect.flatMap(fs.readFileString(specFile), decodeSpec),
      EndpointSpec.fromJson
    )
    const { items } = Row.checked(input, "embed")
    yield* Batch.runOn(
      items,
      {
        name: "batch",
        spec,
        onEvent: (event) => Console.error(event._tag)
      },
      Row.job("embed"),
      { drain, limit: Limit.fixed(4) }
    )
    yield* Sink.results(out, Row.format)
  })

const program = Effect.gen(function* () {
  const drain = yield* Deferred.make<void>()
  const order = Effect.callback<string, Stopped>((resume) => {
    const lines = readline.createInterface({ input: process.stdin })
    lines.on("line", (line) => {
      if (line === "drain") {
        Deferred.doneUnsafe(drain, Effect.void)
        process.stderr.write("draining\n")
      } else if (line === "fail") resume(new Stopped())
      else if (line === "die") resume(Effect.die(new Error("a defect")))
      else if (line === "interrupt") resume(Effect.interrupt)
      else resume(Effect.succeed(line))
    })
  })
  // Whatever comes first: the batch is interrupted by the order, and its endpoint released.
  yield* Effect.raceFirst(batch(Deferred.await(drain)), order)
})

const client = UndiciClient.layerConfig()
const services = Layer.mergeAll(
  Endpoints.layerConfig(),
  LeaseRecords.layerConfig(),
  Journal.layerFile(`${out}/journal.jsonl`)
).pipe(Layer.provide(client), Layer.provideMerge(NodeServices.layer))

if ("unref" in process.stdin && typeof process.stdin.unref === "function") process.stdin.unref()

NodeRuntime.runMain(Effect.provide(program, services))
