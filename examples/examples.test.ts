/** Every example is run as a reader would run it, and says what it is there to say. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, Layer, FileSystem, Path, Redacted, Stream } from "effect"
import { ChildProcess } from "effect/process"

const home = import.meta.dirname

/** A token and an address that nobody may use: without `STINT_EXAMPLES` an example stays in its process. */
const elsewhere = { HF_TOKEN: "hf_not_to_be_used", STINT_API_URL: "http://127.0.0.1:1/v2" }

const runWith = Effect.fn(function* (
  env: Readonly<Record<string, string>>,
  file: string,
  ...args: ReadonlyArray<string>
) {
  const path = yield* Path.Path
  const handle = yield* ChildProcess.make(process.execPath, [path.join(home, file), ...args], {
    env,
    extendEnv: true,
    forceKillAfter: "5 seconds"
  })
  const out = yield* Stream.mkString(Stream.decodeText(handle.all))
  assert.strictEqual(yield* handle.exitCode, 0, out)
  return out
}, Effect.scoped)

const run = (file: string, ...args: ReadonlyArray<string>) => runWith(elsewhere, file, ...args)

/** What an example prints, or a part of it that tells whether it worked. */
const telling: Readonly<Record<string, ReadonlyArray<string>>> = {
  "quickstart.ts": ["Created, 64 numbers\n"],
  "classify.ts": ["a: go\n", "b: php\n", "c: py\n", "d: row 400", "1 minutes billed\n"],
  "search.ts": [
    "heavy rain with thunder: thunderstorm\n",
    "a tool for cutting wood: adz\n",
    "the last meal of the day: dinner\n"
  ],
  "chat-csv.ts": [
    "3 answered, 0 failed\n",
    "id,output,finish_reason,prompt_tokens,completion_tokens,response\n1,",
    "\n2,a person who is authorized to administer an animal,"
  ],
  "structured-output.ts": ["1: good, 1 of 5, delivery: false\n2: ", " of 5, delivery: false\n3: "],
  "custom-job.ts": ["dog and puppy: 0.34\n", "dog and invoice: -0.26\n"],
  "fallback.ts": ["3 done on example-fallback-cpu\n"],
  "resume.ts": [
    "interrupted: some rows are done\nthe endpoint is paused\n",
    "second run: did the rest, the endpoint is paused\n",
    "third run: 3000 skipped, 0 minutes billed\n"
  ],
  "scheduled-job.ts": [
    "2 done, 0 before, 3 minutes billed\n",
    "1 done, 2 before, 3 minutes billed\n",
    "02:00  0 done, 3 before, 0 minutes billed\n"
  ],
  "errors.ts": [
    'There is no endpoint "emulator/nobody"',
    'Endpoint "emulator/paused" is paused (by somebody-else)',
    "CUDA out of memory",
    "was not ready after 100ms",
    "exists with repository intfloat/e5-small",
    "MAY STILL BE BILLING at $0.033 an hour",
    "stint endpoints pause stuck --namespace emulator)\n"
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

  it.live("run elsewhere by changing nothing but the environment", () =>
    Effect.gen(function* () {
      const { endpoints, namespace, token, urls } = yield* Emulator.Emulator
      const account = {
        STINT_EXAMPLES: "account",
        STINT_API_URL: urls.management.href,
        HF_ENDPOINT: urls.hub.href,
        HF_ENDPOINTS_NAMESPACE: namespace,
        HF_TOKEN: Redacted.value(token)
      }
      assert.include(yield* runWith(account, "quickstart.ts"), "Created, 64 numbers\n")
      assert.deepStrictEqual(
        (yield* endpoints).map(({ name, state }) => [name, state]),
        [["quickstart", "paused"]]
      )
    }).pipe(
      Effect.provide(Layer.provideMerge(Emulator.layerServer({ boot: "100 millis" }), NodeServices.layer))
    )
  )

  it.live("say what they cost elsewhere, and go there by the one layer", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      for (const file of Object.keys(telling)) {
        const text = yield* fs.readFileString(path.join(home, file))
        const onlyHere = text.includes("\n * On the emulator only")
        assert.isTrue(onlyHere || /\n \* On an account.*\$\d/.test(text), file)
        assert.isTrue(onlyHere || text.includes('from "./setup/endpoints.ts"'), file)
        assert.isTrue(onlyHere || !text.includes('from "@stint/emulator"'), file)
        assert.isBelow(text.split("\n").length, 72, `${file} is too long`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("begin with the program of the README", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const quickstart = yield* fs.readFileString(path.join(home, "quickstart.ts"))
      const readme = yield* fs.readFileString(path.join(home, "../README.md"))
      const program = quickstart.slice(
        quickstart.indexOf("const spec"),
        quickstart.indexOf("NodeRuntime.runMain")
      )
      assert.include(readme, program)
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
