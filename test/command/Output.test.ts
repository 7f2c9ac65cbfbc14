/** What the command leaves in its folder: kinds of file, their order, and counts that add up. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as World from "./commandWorld.ts"

const Id = Schema.fromJsonString(Schema.Struct({ id: Schema.String }))
const idsIn = (jsonl: string) =>
  Effect.forEach(jsonl.trim().split("\n"), (line) =>
    Effect.map(Schema.decodeEffect(Id)(line), ({ id }) => id)
  )

const quick = World.emulator({ boot: "short", millis: 0 })

const names = Effect.fnUntraced(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readDirectory(out)).filter((name) => /^(results|errors)\./.test(name)).toSorted()
})

describe.concurrent("what stint run writes", () => {
  it.live("is in the order of the input where that is asked for, also of rows that were done before", () =>
    Effect.gen(function* () {
      const world = yield* World.make(300)
      assert.strictEqual((yield* (yield* world.run("--order", "input")).end).code, 0)
      const order = Array.from({ length: 300 }, (_, at) => `row-${at}`)
      assert.deepStrictEqual(yield* idsIn(yield* world.read("results.jsonl")), order)

      const rows = (yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(world.input)))
        .trim()
        .split("\n")
      yield* world.write(world.input, `${rows.toReversed().slice(0, 299).join("\n")}\n`)
      const again = yield* world.run("--order", "input")
      assert.strictEqual((yield* again.end).code, 0, again.stderr())
      assert.include(again.stderr(), "nothing to do")
      assert.deepStrictEqual(
        yield* idsIn(yield* world.read("results.jsonl")),
        order.toReversed(),
        "row-0 is of the earlier input alone, and comes last"
      )
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live(
    "is CSV and Parquet where they are asked for, and leaves nothing of another kind that is out of date",
    () =>
      Effect.gen(function* () {
        const world = yield* World.make(20)
        assert.strictEqual((yield* (yield* world.run()).end).code, 0)
        yield* world.write(world.input, '{"id":"new, one","input":"x"}\n')
        const kinds = ["--output-format", "csv", "--output-format", "parquet"]
        const stint = yield* world.run(...kinds)
        assert.strictEqual((yield* stint.end).code, 0, stint.stderr())
        assert.deepStrictEqual(yield* names(world.out), [
          "errors.csv",
          "errors.jsonl",
          "errors.parquet",
          "results.csv",
          "results.parquet"
        ])
        const csv = yield* world.read("results.csv")
        assert.include(csv, "id,embedding,response\n")
        assert.include(csv, '"new, one","[0.5,0.25]",\n')
        assert.strictEqual(csv.split("\n").length - 1, 22)
        assert.include(stint.stderr(), "results.jsonl was of an earlier run and is removed")

        const third = yield* world.run()
        assert.strictEqual((yield* third.end).code, 0)
        assert.include(yield* names(world.out), "results.csv", "which is still true")
        assert.strictEqual(yield* world.lineCount("results.jsonl"), 21)
      }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("is mended by the next run where one was killed while it put the files in place", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const world = yield* World.make(20)
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      const whole = yield* world.read("results.jsonl")
      yield* world.write(path.join(world.out, "results.jsonl"), whole.slice(whole.indexOf("\n") + 1))
      yield* world.write(path.join(world.out, "errors.jsonl.part"), "half")
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      assert.strictEqual(yield* world.read("results.jsonl"), whole)
      assert.deepStrictEqual(yield* names(world.out), ["errors.jsonl", "results.jsonl"])
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("is not written again where nothing has changed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const world = yield* World.make(20)
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      const file = path.join(world.out, "results.jsonl")
      const before = (yield* fs.stat(file)).ino
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      assert.deepStrictEqual((yield* fs.stat(file)).ino, before)
    }).pipe(Effect.scoped, Effect.provide(quick))
  )

  it.live("adds up where the folder has rows of another input, and some fail; errors.jsonl is an input", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const world = yield* World.make(20)
      assert.strictEqual((yield* (yield* world.run()).end).code, 0)
      yield* world.write(
        world.input,
        ['{"id":"row-1","input":"text 1"}', '{"custom_id":"b","url":"/bad","body":{"inputs":"x"}}', ""].join(
          "\n"
        )
      )
      const stint = yield* world.run("--order", "input")
      assert.strictEqual((yield* stint.end).code, 3, stint.stderr())
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 20)
      assert.match(
        yield* world.read("errors.jsonl"),
        /^\{"id":"batch_req_b","custom_id":"b","url":"\/bad","body":\{"inputs":"x"\},"response":\{"status_code":422,"request_id":"\w+","body":\{"error":\{"message":"bad input","type":"invalid_request_error","param":null,"code":"row"\}\}\},"error":null\}\n$/
      )
      assert.strictEqual((yield* idsIn(yield* world.read("results.jsonl")))[0], "row-1")

      const second = path.join(world.out, "second")
      const errors = path.join(world.out, "errors.jsonl")
      const job = ["--endpoint", "batch", "--spec", world.spec, "--job", "embed"]
      const again = yield* world.stint("run", errors, ...job, "--out", second)
      assert.strictEqual((yield* again.end).code, 3, "it is an input, and fails again")
      assert.include(yield* world.read("second/errors.jsonl"), '"custom_id":"b"')
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({
          boot: "short",
          millis: 0,
          rules: [{ on: { path: "*/bad" }, do: { status: 422, body: { error: "bad input" } } }]
        })
      )
    )
  )
})
