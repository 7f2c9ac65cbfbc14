/** The examples with models and other people's clients are run as a reader would run them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Stream } from "effect"
import { ChildProcess } from "effect/process"

const home = import.meta.dirname

/** A token and an address that nobody may use: without `STINT_EXAMPLES` an example stays in its process. */
const elsewhere = { HF_TOKEN: "hf_not_to_be_used", STINT_API_URL: "http://127.0.0.1:1/v2" }

const run = Effect.fn(function* (file: string) {
  const path = yield* Path.Path
  const handle = yield* ChildProcess.make(process.execPath, [path.join(home, file)], {
    env: elsewhere,
    extendEnv: true,
    forceKillAfter: "5 seconds"
  })
  const out = yield* Stream.mkString(Stream.decodeText(handle.all))
  assert.strictEqual(yield* handle.exitCode, 0, out)
  return out
}, Effect.scoped)

/** What they all make of one question. */
const answer = "a person who is authorized to administer an animal"

/** What an example prints. */
const telling: Readonly<Record<string, string>> = {
  "ai-fallback.ts": `answered by step 2: ${answer}\n`,
  "ai-text.ts": `a text: ${answer}\nan object: name and people, 15 tokens\na tool: weather says rain\n`,
  "huggingface-client.ts": `${answer}\n`,
  "openai-client.ts": `${answer} (10 tokens)\n`,
  "vercel-ai.ts": `${answer} (10 tokens)\n`
}

describe("the examples with models", () => {
  it.live("are all tested here, and say what they cost elsewhere", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const files = (yield* fs.readDirectory(home)).filter((name) => /(?<!\.test)\.ts$/.test(name))
      assert.deepStrictEqual(files.toSorted(), Object.keys(telling))
      for (const file of files) {
        const text = yield* fs.readFileString(path.join(home, file))
        assert.match(text, /\n \* On an account.*\$\d/, file)
        assert.isBelow(text.split("\n").length, 72, `${file} is too long`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const [file, text] of Object.entries(telling)) {
    it.live(`${file} says what it should`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* run(file), text)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})
