/** Every example is run as a reader would run it, and says what it is there to say. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Stream } from "effect"
import { ChildProcess } from "effect/process"

const home = import.meta.dirname

const run = Effect.fn(function* (file: string, ...args: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const handle = yield* ChildProcess.make(process.execPath, [path.join(home, file), ...args], {
    forceKillAfter: "5 seconds"
  })
  const out = yield* Stream.mkString(Stream.decodeText(handle.all))
  assert.strictEqual(yield* handle.exitCode, 0, out)
  return out
}, Effect.scoped)

/** What an example prints, or a part of it that tells whether it worked. */
const telling: Readonly<Record<string, ReadonlyArray<string>>> = {
  "hello.ts": ["Created, 64 numbers\n"],
  "batch.ts": ["a: rs\n", "d: row 400", "3 succeeded, 1 failed, 1 minute billed\n"],
  "resume.ts": [
    "interrupted: some rows are done\nthe endpoint is paused\n",
    "second run: did the rest, the endpoint is paused\n",
    "third run: 5000 skipped, 0 minutes billed\n"
  ],
  "schedule.ts": ["2 done, 0 before, ", "1 done, 2 before, ", "02:00  0 done, 3 before, 0 minutes billed\n"],
  "errors.ts": [
    'There is no endpoint "emulator/nobody"',
    'Endpoint "emulator/paused" is paused (by somebody-else)',
    "CUDA out of memory",
    "was not ready after 100ms",
    "exists with repository intfloat/e5-small",
    "MAY STILL BE BILLING at $0.033 an hour",
    "hf endpoints pause stuck --namespace emulator)\n"
  ]
}

describe.concurrent("the examples", () => {
  it.live("are all tested here", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const files = (yield* fs.readDirectory(home)).filter((name) => /(?<!\.test)\.ts$/.test(name))
      assert.deepStrictEqual(files.toSorted(), Object.keys(telling).toSorted())
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const [file, texts] of Object.entries(telling)) {
    it.live(`${file} says what it should`, () =>
      Effect.gen(function* () {
        const out = yield* run(file)
        for (const text of texts) assert.include(out, text)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.live("hello.ts is the program of the README", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const hello = yield* fs.readFileString(path.join(home, "hello.ts"))
      const readme = yield* fs.readFileString(path.join(home, "../README.md"))
      assert.include(readme, hello.slice(hello.indexOf("\n") + 1))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the demo", () => {
  const number = (out: string, label: string) =>
    new RegExp(`^ {2}${label} +(\\S+)`, "m").exec(out)?.[1]?.replace(/,$/, "")

  it.live(
    "does the work once",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const out = yield* fs.makeTempDirectoryScoped()
        const args = ["--rows", "500", "--out", out]
        const lines = (name: string) =>
          Effect.map(fs.readFileString(`${out}/${name}`), (text) => text.split("\n").length - 1)

        const first = yield* run("demo/main.ts", ...args)
        assert.strictEqual(number(first, "to do"), "505")
        assert.strictEqual(number(first, "created"), "demo-embed")
        assert.strictEqual(number(first, "rows"), "505")
        assert.strictEqual(number(first, "billed minutes"), "1")
        assert.strictEqual(number(first, "dollars"), "$0.00055")
        assert.strictEqual(number(first, "endpoint now"), "paused")
        assert.strictEqual(yield* lines("results.jsonl"), 505)
        assert.strictEqual(yield* lines("errors.jsonl"), 0)

        const second = yield* run("demo/main.ts", ...args)
        assert.strictEqual(number(second, "to do"), "0")
        assert.strictEqual(number(second, "rows"), "0")
        assert.strictEqual(number(second, "billed minutes"), "0:")
        assert.isUndefined(number(second, "created"))

        const answers = (text: string) => text.slice(text.indexOf("The nearest"), text.indexOf("  rows "))
        assert.match(answers(first), /heavy rain with thunder\n {4}0\.\d\d {2}\w/)
        assert.strictEqual(answers(second), answers(first))

        const third = yield* run("demo/main.ts", ...args, "--fresh")
        assert.strictEqual(number(third, "rows"), "505")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    60_000
  )
})
