/** A temporary folder with files in it, and what the tests of files share. */
import { Effect, FileSystem, Path } from "effect"

/** A folder that is gone after the test. */
export const folder = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orDie(fs.makeTempDirectoryScoped())
})

/** A file with that text, or those bytes, in a folder of its own. */
export const file = Effect.fnUntraced(function* (content: string | Uint8Array, name = "rows.jsonl") {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at = path.join(yield* folder, name)
  yield* Effect.orDie(
    typeof content === "string" ? fs.writeFileString(at, content) : fs.writeFile(at, content)
  )
  return at
})
