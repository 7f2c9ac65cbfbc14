import { assert, describe, it } from "@effect/vitest"
import { Journal, Report } from "@stint/batch"
import { Effect, Stream } from "effect"
import * as OutputCounts from "../src/OutputCounts.ts"

const entry = (key: string, tag: Journal.Entry["tag"]): Journal.Entry => ({
  key,
  fingerprint: "0123456789abcdef",
  tag,
  attempts: 1,
  durationMillis: 1
})

const report = (more: Partial<Report.Report>): Report.Report => ({ ...Report.nothingToDo(0), ...more })

const problem = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Journal.Entry>,
  said: Partial<Report.Report>,
  keys: ReadonlyArray<string>,
  more: { readonly written?: { readonly results: number; readonly errors: number } } = {}
) {
  const journal = yield* Journal.makeMemory
  yield* journal.append(entries)
  const results = entries.filter(({ tag }) => tag === "Succeeded").length
  const written = more.written ?? { results, errors: entries.length - results }
  return yield* OutputCounts.problem(written, report(said), journal, Stream.fromIterable(keys))
})

const two = [entry("a", "Succeeded"), entry("b", "Failed")]
const other = [entry("x", "Succeeded"), entry("y", "Failed")]
const right = { items: 2, succeeded: 1, failed: 1, remaining: 0 }

describe("whether it adds up", () => {
  const good: ReadonlyArray<readonly [string, ReturnType<typeof problem>]> = [
    ["a run of its own", problem(two, right, ["a", "b"])],
    ["a run whose rows were done before", problem(two, { ...right, succeeded: 0, skipped: 1 }, ["a", "b"])],
    ["a folder with rows of another input", problem([...two, ...other], right, ["a", "b"])],
    ["a run that was stopped", problem([...two, ...other], { ...right, items: 9, remaining: 7 }, ["a", "b"])]
  ]
  for (const [what, result] of good) {
    it.effect(`it does: ${what}`, () =>
      Effect.gen(function* () {
        assert.isUndefined(yield* result)
      })
    )
  }

  const bad: ReadonlyArray<readonly [string, ReturnType<typeof problem>, string]> = [
    [
      "a row that is nowhere",
      problem(two.slice(0, 1), right, ["a", "b"]),
      "1 results and 0 errors for a run of 2 rows"
    ],
    [
      "a failure that stands as a success",
      problem([entry("a", "Succeeded"), entry("b", "Succeeded")], right, ["a", "b"]),
      "2 results and 0 errors"
    ],
    [
      "a row that is missing among those of another input",
      problem([...two.slice(0, 1), ...other], right, ["a", "b"]),
      "1 results and 0 errors"
    ],
    ["a report that contradicts itself", problem(two, { ...right, items: 3 }, ["a", "b"]), "are not 3 rows"],
    [
      "a stopped run whose results are too few",
      problem(two, { items: 9, succeeded: 2, remaining: 7 }, ["a", "b"]),
      "1 results"
    ]
  ]
  for (const [what, result, words] of bad) {
    it.effect(`it does not: ${what}`, () =>
      Effect.gen(function* () {
        assert.include(yield* result, words)
      })
    )
  }
})
