/** A run against the emulator in this process, and the report that it leaves. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Emulator, Scenario } from "@stint/emulator"
import { Effect, FileSystem, Layer, Logger, Schema } from "effect"
import { cli } from "../src/Cli.ts"
import { RunReportJson } from "../src/report/RunReport.ts"
import { Screen } from "../src/ui/RunView.ts"
import * as CommandHere from "./commandHere.ts"

const TOKEN = "hf_flow_secret"

const screen = Layer.succeed(Screen, { write: () => Effect.void, canRedraw: false, columns: 80 })

/** Every fifth answer or so is a refusal that echoes the token. */
const world = Layer.mergeAll(
  Emulator.layerMemory({
    boot: "20 millis",
    token: TOKEN,
    scenario: Scenario.make({
      rules: [
        {
          on: { plane: "data", method: "POST", from: 3, to: 4 },
          do: { status: 422, body: { error: `<b>too long</b> for Bearer ${TOKEN}` } }
        }
      ]
    })
  }),
  NodeServices.layer,
  screen,
  // Standard output is for results.
  Logger.layer([])
)

const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { env, flags, home, out, rows } = yield* CommandHere.folder(40)
  const stint = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const { ended } = yield* CommandHere.make(cli, args, { env })
    return yield* ended
  })
  const at = (name: string) => `${out}/${name}`
  const run = stint("run", rows, ...flags, "--out", out, "--no-guardian", "--concurrency", "1")
  return {
    home,
    run,
    report: (...flags: ReadonlyArray<string>) => stint("report", out, ...flags),
    has: (name: string) => fs.exists(at(name)),
    read: (name: string) => fs.readFileString(at(name)),
    write: (name: string, text: string) => fs.writeFileString(at(name), text),
    remove: (name: string) => fs.remove(at(name)),
    block: (name: string) => fs.makeDirectory(at(name), { recursive: true }),
    decoded: Effect.flatMap(fs.readFileString(at("report.json")), Schema.decodeEffect(RunReportJson))
  }
})

describe("the report of a run", () => {
  it.live("is left in three files, adds up, and holds no token", () =>
    Effect.gen(function* () {
      const folder = yield* make
      const ended = yield* folder.run
      assert.strictEqual(ended.code, 3, ended.why)
      const report = yield* folder.decoded
      assert.strictEqual(report.items, 40)
      assert.strictEqual(report.succeeded + report.failed, 40)
      assert.isAbove(report.failed, 0)
      assert.strictEqual(report.ended?.how, "finished")
      assert.strictEqual(report.endpoint?.state, "paused")
      assert.strictEqual(report.endpoint?.isBilled, false)
      assert.strictEqual(
        report.failures.reduce((sum, { rows }) => sum + rows, 0),
        report.failed
      )
      assert.strictEqual(
        report.timeline?.reduce((sum, { failed, succeeded }) => sum + succeeded + failed, 0),
        40
      )
      assert.strictEqual(report.latency?.count, 40)
      assert.deepStrictEqual(report.command?.slice(0, 2), ["stint", "run"])
      assert.deepStrictEqual(
        report.moments.map(({ what }) => what).filter((what) => what === "created" || what === "ready"),
        ["created", "ready"]
      )
      for (const name of ["report.json", "report.md", "report.html"]) {
        const text = yield* folder.read(name)
        assert.notInclude(text, TOKEN, name)
        assert.include(text, "too long", name)
      }
      assert.notInclude(yield* folder.read("report.html"), "<b>")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("is of the last run, with what all of them have cost", () =>
    Effect.gen(function* () {
      const folder = yield* make
      yield* folder.run
      const first = yield* folder.decoded
      yield* folder.run
      const second = yield* folder.decoded
      assert.strictEqual(second.skipped, first.succeeded)
      assert.strictEqual(second.latency?.count, first.failed, "the rows of this run alone")
      assert.strictEqual(second.folder?.runs, 2)
      yield* folder.run
      const third = yield* folder.decoded
      assert.isUndefined(third.bill)
      assert.strictEqual(third.folder?.runs, 3)
      assert.strictEqual(third.folder?.billedMinutes, second.folder?.billedMinutes)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("that cannot be written does not make the run fail", () =>
    Effect.gen(function* () {
      const folder = yield* make
      yield* folder.block("report.json/in/the/way")
      const ended = yield* folder.run
      assert.strictEqual(ended.code, 3, ended.why)
      assert.include(yield* folder.read("results.jsonl"), "row-0")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("stint report writes the pages again, and tells what the journal alone tells", () =>
    Effect.gen(function* () {
      const folder = yield* make
      yield* folder.run
      const page = yield* folder.read("report.html")
      yield* folder.remove("report.html")
      const shown = yield* folder.report()
      assert.strictEqual(shown.code, 0, shown.why)
      assert.include(shown.out, "Failures by cause")
      assert.isAtMost(Math.max(...shown.out.split("\n").map((line) => line.length)), 80 + folder.home.length)
      assert.strictEqual(yield* folder.read("report.html"), page)

      const asJson = yield* folder.report("--json")
      assert.deepStrictEqual(yield* Schema.decodeEffect(RunReportJson)(asJson.out), yield* folder.decoded)

      yield* folder.remove("report.json")
      const alone = yield* folder.report("--json")
      const told = yield* Schema.decodeEffect(RunReportJson)(alone.out)
      assert.strictEqual(told.source, "journal")
      assert.strictEqual(told.succeeded + told.failed, 40)
      assert.include((yield* folder.report()).out, "There is no report of a run here")
      assert.isFalse(yield* folder.has("report.json"), "it is of a run")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("stint report says of a folder that it has none, or that it is damaged, with exit code 2", () =>
    Effect.gen(function* () {
      const folder = yield* make
      const none = yield* folder.report()
      assert.strictEqual(none.code, 2)
      assert.include(none.why, "neither a report.json nor a journal.jsonl")
      yield* folder.block(".")
      yield* folder.write("report.json", '{"version":1,"items":')
      const damaged = yield* folder.report()
      assert.strictEqual(damaged.code, 2)
      assert.include(damaged.why, "report.json is damaged")
      yield* folder.remove("report.json")
      yield* folder.write("journal.jsonl", "nonsense\n")
      const journal = yield* folder.report()
      assert.strictEqual(journal.code, 2)
      assert.include(journal.why, "journal.jsonl")
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})
