import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { Plan } from "../../packages/cli/src/Plan.ts"
import { plan as command } from "../../packages/cli/src/commands/plan.ts"
import * as CommandHere from "../../packages/cli/test/commandHere.ts"
import * as World from "./commandWorld.ts"

const decode = Schema.decodeEffect(Schema.fromJsonString(Plan))

const quick = World.emulator({ boot: "short", millis: 0 })

/** The rows of the world on an L4, and on a model whose name says its size. */
const gpuSpec = JSON.stringify({
  ...World.specJson,
  repository: "BAAI/bge-small-en-v1.5",
  accelerator: "gpu",
  instanceType: "nvidia-l4"
})

/** The command with these arguments: what it prints, its exit code, and what it fails with. */
const planned = Effect.fnUntraced(
  function* (world: { readonly env: Record<string, string> }, ...args: ReadonlyArray<string>) {
    const { ended } = yield* CommandHere.make(command, args, { env: world.env })
    const { cause, code, out } = yield* ended
    return { text: out, code, failure: cause }
  },
  Effect.provide(Layer.merge(NodeServices.layer, FetchHttpClient.layer))
)

const plannedJson = Effect.fnUntraced(function* (
  world: { readonly env: Record<string, string> },
  ...args: ReadonlyArray<string>
) {
  const { code, failure, text } = yield* planned(world, ...args, "--json")
  assert.strictEqual(code, 0, failure)
  return yield* decode(text)
})

/** Everything in a folder, with when it was written. */
const everything = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(folder, { recursive: true })
  return yield* Effect.forEach(names.toSorted(), (name) =>
    Effect.map(fs.stat(`${folder}/${name}`), ({ mtime, size, type }) => ({ name, mtime, size, type }))
  )
})

/** The calls of the management API that change something. */
const changes = Effect.flatMap(Emulator.Emulator, ({ log }) =>
  Effect.map(log, (records) => records.filter(({ method }) => method !== "GET"))
)

describe.concurrent("stint plan", () => {
  it.live("is a command of stint, whose table fits into 80 columns", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      yield* world.write(world.spec, gpuSpec)
      const stint = yield* world.stint("plan", world.input, "--job", "embed", "--spec", world.spec)
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null }, stint.stderr())
      assert.include(stint.stdout(), "20 to send")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("says what each hardware would take, and changes nothing", () =>
    Effect.gen(function* () {
      const world = yield* World.make(500)
      yield* world.write(world.spec, gpuSpec)
      const fs = yield* FileSystem.FileSystem
      const args = [world.input, "--job", "embed", "--endpoint", "batch", "--spec", world.spec]
      const { code, failure, text } = yield* planned(world, ...args, "--out", world.out, "--deadline", "1h")
      assert.strictEqual(code, 0, failure)
      assert.include(text.replaceAll("\n", " "), "0 done, 0 share another's answer, 500 to send")
      assert.match(text, /^.*aws nvidia-l4 x1 +0\.8 +5 \(3-11\) +0\.067 \(0\.04-0\.15\) +guess$/m)
      assert.match(text, /^\$.*guess$/m)
      assert.include(text, "may be off by 3x")
      assert.include(text, "Not known: there are no figures for intel-spr")
      assert.match(text, /Cheapest that likely meets it: 1 x aws nvidia-t4 x1, \$/)
      for (const line of text.split("\n")) assert.isAtMost(line.length, 80, line)
      assert.isFalse(yield* fs.exists(world.out))
      assert.deepStrictEqual(yield* changes, [])
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("counts what is done and goes by earlier runs, without touching the folder", () =>
    Effect.gen(function* () {
      const world = yield* World.make(300)
      const fs = yield* FileSystem.FileSystem
      const whole = yield* fs.readFileString(world.input)
      yield* fs.writeFileString(world.input, `${whole.split("\n").slice(0, 100).join("\n")}\n`)
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      const args = [world.input, "--job", "embed", "--endpoint", "batch", "--out", world.out]
      const done = yield* planned(world, ...args)
      assert.include(done.text, "Nothing to do: nothing would be woken or billed.")
      yield* fs.writeFileString(world.input, whole)
      // As a run leaves it that was killed in the middle of a line.
      yield* fs.writeFileString(`${world.out}/journal.jsonl`, '{"key":"row-', { flag: "a" })
      const before = yield* everything(world.out)
      const changed = (yield* changes).length

      const plan = yield* plannedJson(world, ...args)
      assert.deepStrictEqual([plan.rows, plan.done, plan.forecast.requests], [300, 100, 200])
      assert.strictEqual(plan.endpoint?.state, "paused")
      const own = plan.forecast.choices.filter(({ basis }) => basis === "runs")
      assert.deepStrictEqual(
        [...new Set(own.map(({ instanceType }) => instanceType))],
        ["intel-spr"],
        "known by its run, though by no data sheet"
      )
      assert.match(own[0]?.because ?? "", /^from 1 earlier run of 100 rows on intel-spr x1/)
      assert.isDefined(own[0]?.dollars)
      assert.deepStrictEqual(yield* everything(world.out), before)
      assert.strictEqual((yield* changes).length, changed)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("refuses rows that are done under another model, as a run does, unless told what to do", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      const args = [world.input, "--job", "embed", "--model", "acme/other", "--out", world.out]
      const refused = yield* planned(world, ...args)
      assert.strictEqual(refused.code, 2)
      assert.include(refused.failure, "FingerprintChanged")
      const { done, forecast } = yield* plannedJson(world, ...args, "--changed", "redo")
      assert.deepStrictEqual([done, forecast.requests], [0, 10])
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("an endpoint that runs already need not boot", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const { namespace, setState, token, urls } = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.make({
        token,
        namespace,
        apiUrl: urls.management,
        hubUrl: urls.hub
      }).pipe(Effect.provide(FetchHttpClient.layer))
      const spec = EndpointSpec.make({
        ...World.specJson,
        repository: "BAAI/bge-small-en-v1.5",
        accelerator: "gpu",
        instanceType: "nvidia-l4"
      })
      yield* endpoints.create("batch", spec)
      yield* setState("batch", "running")
      const args = [world.input, "--job", "embed", "--endpoint", "batch"]
      const { endpoint, forecast } = yield* plannedJson(world, ...args)
      assert.strictEqual(endpoint?.state, "running")
      const minutesOn = (type: string) =>
        forecast.choices.find(({ instanceType }) => instanceType === type)?.minutes?.expected ?? 0
      assert.isBelow(minutesOn("nvidia-l4"), 1)
      assert.isAbove(minutesOn("nvidia-a10g"), 4)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("has a line for the endpoint's own hardware where no figures are known of it", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const { namespace, setState, token, urls } = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.make({
        token,
        namespace,
        apiUrl: urls.management,
        hubUrl: urls.hub
      }).pipe(Effect.provide(FetchHttpClient.layer))
      yield* endpoints.create("batch", EndpointSpec.make(World.specJson))
      yield* setState("batch", "paused")
      const args = [world.input, "--job", "embed", "--endpoint", "batch", "--deadline", "1m"]
      const { code, failure, text } = yield* planned(world, ...args, "--model-size", "33M")
      assert.strictEqual(code, 0, failure)
      assert.match(
        text.replaceAll("\n", " "),
        /The endpoint's own hardware, aws intel-spr x1 at \$[\d.]+ an hour, has no forecast: not known: there are no figures/
      )
      assert.strictEqual(text.replaceAll("\n", " ").split("aws intel-spr x1").length, 2, "and only there")
      assert.include(text, "Replicas for 1 minute, boot and pause included:")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("rows with the same request are paid once", () =>
    Effect.gen(function* () {
      const world = yield* World.make(3)
      const rows = ["a", "b", "c", "d"].map((id) => `{"id":"${id}","input":"the same"}\n`)
      yield* world.write(world.input, rows.join(""))
      const args = [world.input, "--job", "embed", "--spec", world.spec]
      const shared = yield* plannedJson(world, ...args)
      assert.deepStrictEqual([shared.shared, shared.forecast.requests], [3, 1])
      const apart = yield* plannedJson(world, ...args, "--no-dedupe")
      assert.deepStrictEqual([apart.shared, apart.forecast.requests], [0, 4])
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("what is asked beside the rows counts: a system message, and the most tokens of an answer", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const args = [world.input, "--job", "chat", "--model", "Qwen/Qwen3-8B"]
      const bare = yield* plannedJson(world, ...args)
      assert.include(bare.tokens.outputBecause, "assumed: nothing bounds them")
      const asked = yield* plannedJson(
        world,
        ...args,
        "--system",
        "Answer briefly, in one sentence.",
        "--max-tokens",
        "64"
      )
      assert.isAbove(asked.tokens.input.expected, bare.tokens.input.expected)
      assert.deepStrictEqual([asked.tokens.output.expected, asked.tokens.output.high], [32, 64])
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("tells all that is wrong with the input, as a run does, and what it needs to know", () =>
    Effect.gen(function* () {
      const world = yield* World.make(1)
      yield* world.write(world.input, '{"id":"a","input":"x"}\n{"id":"a","input":"y"}\n{"id":"b"}\nnope\n')
      const args = [world.input, "--job", "embed"]
      const wrong = yield* planned(world, ...args, "--spec", world.spec)
      assert.strictEqual(wrong.code, 2)
      for (const line of [":2: ", ":3: ", ":4: "]) assert.include(wrong.failure, line)
      const some = yield* planned(world, ...args, "--spec", world.spec, "--skip-invalid")
      assert.strictEqual(some.code, 3, some.failure)
      assert.include(some.text, "1 row in")

      const unnamed = yield* planned(world, ...args)
      assert.strictEqual(unnamed.code, 2)
      assert.include(unnamed.failure, "--endpoint, --spec or --model")
      const unknown = yield* planned(world, ...args, "--endpoint", "nobody")
      assert.strictEqual(unknown.code, 6)
      assert.include(unknown.failure, "give a spec to create it")
      const size = yield* planned(world, ...args, "--model", "acme/x", "--model-size", "big")
      assert.strictEqual(size.code, 2)
      assert.include(size.failure, "as in 8B or 33M")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("knows nothing of a model whose size nobody says", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      const args = [world.input, "--job", "chat", "--model", "acme/support-bot"]
      const { choices } = (yield* plannedJson(world, ...args)).forecast
      assert.isTrue(choices.every(({ basis, dollars }) => basis === "unknown" && dollars === undefined))
      const told = yield* plannedJson(world, ...args, "--model-size", "8B")
      assert.strictEqual(told.forecast.choices[0]?.basis, "published")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("says the day of the shipped prices where the API lists none", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      yield* world.write(world.spec, gpuSpec)
      const { code, failure, text } = yield* planned(
        world,
        world.input,
        "--job",
        "embed",
        "--spec",
        world.spec
      )
      assert.strictEqual(code, 0, failure)
      assert.match(text, /nvidia-l4 x1 +0\.8\* /)
      assert.match(text, /shipped list of \d{4}-\d{2}-\d{2}/)
      assert.include(text.replaceAll("\n", " "), "availability and quota are not known")
      for (const line of text.split("\n")) assert.isAtMost(line.length, 80, line)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({
          boot: "short",
          millis: 0,
          rules: [{ on: { path: "/v2/provider*" }, do: { status: 404 } }]
        })
      )
    )
  )
})
