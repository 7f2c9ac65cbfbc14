/** One program under the profiler, and what its time went to. */
import { Effect, FileSystem, Schema } from "effect"
import { type Profile, ProfileText, groups } from "./profile.ts"
import * as Program from "./program.ts"
import type { Table } from "./result.ts"
import { digits } from "./text.ts"

export const profiled = Effect.fnUntraced(function* (file: string, args: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* Program.measured(file, args, ["--cpu-prof", `--cpu-prof-dir=${directory}`])
  const [written = ""] = yield* fs.readDirectory(directory)
  const text = yield* fs.readFileString(`${directory}/${written}`)
  return yield* Schema.decodeEffect(ProfileText)(text)
}, Effect.scoped)

/** A profile and what it is of. */
export interface Column {
  readonly name: string
  readonly profile: Profile
}

/**
 * Side by side, each in percent of its own: how long something took says little where others use the processor too. Of the
 * groups those that are a fiftieth of one of the columns.
 */
export const shares = (title: string, note: string, columns: ReadonlyArray<Column>): Table => {
  const each = columns.map(({ profile }) => {
    const found = groups(profile)
    const all = found.reduce((sum, [, micros]) => sum + micros, 0)
    return new Map(found.map(([group, micros]) => [group, (100 * micros) / all]))
  })
  const weightOf = (group: string) => Math.max(...each.map((found) => found.get(group) ?? 0))
  const names = [...new Set(each.flatMap((found) => [...found.keys()]))]
    .filter((group) => weightOf(group) > 2)
    .toSorted((a, b) => weightOf(b) - weightOf(a))
  return {
    title,
    note,
    columns: ["", ...columns.map(({ name }) => name)],
    rows: names.map((group) => [group, ...each.map((found) => digits(found.get(group) ?? 0))])
  }
}
