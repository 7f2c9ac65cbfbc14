/**
 * An emulator on real sockets, an input and an output folder: the world that the command runs in.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Emulator, type Engine, Scenario } from "@stint/emulator"
import { Context, Effect, FileSystem, Layer, Path, Redacted, Schema, Stream, SubscriptionRef } from "effect"
import { HttpServerResponse } from "effect/http"
import * as Stint from "./stintProcess.ts"

/** How many requests the engines have begun. */
class Starts extends Context.Service<Starts, SubscriptionRef.SubscriptionRef<number>>()(
  "test/command/Starts"
) {}

/** Waits until the engines have begun so many requests. */
export const started = (count: number) =>
  Effect.flatMap(Starts, (starts) =>
    SubscriptionRef.changes(starts).pipe(
      Stream.filter((now) => now >= count),
      Stream.take(1),
      Stream.runDrain
    )
  )

/** An engine that takes its time and answers every text with the same vector. */
const slowEngine = (millis: number, onStart: Effect.Effect<void>): Engine.Engine => ({
  name: "slow",
  healthRoute: "/health",
  handle: (request) =>
    request.method === "GET"
      ? Effect.succeed(HttpServerResponse.text("Ok"))
      : Effect.andThen(
          onStart,
          Effect.delay(Effect.succeed(HttpServerResponse.jsonUnsafe([[0.5, 0.25]])), millis)
        )
})

/** The emulator; every endpoint runs the slow engine. `rules` are what goes wrong. */
export const emulator = (options: {
  readonly boot: "short" | "long"
  readonly millis: number
  readonly rules?: Scenario.Input["rules"]
}) =>
  Layer.unwrap(
    Effect.map(SubscriptionRef.make(0), (starts) => {
      const engine = slowEngine(
        options.millis,
        SubscriptionRef.update(starts, (n) => n + 1)
      )
      return Emulator.layerServer({
        token: "hf_test",
        namespace: "tester",
        boot: options.boot === "long" ? "30 seconds" : "300 millis",
        engines: () => engine,
        scenario: options.rules && Scenario.make({ rules: options.rules })
      }).pipe(Layer.merge(Layer.succeed(Starts, starts)), Layer.provideMerge(NodeServices.layer))
    })
  )

export const specJson = {
  repository: "stint/test",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
}

const encodeJson = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** A folder with `rows` rows and a spec, and the command ready to run on it. */
export const make = Effect.fnUntraced(function* (rows: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { urls, token, namespace } = yield* Emulator.Emulator
  const home = yield* fs.makeTempDirectoryScoped()
  const input = path.join(home, "rows.jsonl")
  const spec = path.join(home, "spec.json")
  const out = path.join(home, "out")
  const lines = Array.from({ length: rows }, (_, i) => `{"id":"row-${i}","input":"text ${i}"}\n`)
  yield* fs.writeFileString(input, lines.join(""))
  yield* fs.writeFileString(spec, yield* encodeJson(specJson))

  const env = {
    ...Stint.compiled,
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    HF_TOKEN: Redacted.value(token),
    HF_ENDPOINT: urls.hub.href,
    HF_ENDPOINTS_NAMESPACE: namespace,
    STINT_API_URL: urls.management.href
  }
  const args = ["run", input, "--endpoint", "batch", "--spec", spec, "--job", "embed", "--out", out]

  const lineCount = (name: string) =>
    Effect.map(fs.readFileString(path.join(out, name)), (text) => text.split("\n").length - 1)

  return {
    input,
    spec,
    out,
    run: (...more: ReadonlyArray<string>) => Stint.start([...args, ...more], env),
    /** The command with arguments of its own. */
    stint: (...own: ReadonlyArray<string>) => Stint.start(own, env),
    env,
    lineCount,
    read: (name: string) => fs.readFileString(path.join(out, name)),
    write: (file: string, text: string) => fs.writeFileString(file, text)
  }
})

/** The state of the endpoint as the emulator has it. */
export const state = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => all.find((endpoint) => endpoint.name === "batch")?.state)
)
