/** A dataset of the hub as the input of a run, all in this process. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Layer, Logger, Schema } from "effect"
import { HttpClient, HttpServerResponse } from "effect/http"
import { cli } from "../src/Cli.ts"
import { Screen } from "../src/ui/RunView.ts"
import * as CommandHere from "./commandHere.ts"
import * as World from "../../../test/hubWorld.ts"

const screen = Layer.succeed(Screen, { write: () => Effect.void, canRedraw: false, columns: 80 })

/** What the host of the files was asked, and from which request on it has them no more. */
const files = { asked: 0, goneFrom: Infinity }

const network = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) =>
    HttpClient.transform(client, (execute, request) => {
      if (!request.url.includes("/xet-bridge/")) return execute
      files.asked++
      return files.asked < files.goneFrom
        ? execute
        : Effect.succeed(
            HttpServerResponse.toClientResponse(HttpServerResponse.empty({ status: 404 }), { request })
          )
    })
  )
)

const world = () =>
  Layer.mergeAll(
    Layer.provideMerge(network, World.memory({ boot: "20 millis" })),
    NodeServices.layer,
    screen,
    Logger.layer([])
  )

const Results = Schema.fromJsonString(Schema.Struct({ id: Schema.String }))

const make = Effect.gen(function* () {
  files.asked = 0
  files.goneFrom = Infinity
  const fs = yield* FileSystem.FileSystem
  const { env, flags, out } = yield* CommandHere.folder(0)
  const stint = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const { ended } = yield* CommandHere.make(cli, args, { env })
    return yield* ended
  })
  const mapping = ["--input", "text"]
  const run = (dataset: string, ...more: ReadonlyArray<string>) =>
    stint("run", dataset, ...flags, ...mapping, "--out", out, "--no-guardian", ...more)
  const plan = (dataset: string) => stint("plan", dataset, ...flags, ...mapping, "--json")
  const ids = Effect.flatMap(fs.readFileString(`${out}/results.jsonl`), (text) =>
    Effect.forEach(text.trim().split("\n"), (line) =>
      Effect.map(Schema.decodeEffect(Results)(line), ({ id }) => id)
    )
  )
  return {
    run,
    plan,
    ids,
    report: Effect.flatMap(fs.readFileString(`${out}/report.json`), decodeReport)
  }
})

const decodeReport = Schema.decodeEffect(
  Schema.fromJsonString(Schema.Struct({ items: Schema.Int, succeeded: Schema.Int, skipped: Schema.Int }))
)

describe("a run of a dataset", () => {
  it.live("has all rows of all files, goes on after a file was gone in the middle, and does none twice", () =>
    Effect.gen(function* () {
      const { ids, plan, report, run } = yield* make
      const planned = yield* plan("hf://datasets/acme/asked")
      assert.strictEqual(planned.code, 0, planned.why)
      assert.include(planned.out, '"rows":120')
      assert.match(planned.out, /"input":"hf:\/\/datasets\/acme\/asked@[0-9a-f]{7}\/default\/train"/)

      // A reading is as many requests each time; the second one of a run is that of the rows that are sent.
      const once = files.asked
      files.asked = 0
      files.goneFrom = once + Math.floor(once / 2)
      const first = yield* run("hf://datasets/acme/asked", "--concurrency", "2")
      assert.notStrictEqual(first.code, 0)
      assert.match(first.why, /its file default\/train\/000[12]\.parquet cannot be had: .*HTTP 404/)
      const before = (yield* report).succeeded
      assert.isAbove(before, 0)
      assert.isBelow(before, 120)

      files.goneFrom = Infinity
      const second = yield* run("hf://datasets/acme/asked")
      assert.strictEqual(second.code, 0, second.why)
      assert.deepStrictEqual(yield* report, { items: 120, succeeded: 120 - before, skipped: before })
      assert.deepStrictEqual(new Set(yield* ids), new Set(World.ids(0, 120)))
      assert.strictEqual((yield* ids).length, 120)
      const { log } = yield* Emulator.Emulator
      const sent = (yield* log).reduce((sum, { inputs }) => sum + inputs, 0)
      assert.strictEqual(sent, 120)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("that cannot be read is refused with code 2 before anything is woken, and says what to do", () =>
    Effect.gen(function* () {
      const { run } = yield* make
      const cases: ReadonlyArray<readonly [string, string, ...ReadonlyArray<string>]> = [
        ["hf://datasets/acme/several", "hf://datasets/acme/several/de/test"],
        ["hf://datasets/acme/refused", "Ask for it at"],
        ["hf://datasets/acme/nothing", "Check the name"],
        ["hf://datasets/acme", "hf://datasets/OWNER/NAME"],
        ["hf://datasets/acme/reviews", "--input-format cannot be used", "--input-format", "csv"],
        ["hf://datasets/acme/uneven", "default/train/0001.parquet has no column text"]
      ]
      for (const [dataset, said, ...more] of cases) {
        const refused = yield* run(dataset, ...more)
        assert.strictEqual(refused.code, 2, dataset)
        assert.include(refused.why, said)
        assert.notInclude(refused.why, "hf_emulator")
      }
      const { endpoints } = yield* Emulator.Emulator
      assert.deepStrictEqual(yield* endpoints, [])
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})
