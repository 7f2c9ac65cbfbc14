/**
 * The rows of a run: a file, or what comes on stdin, checked as a whole before anything is woken.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { describe } from "@stint/batch/FileProblem"
import type { Folder } from "@stint/batch/Media"
import * as Row from "@stint/batch/Row"
import * as Source from "@stint/batch/Source"
import { type Reading, isOnHub, urlOf } from "./InputFlags.ts"

/** How an input is opened. */
export interface Options {
  /** A path, the URL of a Parquet file, the name of a dataset on the hub, or `-` for stdin. */
  readonly input: string
  readonly reading: Reading
  readonly kind: Row.Kind
  /** The output folder: the invalid lines go there, and for the time of the run what can be read only once. */
  readonly directory: string
  readonly skipInvalid: boolean
  /** The folder of the files that rows refer to. */
  readonly files?: Folder | undefined
}

/** What can be read only once: stdin, and a pipe that has a name. */
const readOnce = Effect.fnUntraced(function* (input: string) {
  const fs = yield* FileSystem.FileSystem
  if (input === "-") return (yield* Stdio.Stdio).stdin
  const type = yield* Effect.orElseSucceed(
    Effect.map(fs.stat(input), (info) => info.type),
    () => "Unknown" as const
  )
  return type === "FIFO" || type === "CharacterDevice" || type === "Socket" ? fs.stream(input) : undefined
})

/** The rows of a file, checked. */
const checked = (
  from: string | URL,
  kind: Row.Kind,
  reading: Reading,
  check: Omit<Row.Options, "csv" | "format" | "mapping">
) => {
  const { csv, format, mapping } = reading
  if (format !== "parquet") {
    return Effect.succeed(Row.checked(String(from), kind, { ...check, format, csv, mapping }))
  }
  // Only who reads Parquet waits for its reader.
  return Effect.map(
    Effect.promise(() => import("@stint/batch/parquet")),
    ({ Parquet }) =>
      typeof from === "string"
        ? Parquet.rows(from, kind, { ...check, mapping })
        : Parquet.rows(from, kind, { ...check, mapping })
  )
}

/** The rows of a dataset, at the commit that it has now. */
const onHub = Effect.fnUntraced(function* (
  input: string,
  kind: Row.Kind,
  { mapping }: Reading,
  check: Omit<Row.Options, "csv" | "format" | "mapping" | "name">
) {
  const { HubDataset } = yield* Effect.promise(() => import("@stint/batch/parquet"))
  const dataset = yield* HubDataset.openConfig(input)
  return { name: dataset.name, ...HubDataset.rows(dataset, kind, { ...check, mapping }) }
})

/** Opens an input; what can be read only once is written to a file first, which is gone with the scope. */
export const open = Effect.fnUntraced(function* (options: Options) {
  const { input, kind, reading, directory, files, skipInvalid } = options
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const url = urlOf(input)
  // A URL is called by its path: what follows that may be a secret.
  const name = input === "-" ? "stdin" : url === undefined ? input : `${url.origin}${url.pathname}`
  const invalidPath = path.join(directory, "invalid.jsonl")
  const once = url === undefined && !isOnHub(input) ? yield* readOnce(input) : undefined
  const spill = path.join(directory, ".input.jsonl.part")
  if (once === undefined) {
    // What a run left that was killed.
    yield* Effect.ignore(fs.remove(spill, { force: true }))
  } else {
    const bytes = Stream.mapError(
      once,
      (error) => new Source.SourceError({ path: name, line: 0, detail: describe(error) })
    )
    yield* Source.spilledBytes(bytes, spill)
  }
  const how = { files, ...(skipInvalid ? { onInvalid: "skip" as const, invalidPath } : {}) }
  const from = url ?? (once === undefined ? input : spill)
  const opened = isOnHub(input)
    ? yield* onHub(input, kind, reading, how)
    : { name, ...(yield* checked(from, kind, reading, { ...how, name })) }
  return {
    name: opened.name,
    /** What it is made of. */
    unit: reading.format === "parquet" ? "row" : "line",
    rows: opened.items,
    /** How many lines were invalid, once all were read. */
    invalid: Effect.gen(function* () {
      // A run that has no invalid lines leaves none of an earlier one behind.
      if (!skipInvalid) yield* Effect.ignore(fs.remove(invalidPath, { force: true }))
      return (yield* opened.check)?.invalid ?? 0
    })
  }
})
