import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const source = new URL("../src/", import.meta.url)

/** Makes much of which a part lives on, and prints how many MB of what is new there may be then. */
const program = `
  import { getHeapSpaceStatistics } from "node:v8"
  let kept = []
  for (let nth = 0; nth < 5_000_000; nth++) {
    const one = { nth, list: [nth] }
    if (nth % 10 === 0) kept.push(one)
    if (kept.length > 300_000) kept = []
  }
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")
  console.log(space.space_size / 2 ** 20)
`

const newSpace = Effect.fnUntraced(function* (...flags: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const args = [...flags, "--input-type=module", "--eval", program]
  return Number(yield* spawner.string(ChildProcess.make(process.execPath, args)))
})

describe("the command's heap", () => {
  it.live(
    "what was made last stays within the bounds that it has when the command begins",
    () =>
      Effect.gen(function* () {
        const left = yield* newSpace()
        const bounded = yield* newSpace("--import", new URL("Heap.ts", source).href)
        assert.isAbove(left, 32)
        assert.isAtMost(bounded, 32)
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000
  )

  it.effect("is bounded before any other module runs", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const text = yield* fs.readFileString(new URL("bin.ts", source).pathname)
      assert.strictEqual(/^import .*$/m.exec(text)?.[0], 'import "./Heap.ts"')
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
