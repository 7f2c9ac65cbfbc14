import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Schema } from "effect"
import * as World from "./commandWorld.ts"
import { fileURLToPath } from "node:url"
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

/** The command on another input. */
const onInput = (
  world: Effect.Success<ReturnType<typeof World.make>>,
  input: string,
  ...more: ReadonlyArray<string>
) =>
  Stint.start(
    [
      "run",
      input,
      "--endpoint",
      "batch",
      "--spec",
      world.spec,
      "--job",
      "embed",
      "--out",
      world.out,
      ...more
    ],
    world.env
  )

const polars = fileURLToPath(
  new URL("../../packages/batch/test/fixtures/parquet/polars-zstd.parquet", import.meta.url)
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

  it.live(
    "a table is read by its name, with the columns that are named, and its errors name line and column",
    () =>
      Effect.gen(function* () {
        const world = yield* World.make(0)
        const table = world.input.replace(/jsonl$/, "csv")
        const run = (...more: ReadonlyArray<string>) => onInput(world, table, ...more)
        yield* world.write(table, 'doc,text\r\na,"one, ""two""\nthree"\r\nb,four\r\n')
        const unnamed = yield* run()
        assert.deepStrictEqual(yield* unnamed.end, { code: 2, signal: null })
        assert.include(unnamed.stderr(), "has no columns id, input; it has doc, text")
        yield* wokeNothing
        const named = yield* run("--id", "doc", "--template", "Embed {{text}}")
        assert.deepStrictEqual(yield* named.end, { code: 0, signal: null })
        assert.include(named.stderr(), "2 rows in")
        assert.strictEqual(yield* world.lineCount("results.jsonl"), 2)
        assert.include(yield* world.read("results.jsonl"), `{"id":"a","output":`)
        yield* world.write(table, 'doc,text\na,x,y\nb,"open\n')
        const bad = yield* run("--id", "doc", "--input", "text", "--skip-invalid")
        assert.deepStrictEqual(yield* bad.end, { code: 2, signal: null })
        assert.include(bad.stderr(), `${table}:3: the quote that begins cell 2 is never closed`)
      }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("- may be a table as well, with tabs and without a header", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const flags = ["--input-format", "tsv", "--columns", "text,n", "--id-from-row", "--input", "text"]
      const stint = yield* onStdin(world, "one\t1\ntwo\t2\n", ...flags)
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.include(yield* world.read("results.jsonl"), `{"id":"2","output":`)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("Parquet is read by its name, and its errors name the row", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const stint = yield* onInput(world, polars, "--template", "{{id}} {{n}}")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 20)
      const nulls = yield* onInput(world, polars)
      assert.deepStrictEqual(yield* nulls.end, { code: 2, signal: null })
      assert.include(nulls.stderr(), `3 rows of ${polars} cannot be used:\n${polars}: row 4: input: `)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("a flag that cannot be used is refused before anything", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const stint = yield* onInput(world, world.input, "--template", "x {{y")
      assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
      assert.include(stint.stderr(), "character 3: {{ is never closed")
      yield* wokeNothing
    }).pipe(Effect.scoped, Effect.provide(quick))
  )
})
