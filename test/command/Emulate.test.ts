import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator, type Engine } from "@stint/emulator"
import { Effect, FileSystem, Layer, Path, Redacted, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClientRequest, HttpServerResponse } from "effect/http"
import * as Stint from "./stintProcess.ts"

const Ready = Schema.fromJsonString(
  Schema.Struct({ management: Schema.URLFromString, token: Schema.String, namespace: Schema.String })
)

const spec = EndpointSpec.make({
  repository: "acme/model",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** Starts `stint emulate ARGS` and answers the client of what it says it serves. */
const emulate = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const process = yield* Stint.start(["emulate", "--boot", "20ms", ...args], {})
  const line = yield* Effect.suspend(() => Effect.succeed(process.stdout())).pipe(
    Effect.repeat({ until: (text) => text.includes("\n"), schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("20 seconds")
  )
  const { management, namespace, token } = yield* Schema.decodeEffect(Ready)(line.trim())
  return yield* Endpoints.make({ token: Redacted.make(token), namespace, apiUrl: management })
})

const file = Effect.fnUntraced(function* (text: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const name = path.join(yield* fs.makeTempDirectoryScoped(), "scenario.json")
  yield* fs.writeFileString(name, text)
  return name
})

const Platform = Layer.merge(NodeServices.layer, FetchHttpClient.layer)

describe("stint emulate", () => {
  it.live("brings the faults of a file", () =>
    Effect.gen(function* () {
      const faults =
        '{"rules": [{"do": {"pauseFails": 1}}, {"on": {"endpoint": "stuck"}, "do": {"stuck": "pending"}}]}'
      const endpoints = yield* emulate(["--scenario", yield* file(faults)])
      yield* endpoints.create("stuck", spec)
      yield* endpoints.create("a", spec)
      yield* endpoints.awaitReady("a")
      assert.strictEqual((yield* endpoints.get("stuck")).state, "pending")
      // Once refused with a 500, and tried again by the client.
      assert.strictEqual((yield* endpoints.pause("a")).state, "paused")
    }).pipe(Effect.provide(Platform))
  )

  it.live("ends with 2 and the name of the field when the file is wrong", () =>
    Effect.gen(function* () {
      const path = yield* file('{"rules": [{"do": {"dely": "1 second"}}]}')
      const process = yield* Stint.start(["emulate", "--scenario", path], {})
      assert.deepStrictEqual(yield* process.end, { code: 2, signal: null })
      assert.include(process.stderr(), path)
      assert.include(process.stderr(), "dely")
    }).pipe(Effect.provide(Platform))
  )

  it.live("puts a server of the user's behind its endpoints", () => {
    const mine: Engine.Engine = {
      name: "mine",
      healthRoute: "/health",
      handle: () => Effect.succeed(HttpServerResponse.jsonUnsafe({ data: [{ id: "mine" }] }))
    }
    // A public endpoint of another emulator is as good a server as any.
    return Effect.gen(function* () {
      const { namespace, token, urls } = yield* Emulator.Emulator
      const own = yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
      yield* own.create("mine", { ...spec, type: "public" })
      const server = yield* own.awaitReady("mine")
      const endpoints = yield* emulate(["--proxy", `${server.url?.origin}/v1`])
      yield* endpoints.create("a", spec)
      const ready = yield* endpoints.awaitReady("a")
      const response = yield* endpoints.clientFor(ready).execute(HttpClientRequest.get("/v1/models"))
      assert.deepStrictEqual(yield* response.json, { data: [{ id: "mine" }] })
    }).pipe(Effect.provide([Emulator.layerServer({ boot: "20 millis", engines: () => mine }), Platform]))
  })
})
