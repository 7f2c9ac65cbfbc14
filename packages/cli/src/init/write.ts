/**
 * Puts the files of a project into a folder, all or none of them.
 */
import effect from "effect/package.json" with { type: "json" }
import platformNode from "@effect/platform-node/package.json" with { type: "json" }
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { describe } from "@stint/batch/FileProblem"
import { FilesInTheWay } from "./FilesInTheWay.ts"
import * as Project from "./project.ts"

/** What the programs were written against. */
const versions = {
  effect: effect.version,
  platformNode: platformNode.version,
  nodeTypes: "^24.0.0",
  typescript: "^7.0.0"
}

/** Writes the project; what is there already is written over with `force` alone. The names of the files, in order. */
export const write = Effect.fnUntraced(function* (
  folder: string,
  choice: Project.Choice,
  force: boolean
): Effect.fn.Return<ReadonlyArray<string>, FilesInTheWay, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = Object.entries(Project.files(choice, versions))
  const isThere = ([name]: readonly [string, string]) =>
    Effect.orElseSucceed(fs.exists(path.join(folder, name)), () => false)
  const taken = force ? [] : yield* Effect.filter(files, isThere)
  if (taken.length > 0) {
    return yield* new FilesInTheWay({
      folder,
      detail: `it has ${taken.map(([name]) => name).join(", ")} already`,
      step: "Choose another folder, or write over them with --force"
    })
  }
  yield* Effect.andThen(
    fs.makeDirectory(folder, { recursive: true }),
    Effect.forEach(files, ([name, text]) => fs.writeFileString(path.join(folder, name), text), {
      discard: true
    })
  ).pipe(
    Effect.mapError(
      (error) => new FilesInTheWay({ folder, detail: describe(error), step: "Choose another folder" })
    )
  )
  return files.map(([name]) => name)
})
