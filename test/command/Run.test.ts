import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, Schema } from "effect"
import * as World from "./commandWorld.ts"
import * as Stint from "./stintProcess.ts"

const Id = Schema.fromJsonString(Schema.Struct({ id: Schema.String }))
const idsIn = (jsonl: string) =>
  Effect.forEach(jsonl.trim().split("\n"), (line) =>
    Effect.map(Schema.decodeEffect(Id)(line), ({ id }) => id)
  )

const quick = World.emulator({ boot: "short", millis: 0 })

describe.concurrent("stint run", () => {
  it.live("writes every row once, pauses the endpoint and says what it cost", () =>
    Effect.gen(function* () {
      const world = yield* World.make(500)
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.strictEqual(new Set(yield* idsIn(yield* world.read("results.jsonl"))).size, 500)
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 500)
      assert.strictEqual(yield* world.lineCount("errors.jsonl"), 0)
      assert.strictEqual(yield* World.state, "paused")
      const { bill } = yield* Emulator.Emulator
      const { billedMinutes, dollars } = yield* bill("batch")
      assert.include(stint.stdout(), `billed          ${billedMinutes} min`)
      assert.include(stint.stdout(), `$${Number(dollars.toPrecision(2))}`)
      assert.include(stint.stdout(), "endpoint        paused")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("with --json prints the report in one line and nothing else, and the words on stderr", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const stint = yield* world.run("--json")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      const report = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Json))(
        yield* world.read("report.json")
      )
      const printed = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Json))(stint.stdout())
      assert.deepStrictEqual(printed, report)
      assert.strictEqual(stint.stdout().trimEnd().split("\n").length, 1)
      assert.include(stint.stderr(), "endpoint        paused")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("wakes nothing when the journal holds every row", () =>
    Effect.gen(function* () {
      const world = yield* World.make(50)
      yield* (yield* world.run()).end
      const { counts } = yield* Emulator.Emulator
      const before = (yield* counts).requests
      const firstRun = yield* world.read("runs.jsonl")
      const again = yield* world.run()
      assert.deepStrictEqual(yield* again.end, { code: 0, signal: null })
      assert.include(again.stderr(), "nothing to do")
      assert.strictEqual((yield* counts).requests, before, "not one request")
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 50)
      assert.strictEqual(yield* world.lineCount("runs.jsonl"), 2)
      assert.include(yield* world.read("runs.jsonl"), firstRun.trim(), "what the rows have cost is kept")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("does only the rest after kill -9, and at most what was in flight or unwritten again", () =>
    Effect.gen(function* () {
      const rows = 3000
      const world = yield* World.make(rows)
      const first = yield* world.run("--concurrency", "32")
      yield* World.started(1000)
      yield* first.kill("SIGKILL")
      assert.strictEqual((yield* first.end).signal, "SIGKILL")
      const durable = yield* world.lineCount("journal.jsonl")
      assert.isAbove(durable, 0)
      assert.isBelow(durable, rows)
      const second = yield* world.run("--concurrency", "32")
      assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
      assert.strictEqual(new Set(yield* idsIn(yield* world.read("results.jsonl"))).size, rows)
      assert.strictEqual(yield* world.lineCount("results.jsonl"), rows)
      assert.strictEqual(yield* World.state, "paused")
      const { counts } = yield* Emulator.Emulator
      const redone = (yield* counts).inputs - rows
      // In flight, and one group of outcomes that was not yet on the disk.
      assert.isAtMost(redone, 32 + 512)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 10 })))
  )

  it.live("counts what was done before as done, however early it ends", () =>
    Effect.gen(function* () {
      const world = yield* World.make(4)
      const first = yield* world.run()
      assert.deepStrictEqual(yield* first.end, { code: 0, signal: null })
      const same = Array.from({ length: 4 }, (_, i) => `{"id":"row-${i}","input":"text ${i}"}\n`).join("")
      yield* world.write(world.input, `${same}{"id":"row-4","input":"text 4"}\n`)
      const second = yield* world.run()
      yield* second.says("resuming it")
      yield* second.kill("SIGTERM")
      assert.deepStrictEqual(yield* second.end, { code: 143, signal: null })
      assert.include(second.stdout(), "5: 0 done, 0 failed, 4 done before, 1 left")
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("refuses an address for metrics that is empty, which would be every address there is", () =>
    Effect.gen(function* () {
      const world = yield* World.make(1)
      const stint = yield* world.run("--metrics-port", "0", "--metrics-host", "")
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "--metrics-host")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("ends with 7 and keeps the work when somebody else pauses the endpoint", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2000)
      const stint = yield* world.run("--concurrency", "8")
      yield* World.started(100)
      const { setState } = yield* Emulator.Emulator
      yield* setState("batch", "paused")
      assert.deepStrictEqual(yield* stint.end, { code: 7, signal: null })
      assert.include(stint.stderr(), "is paused (by somebody-else)")
      assert.isAbove(yield* world.lineCount("results.jsonl"), 0)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
  )

  it.live("ends with 4 and keeps the work when the endpoint is deleted, instead of failing every row", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2000)
      const stint = yield* world.run("--concurrency", "8")
      yield* World.started(100)
      const { urls } = yield* Emulator.Emulator
      yield* Effect.promise(() =>
        fetch(`${urls.management.href}/endpoint/tester/batch`, {
          method: "DELETE",
          headers: { authorization: "Bearer hf_test" }
        })
      )
      assert.deepStrictEqual(yield* stint.end, { code: 4, signal: null })
      assert.include(stint.stderr(), "somebody deleted it during the run")
      assert.isAbove(yield* world.lineCount("results.jsonl"), 0)
      assert.isBelow(yield* world.lineCount("errors.jsonl"), 100)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 40 })))
  )

  it.live("says loudly that an endpoint which is kept is billed", () =>
    Effect.gen(function* () {
      const world = yield* World.make(5)
      const stint = yield* world.run("--on-release", "keep")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.strictEqual(yield* World.state, "running")
      assert.include(stint.stderr(), "IS LEFT RUNNING")
      assert.include(stint.stderr(), '"keep" lasts until the next "stint sweep"')
      assert.include(stint.stdout(), "endpoint        left running, and billed")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("an empty file has nothing to do, and says so", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.include(stint.stderr(), "has no rows")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("ends with 8 while another run holds the folder", () =>
    Effect.gen(function* () {
      const world = yield* World.make(20)
      const first = yield* world.run()
      yield* first.says("created")
      const second = yield* world.run()
      assert.deepStrictEqual(yield* second.end, { code: 8, signal: null })
      assert.include(second.stderr(), "Another run")
      yield* first.kill("SIGINT")
      assert.strictEqual((yield* first.end).code, 130)
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "long", millis: 0 })))
  )

  it.live("ends with 6 when there is no such endpoint and no spec", () =>
    Effect.gen(function* () {
      const world = yield* World.make(2)
      const stint = yield* world.stint(
        "run",
        world.input,
        "--endpoint",
        "none",
        "--job",
        "embed",
        "--out",
        world.out
      )
      assert.deepStrictEqual(yield* stint.end, { code: 6, signal: null })
      assert.include(stint.stderr(), 'There is no endpoint "tester/none"')
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("names a variable that is no address, and not what it holds", () =>
    Effect.gen(function* () {
      const world = yield* World.make(1)
      const stint = yield* Stint.start(["endpoints", "list"], { ...world.env, STINT_API_URL: "no address" })
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "stint: STINT_API_URL cannot be used: Expected a valid URL string.")
      assert.notInclude(stint.stderr(), "no address")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  const refusals = [
    ["a row that is not JSON", '{"id":"a","input":"x"}\nnonsense\n', ":2:"],
    ["a row without input", '{"id":"a"}\n', ":1:"],
    [
      "two rows of one id",
      '{"id":"a","input":"x"}\n{"id":"a","input":"y"}\n',
      ':2: the id "a" is that of line 1'
    ],
    ["an id that would lose digits", '{"id":12345678901234567891,"input":"x"}\n', "loses digits"],
    ["an input of the wrong type", '{"id":"a","input":7}\n', ":1:"],
    ["a row that would stream", '{"custom_id":"a","body":{"input":"x","stream":true}}\n', "stream"],
    ["a row for another host", '{"custom_id":"a","url":"https://evil.test/","body":{}}\n', "url"]
  ] as const
  for (const [what, input, says] of refusals) {
    it.live(`refuses ${what} before anything is woken`, () =>
      Effect.gen(function* () {
        const world = yield* World.make(0)
        yield* world.write(world.input, input)
        const stint = yield* world.run()
        assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
        assert.include(stint.stderr(), says)
        const { counts } = yield* Emulator.Emulator
        assert.strictEqual((yield* counts).requests, 0)
      }).pipe(Effect.scoped, Effect.provide(quick))
    )
  }

  it.live("refuses a spec with a field that nobody knows, naming it", () =>
    Effect.gen(function* () {
      const world = yield* World.make(1)
      yield* world.write(world.spec, JSON.stringify({ ...World.specJson, healthRoute: "/health" }))
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "healthRoute")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )
})
