/** A rerun starts in seconds and in bounded memory, whatever the outputs weigh. */
import { spawnSync } from "node:child_process"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"

const Opened = Schema.fromJsonString(
  Schema.Struct({
    seconds: Schema.Finite,
    megabytes: Schema.Finite,
    isRecalled: Schema.Boolean,
    keys: Schema.Int,
    succeeded: Schema.Int
  })
)

const program = fileURLToPath(new URL("openJournal.ts", import.meta.url))

const opened = (path: string) =>
  Effect.suspend(() => {
    const { stderr, stdout } = spawnSync(NodeProcess.execPath, [program, path], { encoding: "utf8" })
    assert.strictEqual(stderr, "")
    return Schema.decodeEffect(Opened)(stdout)
  })

const hex = (word: number) => (word >>> 0).toString(16).padStart(8, "0")

/** Lines as the journal writes them. */
const write = Effect.fnUntraced(function* (path: string, rows: number, output: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "w" })
  const encoder = new TextEncoder()
  for (let row = 0; row < rows;) {
    let text = ""
    for (; row < rows && text.length < 2 ** 22; row++) {
      const print = hex(Math.imul(row, 0x9e3779b1)) + hex(row)
      text += `{"key":"row-${row}","fingerprint":"${print}","tag":"Succeeded","attempts":1,"durationMillis":12,"output":${output}}\n`
    }
    yield* file.writeAll(encoder.encode(text))
  }
}, Effect.scoped)

interface Bounds {
  /** CPU seconds, so that a busy machine changes little. */
  readonly seconds: number
  readonly megabytes: number
}

const sizes: ReadonlyArray<{
  readonly name: string
  readonly rows: number
  readonly output: string
  readonly scanned: Bounds
  readonly indexed: Bounds
}> = [
  {
    name: "10,000,000 small rows",
    rows: 10_000_000,
    output: '"ok"',
    scanned: { seconds: 90, megabytes: 1200 },
    indexed: { seconds: 15, megabytes: 900 }
  },
  {
    name: "1,000,000 vectors of 4 KB",
    rows: 1_000_000,
    output: `[${Array.from({ length: 192 }, (_, at) => Math.sin(at)).join(",")}]`,
    scanned: { seconds: 30, megabytes: 700 },
    indexed: { seconds: 3, megabytes: 500 }
  }
]

for (const { indexed, name, output, rows, scanned } of sizes) {
  it.live(
    `${name}: read once without an index, then started from it`,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const path = (yield* Path.Path).join(directory, "journal.jsonl")
        yield* write(path, rows, output)
        for (const bounds of [scanned, indexed]) {
          const { isRecalled, keys, megabytes, seconds, succeeded } = yield* opened(path)
          assert.deepStrictEqual([keys, succeeded, isRecalled], [rows, rows, true])
          yield* Effect.log(`${name}: ${seconds.toFixed(1)} s of CPU, ${megabytes.toFixed(0)} MB at most`)
          assert.isBelow(seconds, bounds.seconds)
          assert.isBelow(megabytes, bounds.megabytes)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { timeout: 600_000 }
  )
}
