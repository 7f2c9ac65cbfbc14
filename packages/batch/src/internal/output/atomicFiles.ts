/**
 * Files that are there whole or not at all: written beside their places, and put there together.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"

/** Where a file is written until it is complete. */
export const partOf = (path: string): string => `${path}.part`

const folderOf = (path: string) => path.replace(/[^/\\]*$/, "") || "."

/**
 * Lets `use` write some files, each beside its path; then puts all of them on the disk, and only then in their places, in
 * the order given. A file that one of the same path was is replaced. When `use` fails, nothing is left of them.
 *
 * No file system renames two files at once: after a crash between two renames the first are new and the last are old.
 */
export const write = <A, E, R>(
  paths: ReadonlyArray<string>,
  use: (files: ReadonlyArray<FileSystem.File>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | PlatformError, R | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const remove = Effect.forEach(paths, (path) => Effect.ignore(fs.remove(partOf(path), { force: true })), {
      discard: true
    })
    const written = Effect.scoped(
      Effect.gen(function* () {
        const files = yield* Effect.forEach(paths, (path) => fs.open(partOf(path), { flag: "w" }))
        const result = yield* use(files)
        yield* Effect.forEach(files, (file) => file.sync, { discard: true })
        return result
      })
    )
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const result = yield* Effect.onError(restore(written), () => remove)
        for (const path of paths) yield* fs.rename(partOf(path), path)
        // The names are in the folder, which is written on its own; not every system can.
        for (const folder of new Set(paths.map(folderOf))) {
          yield* Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(folder), (opened) => opened.sync)))
        }
        return result
      })
    )
  })
