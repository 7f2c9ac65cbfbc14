/**
 * The rows of a run: a file, or what comes on stdin, checked as a whole before anything is woken.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { describe } from "@stint/batch/FileProblem"
import * as Row from "@stint/batch/Row"
import * as Source from "@stint/batch/Source"

/** How an input is opened. */
export interface Options {
  /** A path, or `-` for stdin. */
  readonly input: string
  readonly kind: Row.Kind
  /** The output folder: the invalid lines go there, and for the time of the run what can be read only once. */
  readonly directory: string
  readonly skipInvalid: boolean
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

/** Opens an input; what can be read only once is written to a file first, which is gone with the scope. */
export const open = Effect.fnUntraced(function* ({ input, kind, directory, skipInvalid }: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const name = input === "-" ? "stdin" : input
  const invalidPath = path.join(directory, "invalid.jsonl")
  const once = yield* readOnce(input)
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
  const { items, check } = Row.checked(once === undefined ? input : spill, kind, {
    name,
    ...(skipInvalid ? { onInvalid: "skip", invalidPath } : {})
  })
  return {
    name,
    rows: items,
    /** How many lines were invalid, once all were read. */
    invalid: Effect.gen(function* () {
      // A run that has no invalid lines leaves none of an earlier one behind.
      if (!skipInvalid) yield* Effect.ignore(fs.remove(invalidPath, { force: true }))
      return (yield* check)?.invalid ?? 0
    })
  }
})
