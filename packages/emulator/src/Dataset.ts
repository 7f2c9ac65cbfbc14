/**
 * A dataset on the emulator's hub: files at a commit, and the copy in Parquet that the hub makes of them.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"

/** Files by their path in the repository, as in `data/train.parquet`. */
export type Files = Readonly<Record<string, Uint8Array>>

/** A dataset as it is now. Another one of the same name is the next commit of it: what was there before stays readable. */
export interface Dataset {
  /** The files of `main`. Default: those of `converted`. */
  readonly files?: Files | undefined
  /**
   * The files of `refs/convert/parquet`: `CONFIG/SPLIT/0000.parquet`, or `CONFIG/partial-SPLIT/0000.parquet` for the first
   * part of a large one. Absent: the hub has not converted it, and there is no such branch.
   */
  readonly converted?: Files | undefined
  /**
   * Who sees it: everybody; whoever asked its owner for access, as `granted` says of the emulator's user; the emulator's
   * user alone. Default: `public`.
   */
  readonly access?: "public" | "gated" | "private" | undefined
  /** Whether the emulator's user was given access to what is `gated` or `private`. Default: true. */
  readonly granted?: boolean | undefined
}

const converted = /^[^/]+\/[^/]+\/[^/]+\.parquet$/

/**
 * Reads datasets from a folder: `OWNER/NAME` below it is one, with the files that it holds. Of these
 * `CONFIG/SPLIT/anything.parquet` are the copy in Parquet as well. Files whose name begins with a dot are left out. All of it
 * is held in memory.
 *
 * @example
 * ```ts
 * import { Dataset, Emulator } from "@stint/emulator"
 * import { Effect, Layer } from "effect"
 *
 * const withDatasets = Layer.unwrap(
 *   Effect.map(Dataset.fromFolder("datasets"), (datasets) => Emulator.layerServer({ datasets }))
 * )
 * ```
 */
export const fromFolder = Effect.fnUntraced(function* (
  folder: string
): Effect.fn.Return<
  Readonly<Record<string, Dataset>>,
  PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const all: Record<string, Dataset> = {}
  const visible = (name: string) => name.split("/").every((part) => !part.startsWith("."))
  const foldersOf = (at: string) =>
    Effect.flatMap(fs.readDirectory(at), (names) =>
      Effect.filter(names.filter(visible).toSorted(), (name) =>
        Effect.map(fs.stat(path.join(at, name)), ({ type }) => type === "Directory")
      )
    )
  for (const owner of yield* foldersOf(folder)) {
    for (const name of yield* foldersOf(path.join(folder, owner))) {
      const root = path.join(folder, owner, name)
      const files: Record<string, Uint8Array> = {}
      for (const entry of yield* fs.readDirectory(root, { recursive: true })) {
        const at = path.join(root, entry)
        const inRepository = entry.split(path.sep).join("/")
        if (!visible(inRepository) || (yield* fs.stat(at)).type !== "File") continue
        files[inRepository] = yield* fs.readFile(at)
      }
      const copies = Object.entries(files).filter(([file]) => converted.test(file))
      all[`${owner}/${name}`] = {
        files,
        converted: copies.length === 0 ? undefined : Object.fromEntries(copies)
      }
    }
  }
  return all
})

/** The name of the dataset that ships with this package. */
export const definitionsId = "emulator/definitions"

const shipped = ["0000.parquet", "0001.parquet"]

/**
 * Reads the dataset that ships with this package, which `stint emulate` serves as `emulator/definitions`: 400 definitions of
 * WordNet with the columns `id` and `text`, in two files.
 *
 * @example
 * ```ts
 * import { Dataset, Emulator } from "@stint/emulator"
 * import { Effect, Layer } from "effect"
 *
 * const withDefinitions = Layer.unwrap(
 *   Effect.map(Dataset.definitions, (dataset) =>
 *     Emulator.layerMemory({ datasets: { [Dataset.definitionsId]: dataset } })
 *   )
 * )
 * ```
 */
export const definitions: Effect.Effect<
  Dataset,
  PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = yield* Effect.forEach(shipped, (name) =>
    Effect.gen(function* () {
      const url = new URL(`../models/wordnet-dataset/${name}`, import.meta.url)
      const bytes = yield* fs.readFile(yield* Effect.orDie(path.fromFileUrl(url)))
      return [`default/train/${name}`, bytes] as const
    })
  )
  return { converted: Object.fromEntries(files) }
})
