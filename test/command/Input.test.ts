import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Schema } from "effect"
import * as World from "./commandWorld.ts"
import * as Stint from "./stintProcess.ts"

const quick = World.emulator({ boot: "short", millis: 0 })

const good = (id: string) => `{"id":"${id}","input":"text"}\n`
const bad = `nonsense\n{"id":"n","input":7}\n${good("a")}`

const Report = Schema.fromJsonString(
  Schema.Struct({ items: Schema.Int, succeeded: Schema.Int, invalid: Schema.Int })
)

/** The command on that input, with that text on stdin. */
const onStdin = (
  world: Effect.Success<ReturnType<typeof World.make>>,
  text: string,
  ...more: ReadonlyArray<string>
) =>
  Stint.start(
    ["run", "-", "--endpoint", "batch", "--spec", world.spec, "--job", "embed", "--out", world.out, ...more],
    world.env,
    text
  )

const wokeNothing = Effect.gen(function* () {
  const { counts } = yield* Emulator.Emulator
  assert.isUndefined(yield* World.state, "no endpoint was created")
  assert.strictEqual((yield* counts).requests, 0)
})

describe.concurrent("the input of stint run", () => {
  it.live("all bad lines are named at once, nothing is woken, and the code is 2", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      yield* world.write(world.input, good("a") + bad)
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "3 lines of")
      assert.include(stint.stderr(), `${world.input}:2: is not JSON`)
      assert.include(stint.stderr(), `${world.input}:3: input: `)
      assert.include(stint.stderr(), `${world.input}:4: the id "a" is that of line 1`)
      assert.include(stint.stderr(), "--skip-invalid")
      yield* wokeNothing
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("--skip-invalid does the good rows, writes the others to invalid.jsonl, and ends with 3", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      yield* world.write(world.input, good("a") + bad + good("b"))
      const stint = yield* world.run("--skip-invalid")
      assert.deepStrictEqual(yield* stint.end, { code: 3, signal: null })
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 2)
      assert.strictEqual(yield* world.lineCount("errors.jsonl"), 0)
      assert.strictEqual(yield* world.lineCount("invalid.jsonl"), 3)
      assert.include(yield* world.read("invalid.jsonl"), `{"line":2,"error":{`)
      assert.include(yield* world.read("invalid.jsonl"), `"text":"nonsense"`)
      const report = yield* Effect.flatMap(world.read("report.json"), Schema.decodeEffect(Report))
      assert.deepStrictEqual(report, { items: 2, succeeded: 2, invalid: 3 })
      assert.include(stint.stdout(), "3 invalid lines left out")
      assert.strictEqual(yield* World.state, "paused")
      const again = yield* world.run("--skip-invalid")
      assert.deepStrictEqual(yield* again.end, { code: 3, signal: null }, "as it is when nothing is left")
      yield* world.write(world.input, good("a") + good("b"))
      const clean = yield* world.run()
      assert.deepStrictEqual(yield* clean.end, { code: 0, signal: null })
      const fs = yield* FileSystem.FileSystem
      assert.isFalse(yield* fs.exists(`${world.out}/invalid.jsonl`), "of an earlier input")
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("--skip-invalid wakes nothing for a file that has bad lines alone", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      yield* world.write(world.input, "nonsense\n")
      const stint = yield* world.run("--skip-invalid")
      assert.deepStrictEqual(yield* stint.end, { code: 3, signal: null })
      yield* wokeNothing
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("- is stdin, which is kept for the run and gone after it", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const rows = Array.from({ length: 3000 }, (_, n) => good(`row-${n}`)).join("")
      const stint = yield* onStdin(world, rows)
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.include(stint.stderr(), "3,000 rows in stdin")
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 3000)
      const fs = yield* FileSystem.FileSystem
      const left = yield* fs.readDirectory(world.out)
      assert.deepStrictEqual(
        left.filter((name) => name.includes("part")),
        []
      )
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("a bad line of stdin is named by its number, and an empty stdin has nothing to do", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const stint = yield* onStdin(world, `${good("a")}\nnonsense\n`)
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "stdin:3: is not JSON")
      const empty = yield* onStdin(world, "")
      assert.deepStrictEqual(yield* empty.end, { code: 0, signal: null })
      assert.include(empty.stderr(), "stdin has no rows")
      yield* wokeNothing
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("a compressed file is named, and nothing is woken", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFile(world.input, new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0]))
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "compressed with gzip")
      yield* wokeNothing
    }).pipe(Effect.scoped, Effect.provide(quick))
  )
})
